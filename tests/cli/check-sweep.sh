#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bsa-replay --sweep: its runs are what single runs are, its table is what their reports say, and
# what fails or is interrupted is told.
# shellcheck disable=SC2317,SC2016 # functions that run through expect; $1 is for another shell
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/cli/replay-lib.sh"

schema=$srcdir/cli/sweep/sweep.schema.json

# --- The runs --------------------------------------------------------------------------------

expect "a grid of two options" run grid --jobs=2 --sweep cpus=1,3 --sweep "classes=fine;16,32,64" \
    --cpu-map=hash "$trace"
for cpus in 1 3; do
    for classes in fine 16,32,64; do
        run single --cpus=$cpus --classes=$classes --cpu-map=hash "$trace"
        for file in report.json timeline.csv report.txt occupancy.gp; do
            same "cpus=$cpus,classes=$classes: $file is that of a single run" \
                "$work/single/$file" "$work/grid/cpus=$cpus,classes=$classes/$file"
        done
    done
done
expect "one at a time" run serial --jobs=1 --sweep cpus=1,3 --sweep "classes=fine;16,32,64" \
    --cpu-map=hash "$trace"
for file in sweep.json sweep.csv sweep.txt sweep.html; do
    same "  $file is the same" "$work/grid/$file" "$work/serial/$file"
done
run single --cpus=2 - <"$trace"
expect "standard input" sh -c 'cat "$1" | "$2" -q --no-plots --sweep cpus=1,2 -o "$3" -' - \
    "$trace" "$replay" "$work/stdin"
same "  is read by each run" "$work/single/report.json" "$work/stdin/cpus=2/report.json"

says 1 "has no report: it is of a sweep; name the folder of one of its runs" "diff of a sweep" \
    "$replay" diff "$work/grid" "$work/single"

# --- The table -------------------------------------------------------------------------------

says 1 "1 of 3 runs failed, the first with region=4K: a region" "a run that fails" \
    "$replay" -q --no-plots -o "$work/short" --sweep region=64K,1M,4K "$trace"
expect "  in the table, too" grep -q "^region=4K (failed): a region" "$work/short/sweep.txt"
expect "  the others are there" test -s "$work/short/region=1M/report.html" -a ! -e "$work/short/region=4K"
expect "requests that fail are told" grep -q "^Requests failed in 1 of 3 runs" "$work/short/sweep.txt"
expect "  and are no effect on memory" grep -q "^region  *0.0 %" "$work/short/sweep.txt"
expect "the best run is one in which none fails" \
    grep -q "^Fewest pages in use: .* with region=1M\.$" "$work/short/sweep.txt"
