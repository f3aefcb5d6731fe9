#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bsa-replay as a user meets it: the same report each time, exit statuses, messages, files.
# shellcheck disable=SC2317 # functions that run through expect
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/cli/replay-lib.sh"

# identical NAME DIR DIR: what has to be the same each time. FILES names more of them.
identical() {
    : >"$work/differ"
    for identical_file in report.json report.txt report.html timeline.csv classes.csv cpus.csv \
        sizes.csv sizes-by-power.csv lifetimes.csv lifetimes-by-bytes.csv sections.csv pins.csv \
        page-map.csv free-blocks.csv occupancy.gp fragmentation.gp free-blocks.gp page-map.gp \
        sizes.gp lifetimes.gp remote-frees.gp ${FILES:-}; do
        cmp "$work/$2/$identical_file" "$work/$3/$identical_file" >>"$work/differ" 2>&1
    done
    nothing "$1" "$work/differ"
}

# refused STATUS WORDS OPTION...: ends with the status, and one line of the message has the words.
refused() {
    refused_status=$1
    refused_words=$2
    shift 2
    "$replay" --no-plots -o "$work/refused" "$@" >"$work/log" 2>&1 </dev/null
    refused_got=$?
    if [ "$refused_got" -eq "$refused_status" ] && grep -qF -- "$refused_words" "$work/log"; then
        ok "status $refused_status: $*"
    else
        echo "status $refused_got, wanted $refused_status and '$refused_words'" >>"$work/log"
        not_ok "status $refused_status: $*" "$work/log"
    fi
}

# --- The same input, the same report ---------------------------------------------------------

for layer in slab page both; do
    FILES=caches.csv
    [ "$layer" != page ] || FILES=
    for map in recorded thread round-robin hash; do
        options="--layer=$layer --cpu-map=$map --cpus=3"
        # shellcheck disable=SC2086 # options are words
        expect "replay, $options" run one $options "$trace"
        # shellcheck disable=SC2086
        run two $options "$trace"
        # shellcheck disable=SC2086
        run threaded $options --threads=yes "$trace"
        identical "two runs, $options" one two
        identical "one thread per CPU, $options" one threaded
    done
done
FILES=
"$replay" --quiet --no-plots -o "$work/stdin" - <"$trace"
run file "$trace"
same "standard input gives the file's time line" "$work/file/timeline.csv" "$work/stdin/timeline.csv"

# --- Traces of other tools ------------------------------------------------------------------