awk 'length > 80 { print FILENAME ": " length ": " $0 }' "$work"/*/sweep.txt >"$work/log"
nothing "tables in 80 columns" "$work/log"
# A trace that no run can read.
mkdir "$work/unread"
cp "$work/grid/sweep.txt" "$work/unread"
says 1 "bsa-replay: $work/missing: cannot open it" "a trace that is not there" \
    "$replay" --no-plots -o "$work/unread" --sweep cpus=1,2 "$work/missing"
expect "  in one line" test "$(wc -l <"$work/log")" -eq 1
says 1 "is no trace that can be read" "a file that is no trace" \
    "$replay" --no-plots -o "$work/unread" --sweep cpus=1,2 "$schema"
same "  and an earlier sweep stays" "$work/grid/sweep.txt" "$work/unread/sweep.txt"
says 1 "none of 2 runs left a report; cpus=1: standard input: is empty" "a trace of nothing" \
    sh -c '"$1" --no-plots -o "$2" --sweep cpus=1,2 - </dev/null' - "$replay" "$work/nothing"
says 1 "none of 2 runs left a report; region=4K: a region of 4.0" "only runs that fail" \
    "$replay" --no-plots -o "$work/nothing" --sweep region=4K,8K "$trace"
find "$work/nothing" -mindepth 1 >"$work/left"
nothing "  make no table, and leave nothing" "$work/left"

if have python3; then
    expect "figures are those of the reports" python3 - "$work/grid" <<'PYTHON'
import csv, json, os, sys
folder = sys.argv[1]
sweep = json.load(open(os.path.join(folder, "sweep.json")))
rows = list(csv.DictReader(open(os.path.join(folder, "sweep.csv"))))
assert len(rows) == len(sweep["runs"]) == 4
for row, run in zip(rows, sweep["runs"]):
    report = json.load(open(os.path.join(folder, run["folder"], "report.json")))
    assert run["settings"] == {"cpus": row["cpus"], "classes": row["classes"]}, row
    assert int(row["cpus"]) == report["replay"]["cpus"] and row["state"] == run["state"] == "done"
    figures = run["figures"]
    assert figures["peak_occupied"] == int(row["peak_occupied"]) == report["result"]["peak_occupied_bytes"]
    assert figures["metadata"] == report["peak"]["split"]["metadata"]
    assert figures["internal_time"] == report["internal_fragmentation"]["over_events"]
    assert figures["unusable_9_end"] == report["end"]["unusable_free_space_index"][9]
    lines = [line for line in csv.DictReader(open(os.path.join(folder, run["folder"], "timeline.csv")))
             if line["peak"] == "0"]
    mean = sum(float(line["unusable_9"]) for line in lines) / len(lines)
    assert abs(figures["unusable_9_mean"] - mean) < 1e-6, (figures["unusable_9_mean"], mean)
PYTHON
else
    skip "figures are those of the reports" "no python3"
fi
if has_jsonschema; then
    for name in grid short stdin; do
        expect "sweep.json of $name is as the schema says" follows_schema "$schema" \
            "$work/$name/sweep.json"
    done
    expect "every member is described" describes_all "$schema"
else
    skip "sweep.json is as the schema says" "no python3 with jsonschema"
fi

# --- Names of folders ------------------------------------------------------------------------

echo 64,256 >"$work/table"
long=$(seq -s , 8 8 512)
expect "values with a / and of any length" run names --sweep "classes=@$work/table;$long" "$trace"
expect "  the / is written otherwise" test -s "$work/names/classes=@$(echo "$work/table" |
    sed 's,/,%2F,g')/report.json"
expect "  a long one is numbered" test -s "$work/names/run-2/report.json"

# --- Pictures --------------------------------------------------------------------------------

if have gnuplot; then
    run words --sweep cpu-map=hash,thread --sweep page-lists=none,8 "$trace"
    for name in grid short words; do
        says 0 "" "pictures of $name" "$replay" show "$work/$name"
        nothing "  gnuplot has nothing to say" "$work/log"
        expect "  they are there" test -s "$work/$name/sweep.png" -a -s "$work/$name/sweep.svg" -a \
            -s "$work/$name/sweep-occupancy.svg"
        expect "  and on the page" grep -q '<figure id="sweep">' "$work/$name/sweep.html"
    done
else
    skip "pictures" "no gnuplot"
fi
# drawn DIR: values of the runs that lie over each other, as they come.
drawn() {
    sed -n 's/.*column("occupied").* title "[a-z]*=\(.*\)", .*/\1/p' "$work/$1/sweep-occupancy.gp"
}
# extremes DIR: those with the fewest and the most pages in use.
extremes() {
    awk -F, 'NR == 1 { while ($++at != "peak_occupied"); next } { print $at, $1 }' \
        "$work/$1/sweep.csv" | sort -n | sed -n 's/"//g; s/.* //; 1p; $p'
}
# There are 8 colours.
run many --sweep "classes=nine;kmalloc;fine;64;128;256;512;1024;2048" "$trace"
drawn many >"$work/drawn"
expect "of 9 runs 8 are drawn" test "$(wc -l <"$work/drawn")" -eq 8
expect "  those with the fewest and the most pages too" \
    test "$(extremes many | grep -cxFf "$work/drawn")" -eq 2
expect "  and the title says so" grep -q 'over the run, 8 of 9 runs' "$work/many/sweep-occupancy.gp"
run tight --sweep region=300K,350K,1M,2M,3M,4M,5M,6M,7M "$trace"
drawn tight >"$work/drawn"
sed -n 's/^"\(.*\)",done,0,.*/\1/p' "$work/tight/sweep.csv" >"$work/served"
expect "requests fail in some of 9 runs" test "$(wc -l <"$work/served")" -lt 9
same "  which are not drawn" "$work/served" "$work/drawn"
if have gnuplot; then
    ending_gnuplot sweep-occupancy.gp
    PATH=$work/bin:$PATH "$replay" -q --sweep cpus=1,2 -o "$work/ending" "$trace" 2>"$work/log"
    expect "status 143: SIGTERM while pictures are drawn" test $? -eq 143
    expect "  they are" test -s "$work/ending/sweep-occupancy.png"
    expect "  which is said" grep -q "when all runs were done; what is written is complete" "$work/log"
else
    skip "status 143: SIGTERM while pictures are drawn" "no gnuplot"
fi
run grid --cpus=1 "$trace"
expect "a single run takes its place" test ! -e "$work/grid/sweep.json" -a ! -e "$work/grid/sweep.txt" \
    -a ! -e "$work/grid/sweep.gp" -a -s "$work/grid/report.txt"

# --- Wrong usage -----------------------------------------------------------------------------

# bad WORDS ARGUMENTS...
bad() {
    bad_words=$1
    shift
    says 2 "$bad_words" "$*" "$replay" --no-plots -o "$work/bad" "$@" "$trace"
}
bad "give the name of an option and its values" --sweep cpus
bad "there are layer, cpus, " --sweep cpu=1,2
bad "there are layer, cpus, " --sweep output=a,b
bad "there are layer, cpus, " --sweep verify=1,2
bad "there are layer, cpus, " --sweep backend=libc,null
bad "--against does not go with --sweep" --sweep cpus=1,2 --against=null
bad "--against does not go with --sweep" --sweep cpus=1,2 --against=recorded
bad "--backend does not go with --sweep" --sweep layer=slab,page --backend=null
bad "--cpus=0: give a whole number" --sweep cpus=1,0
bad "a value is empty" --sweep cpus=1,,2
bad "give values" --sweep cpus=
bad "1 stands twice" --sweep cpus=1,2,1
bad "--cpus is given, and swept" --sweep cpus=1,2 --cpus=4
bad "is given twice" --sweep cpus=1,2 --sweep cpus=4
bad "the grid has 6 runs" --sweep cpus=1,2,3 --sweep seed=1,2 --max-runs=5
bad "or --max-runs=300" --sweep samples="$(seq -s , 2 31)" --sweep cpus=1,2,3,4,5,6,7,8,9,10
bad "--max-runs is for --sweep" --max-runs=5
bad "--jobs=0" --sweep cpus=1,2 --jobs=0
bad "--window is for --schedule=causal" --sweep schedule=strict,causal --window=9
bad "--term draws one run" --sweep cpus=1,2 --term=dumb
expect "nothing was begun" test ! -e "$work/bad"

# --- An interrupt ----------------------------------------------------------------------------

# The pipe has something for the first run only: the second one opens it and waits.
mkfifo "$work/pipe"
cat "$trace" >"$work/pipe" &
"$replay" -q --no-plots --jobs=1 --sweep seed=1,2,3 -o "$work/ended" "$work/pipe" 2>"$work/log" &
sweep=$!
# until_there FILE: waits for a file as long as the sweep runs.
until_there() {
    while [ ! -s "$1" ] && kill -0 $sweep 2>/dev/null; do
        sleep 0.1
    done
}
until_there "$work/ended/seed=1/report.html"
{
    echo yes >"$work/opened"
    exec sleep 1000
} >"$work/pipe" &
writer=$!
until_there "$work/opened"
kill -TERM $sweep
wait $sweep
status=$?
kill $writer
expect "an interrupt ends it with status 143" test $status -eq 143
expect "  which is said" grep -q "interrupted; the table is of the runs that were done" "$work/log"
expect "  the run that was done is kept" test -s "$work/ended/seed=1/report.html"
expect "  and stands in the table" grep -q '^"1",done,' "$work/ended/sweep.csv"
expect "  the others say that they were not run" \
    test "$(grep -c '"state" : "not run"' "$work/ended/sweep.json")" -eq 2
expect "  and leave nothing behind" test ! -e "$work/ended/seed=2"

done_testing