mkdir "$work/packed"
for file in "$srcdir"/tests/cli/data/good-*; do
    name=${file##*/}
    gzip -c "$file" >"$work/packed/$name"
    expect "replay of $name" run plain --layer=slab "$file"
    run packed-report --layer=slab "$work/packed/$name"
    identical "  compressed by gzip as well" plain packed-report
done

# --- Other regions ---------------------------------------------------------------------------

# How many replays run at a time, and whether the trace can be read again, make no difference.
expect "the smallest region, and the curve" run regions --find-min-region --curve "$trace"
run again --find-min-region --curve "$trace"
FILES="curve.csv curve.gp"
identical "two searches and curves" regions again
if have taskset; then
    taskset -c "$(taskset -cp $$ | sed 's/.*: *//; s/[,-].*//')" \
        "$replay" -q --no-plots --find-min-region --curve -o "$work/single" "$trace"
    identical "the same on one processor" regions single
else
    skip "the same on one processor" "no taskset"
fi
FILES=
"$replay" -q --no-plots --find-min-region --curve -o "$work/piped" - <"$trace"
same "standard input gives the file's curve" "$work/regions/curve.csv" "$work/piped/curve.csv"
expect "curve.csv has a line for each region" \
    sh -c 'cut -d, -f1 "$1" | tr "\n" " " | grep -qx "factor 1.02 1.10 1.25 1.50 2.00 "' - \
    "$work/regions/curve.csv"
expect "curve.csv has as many fields in each line" \
    awk -F, 'NR == 1 { n = NF } NF != n { exit 1 }' "$work/regions/curve.csv"
for words in "smallest region" "one page less" "Fragmentation over the size of the region"; do
    expect "report.txt has '$words'" grep -qF "$words" "$work/regions/report.txt"
done
"$replay" --no-plots --find-min-region -o "$work/again" "$trace" >"$work/log" 2>&1
expect "the summary tells the smallest region" grep -q '^smallest region: .* bytes)$' "$work/log"
expect "the curve of an earlier run is gone" \
    test ! -e "$work/again/curve.csv" -a ! -e "$work/again/curve.gp"
awk 'length > 80 { print FILENAME ": " length ": " $0 }' "$work/regions/report.txt" >"$work/log"
nothing "report.txt has 80 columns, other regions included" "$work/log"

# --- The parts add up ------------------------------------------------------------------------

# adds_up BYTES DIR: from "requested" to "free" the columns add up to the regions, in every line.
adds_up() {
    awk -F, -v regions="$1" '
        NR == 1 {
            for (i = 1; i <= NF; i++) {
                if ($i == "requested") first = i
                if ($i == "free") last = i
            }
            next
        }
        {
            sum = 0
            for (i = first; i <= last; i++) sum += $i
            if (sum != regions) { print "line " NR ": " sum; bad = 1 }
        }
        END { exit bad || NR < 10 || last - first != 9 }' "$work/$2/timeline.csv"
}
run split --region=16M "$trace"
expect "the parts of each sample add up to 16 MiB" adds_up 16777216 split
run odd --region=12345678 "$trace"
expect "the parts of each sample add up to 12345678 bytes" adds_up 12345678 odd

# --- Wrong usage -----------------------------------------------------------------------------

refused 2 "no TRACE given"
refused 2 "the name of the trace is empty" ""
refused 2 "the name of the trace is empty" --tune --check= "$trace"
refused 2 "the name of the trace is empty" --sweep cpus=1,2 ""
refused 2 "2 traces given" a b
refused 2 "--nonsense" --nonsense "$trace"
refused 2 "Try 'bsa-replay --help'" --nonsense "$trace"
refused 2 "slab, page or both" --layer=object "$trace"
refused 2 "recorded, thread, round-robin or hash" --cpu-map=node "$trace"
refused 2 "from 1 to 4096" --cpus=0 "$trace"
refused 2 "from 1 to 4096" --cpus=4097 "$trace"
refused 2 "from 1 to 4096" --cpus=many "$trace"
refused 2 "from 2 to 100000" --samples=1 "$trace"
refused 2 "no or yes" --threads=2 "$trace"
refused 2 "name of a folder" -o "" "$trace"
refused 2 "not a size" --region=12Q "$trace"
refused 2 "out of range" --region=0 "$trace"
refused 2 "the first region is there from the start" --region=1M@5 "$trace"
refused 2 "not before that of a region" --region=1M --region=1M@9 --region=1M@8 "$trace"
refused 2 "give SIZE@EVENT" --region=1M --region=1M@soon "$trace"
refused 2 "power of two from 1K to 64K" --page-size=3K "$trace"
refused 2 "power of two from 1K to 64K" --page-size=0 "$trace"
refused 2 "power of two from 1K to 64K" --page-size=128K "$trace"

for table in foo 7 8,8 16,9000 "" 32,16; do
    refused 2 "give nine, kmalloc or fine" --classes="$table" "$trace"
done
refused 2 "32 comes after 64" --classes=16,64,32 "$trace"
refused 2 "'9' is no multiple of 8 from 8 to 8192" --classes=8,9 "$trace"
refused 2 "give none, or a number from 1 to 256" --magazine=257 "$trace"
refused 2 "give none, or a number" --page-lists=some "$trace"
refused 2 "give none, or a number" --keep-empty=-1 "$trace"
refused 2 "--classes is for --backend=buddyslab" --classes=fine --backend=null "$trace"

# --- A region that comes at its event, wanted or not -----------------------------------------

run early --region=16M --region=1M@100 --region=1M "$trace"
expect "--region=SIZE@EVENT: it is there at its event, and no other" sh -c "tr -d ' \n' <'$work/early/report.json' |
    grep -q '\"region_added_after_event\":\[0,99\],\"regions_used\":2'"

# --- An allocator that is set up otherwise ---------------------------------------------------

# sizes NAME: the objects' sizes in its table of classes.
sizes() {
    sed -n "s/^peak,\([1-9][0-9]*\),.*/\1/p" "$work/$1/classes.csv" | paste -s -d, -
}
run sizes --classes=16,48,64,128,1024,4096 "$trace"
expect "--classes=SIZES: these are the classes" \
    test "$(sizes sizes)" = 16,48,64,128,1024,4096
printf '# a table\n16 48\n64, 128\n1024 4096 # the last\n' >"$work/table.txt"
run table --classes=@"$work/table.txt" "$trace"
expect "--classes=@FILE: the same timeline as with the sizes" \
    cmp "$work/sizes/timeline.csv" "$work/table/timeline.csv"
run fine --classes=fine "$trace"
expect "--classes=fine: 28 classes" test "$(sizes fine | tr , '\n' | wc -l)" -eq 28
run bare --magazine=none --page-lists=none --keep-empty=none "$trace"
expect "without magazines and lists CPUs keep nothing, and no empty slab is kept" \
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        { kept += $column["cached"] + $column["empty_slabs"] } END { exit kept != 0 }' \
    "$work/bare/timeline.csv"

# --- What cannot be replayed -----------------------------------------------------------------

refused 1 "No such file" --classes=@"$work/missing.txt" "$trace"
# table LINES WORDS: a file of size classes that is refused, with the line and the value.
table() {
    printf "$1" >"$work/bad-table.txt"
    refused 1 "@$work/bad-table.txt$2" --classes=@"$work/bad-table.txt" "$trace"
}
table '# 8\n16 32\n64, x7 # 8\n' ", line 3: 'x7' is no multiple of 8"
table '16\n32\n\n\n32\n' ", line 5: 32 comes after 32"
table "$(seq -s ' ' 8 8 512)\n520" ", line 2: 520 is one size too many"
table '# nothing\n' ": there is no size in it"
: >"$work/empty.txt"
echo "MemTotal: 1 kB" >"$work/foreign.txt"
refused 1 "$work/missing.txt" "$work/missing.txt"
refused 1 "$work/empty.txt" "$work/empty.txt"
refused 1 "$work/foreign.txt" "$work/foreign.txt"
refused 1 "$work" "$work"
refused 1 "heaptrack --raw" "$srcdir/tests/cli/data/bad-heaptrack-interpreted.txt"
refused 1 "record it anew with bsa-record" "$srcdir/tests/cli/data/bad-ltrace.txt"
expect "nothing of it is left: no folder for a report that is not made" test ! -e "$work/refused"
refused 1 "$work/missing.txt" --sweep cpus=1,2 "$work/missing.txt"
refused 1 "use --layer=slab" --layer=page "$srcdir/tests/cli/data/good-mtrace.txt"
refused 1 "give a larger --region" --region=4K "$trace"
refused 1 "cannot reserve" --region=128T "$trace"

# --- Where the report cannot be written ------------------------------------------------------

refused 1 "cannot make files in $work/empty.txt: Not a directory; name another folder with -o" -o "$work/empty.txt/report" "$trace"
mkdir -p "$work/blocked/report.txt/full"
refused 1 "cannot replace" -o "$work/blocked" "$trace"
if [ -w /dev/full ]; then
    "$replay" --no-plots -o "$work/one" "$trace" >/dev/full 2>"$work/log"
    expect "status 1: standard output on a full disk" test $? -eq 1
fi

# A disk that is full part of the way through: no file may become longer than this.
blocks=$(($(wc -c <"$work/file/timeline.csv") / 512 - 1))
(
    ulimit -f "$blocks" && run full "$trace"
) >"$work/log" 2>&1
expect "status 1: a file that cannot be written to its end" test $? -eq 1
expect "  the message names the file" grep -q "full/timeline.csv: " "$work/log"
expect "  and no part of it is left" test ! -e "$work/full/timeline.csv"
# The same when it is the turn of the last one, which is longer than all others of this trace.
run last "$srcdir/tests/cli/data/good-mtrace.txt"
blocks=$(($(wc -c <"$work/last/report.json") / 512 - 1))
(
    ulimit -f "$blocks" && run full "$srcdir/tests/cli/data/good-mtrace.txt"
) >"$work/log" 2>&1
expect "status 1: the last file cannot be written" test $? -eq 1
expect "  the message names the file" grep -q "full/report.json: " "$work/log"
find "$work/full" -type f >"$work/log"
nothing "  and the others are gone, too" "$work/log"

# --- Pictures --------------------------------------------------------------------------------

# drawn_by STATUS WORDS: with the gnuplot that lies in $work/bin.
drawn_by() {
    PATH=$work/bin "$replay" -q -o "$work/drawn" "$trace" >"$work/log" 2>&1
    drawn_status=$?
    expect "status $1 with $2" test $drawn_status -eq "$1"
    expect "  the message says why" grep -qF "$3" "$work/log"
    expect "  the rest of the report is there" test -s "$work/drawn/report.txt" -a \
        -s "$work/drawn/report.json" -a -s "$work/drawn/occupancy.gp" -a -s "$work/drawn/timing.json"
}
# Everything but gnuplot: a program that has not been installed is a script that runs others.
mkdir "$work/bin"
for folder in $(echo "$PATH" | tr ':' ' '); do
    ln -sf "$folder"/* "$work/bin/" 2>/dev/null
done
rm -f "$work"/bin/gnuplot*
drawn_by 1 "no gnuplot" "cannot run gnuplot"
printf '#!/bin/sh\necho "unknown terminal" >&2\nexit 3\n' >"$work/bin/gnuplot"
chmod +x "$work/bin/gnuplot"
drawn_by 1 "a gnuplot that fails" "unknown terminal"
printf '#!/bin/sh\nexit 0\n' >"$work/bin/gnuplot"
drawn_by 1 "a gnuplot that draws nothing" "no whole picture"

if have gnuplot; then
    cp "$trace" "$work/a\`touch x\`_^{b}\"%s.txt"
    "$replay" --curve --find-min-region -o "$work/pictures" "$work/a\`touch x\`_^{b}\"%s.txt" >"$work/out" 2>"$work/log"
    expect "pictures, of a trace with an awkward name" test $? -eq 0
    nothing "  nothing on standard error" "$work/log"
    for name in occupancy fragmentation free-blocks remote-frees curve; do
        # shellcheck disable=SC2016 # the file's own text
        expect "  $name.png" sh -c 'head -c 4 "$1" | grep -q PNG' - "$work/pictures/$name.png"
        expect "  $name.svg" grep -q "</svg>" "$work/pictures/$name.svg"
    done
    expect "  the name ran no command" test ! -e "$work/pictures/x"
    run pictures "$trace"
    expect "pictures of an earlier run are gone" test ! -e "$work/pictures/occupancy.png"
else
    skip "pictures" "no gnuplot"
fi

# --- What it says ----------------------------------------------------------------------------

"$replay" --version >"$work/log" 2>&1
expect "--version" grep -q '^bsa-replay [0-9]*\.[0-9]*\.[0-9]*$' "$work/log"
"$replay" --help >"$work/log" 2>&1
expect "--help" grep -q -e '--cpu-map' "$work/log"
run quiet "$trace" >"$work/log" 2>&1
nothing "--quiet says nothing" "$work/log"
"$replay" --no-plots -o "$work/loud" "$trace" >/dev/null 2>"$work/log"
nothing "no progress where there is no terminal" "$work/log"
awk 'length > 80 { print FILENAME ": " length ": " $0 }' "$work/file/report.txt" >"$work/log"
nothing "report.txt has 80 columns" "$work/log"

done_testing
