#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bsa-trace as a user meets it: what comes out is what went in, counts that awk finds too, messages.
# shellcheck disable=SC2317 # functions that run through expect
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/check-lib.sh"

tool=${BSA_TRACE:-$builddir/cli/bsa-trace}
replay=${BSA_REPLAY:-$builddir/cli/bsa-replay}
data=$srcdir/tests/cli/data
kmem=$data/good-kmem.txt
if [ ! -x "$tool" ]; then
    skip "bsa-trace" "not built; set BSA_TRACE to try one"
    done_testing
fi

# refused STATUS WORDS ARGUMENT...: ends with the status, and the message has the words.
refused() {
    refused_status=$1
    refused_words=$2
    shift 2
    "$tool" "$@" >"$work/log" 2>&1 </dev/null
    refused_got=$?
    if [ "$refused_got" -eq "$refused_status" ] && grep -qF -- "$refused_words" "$work/log"; then
        ok "status $refused_status: $*"
    else
        echo "status $refused_got, wanted $refused_status and '$refused_words'" >>"$work/log"
        not_ok "status $refused_status: $*" "$work/log"
    fi
}

# member FILE KEY: the first number of that name in a JSON file.
member() {
    sed -n "s/^ *\"$2\" : \([0-9]*\),*\$/\1/p" "$1" | head -n 1
}

# events FILE: how many a trace has.
events() {
    "$tool" dump --layer="${2:-all}" "$1" | sed 1d | wc -l
}

# --- Every format: nothing changes on the way ------------------------------------------------

for trace in "$data"/good-*; do
    name=$(basename "$trace")
    # Hashed addresses do not tell which pages held slab objects.
    case $name in *tracefs*) layer=slab ;; *) layer=all ;; esac
    "$tool" dump --layer=$layer -o "$work/text.dump" "$trace"
    expect "convert $name" "$tool" convert -q --layer=$layer --addresses -o "$work/a.bsat" "$trace"
    expect "  is good" "$tool" check --layer=$layer "$work/a.bsat" "$trace"
    "$tool" dump -o "$work/native.dump" "$work/a.bsat"
    same "  the same events" "$work/text.dump" "$work/native.dump"
    "$tool" convert -q --layer=$layer --addresses - <"$trace" >"$work/b.bsat"
    expect "  from standard input to standard output: the same bytes" \
        cmp "$work/a.bsat" "$work/b.bsat"
    "$tool" convert -q "$work/a.bsat" | "$tool" dump - | awk 'NR > 1 && $7 != "-"' >"$work/log"
    nothing "  addresses go unless they are asked for" "$work/log"
    "$tool" convert -q --raw -o "$work/raw.bsat" "$trace"
    "$tool" dump --raw -o "$work/text.raw" "$trace"
    "$tool" dump --raw -o "$work/native.raw" "$work/raw.bsat"
    same "  the same records with --raw" "$work/text.raw" "$work/native.raw"
    "$tool" dump --layer=$layer -o "$work/native.dump" "$work/raw.bsat"
    same "  which make the same events" "$work/text.dump" "$work/native.dump"
done

"$tool" convert -q --addresses -o "$work/kmem.bsat" "$kmem"
"$tool" convert -q -o "$work/program.bsat" "$data/good-mtrace.txt"
"$tool" dump --format=csv -o "$work/dump.csv" "$kmem"
"$tool" convert --to=csv -q -o "$work/convert.csv" "$kmem"
same "dump --format=csv is convert --to=csv" "$work/dump.csv" "$work/convert.csv"
expect "  with a line for each event" test "$(sed 1d "$work/dump.csv" | wc -l)" -eq "$(events "$kmem")"
for format in rep mtrace; do
    "$tool" convert -q --to=$format -o "$work/$format" "$work/program.bsat"
    expect "convert --to=$format can be read again" "$tool" check "$work/$format"
    "$tool" dump "$work/program.bsat" | awk 'NR > 1 && !/failed/ { print $6, $8 }' >"$work/one"
    "$tool" dump "$work/$format" | awk 'NR > 1 && !/failed/ { print $6, $8 }' >"$work/two"
    same "  with the same objects" "$work/one" "$work/two"
done
expect "what a trace lacks is told" sh -c '"$1" convert -o "$3" "$2" 2>&1 | grep -q "^frees of NULL.* 5$"' \
    - "$tool" "$kmem" "$work/b.bsat"
"$tool" convert -q -o "$work/b.bsat" "$kmem" 2>"$work/log"
nothing "--quiet says nothing" "$work/log"
expect "  but keeps it" sh -c '"$1" info --meta=hygiene.null_frees "$2" | grep -qx 5' - "$tool" "$work/b.bsat"
refused 1 "null_frees = 5" convert --strict -o "$work/strict.bsat" "$kmem"
expect "  and nothing is left" test ! -e "$work/strict.bsat"

# A replay of the converted file differs in the name, the format, and in two counts of lines that
# only the text has: those that came before all CPUs did, by layer, and those of the other layer.
if [ -x "$replay" ]; then
    for layer in slab page both; do
        "$replay" -q --no-plots --layer=$layer -o "$work/of-text" "$kmem"
        "$replay" -q --no-plots --layer=$layer -o "$work/of-native" "$work/kmem.bsat"
        for folder in of-text of-native; do
            grep -v -e '"name" : ' -e '"format" : ' -e '"incomplete_start" : ' \
                -e '"other_layer" : ' "$work/$folder/report.json" >"$work/$folder.json"
        done
        same "the same replay, layer $layer" "$work/of-text.json" "$work/of-native.json"
        same "  and time line" "$work/of-text/timeline.csv" "$work/of-native/timeline.csv"
    done
else
    skip "the same replay" "no bsa-replay"
fi

# --- Figures, against awk --------------------------------------------------------------------

# count DUMP: what stats tells, from the columns of dump.
count() {
    awk '
        NR == 1 { next }
        { kind[$5]++; slot = $6; size = $8; failed = $NF ~ /failed/; slab = $NF ~ /slab_pages/ }
        failed { next }
        $5 ~ /alloc$/ && $5 != "realloc" {
            live[slot] = slab ? 0 : size; thread[slot] = $3; cpu[slot] = $4
            now += live[slot]
            if ($5 != "page_alloc") { bytes += size; if (++objects > most) most = objects }
        }
        $5 == "realloc" { now += size - live[slot]; if (size > live[slot]) grown++; live[slot] = size }
        $5 == "free" || $5 == "page_free" {
            now -= live[slot]; live[slot] = 0
            if ($5 == "free") objects--
            if ($NF !~ /implicit/) { threads += thread[slot] != $3; cpus += cpu[slot] != $4 }
        }
        now > peak { peak = now; event = $1 }
        END {
            print "alloc", kind["alloc"] + 0; print "free", kind["free"] + 0
            print "page_alloc", kind["page_alloc"] + 0; print "realloc", kind["realloc"] + 0
            print "object_bytes", bytes + 0; print "peak_objects", most + 0
            print "grown", grown + 0; print "bytes", peak + 0; print "event", event + 0
            print "cross_thread_frees", threads + 0; print "cross_cpu_frees", cpus + 0
        }' "$1"
}
set -- "$kmem" "$data/good-mtrace.txt" "$data/good-trace-cmd.txt" "$srcdir"/traces/*.zst
for trace; do
    name=$(basename "$trace")
    "$tool" dump -o "$work/dump" "$trace"
    "$tool" stats --json -o "$work/stats.json" "$trace"
    count "$work/dump" >"$work/awk"
    while read -r key value; do
        case $key in
        bytes | event) # of the peak, which comes first of its name
            echo "$key $(sed -n '/"peak" : {/,$p' "$work/stats.json" >"$work/peak"; member "$work/peak" "$key")" ;;
        *) echo "$key $(member "$work/stats.json" "$key")" ;;
        esac
    done <"$work/awk" >"$work/stats"
    same "awk counts as stats does: $name" "$work/awk" "$work/stats"
done
"$tool" stats --json "$work/kmem.bsat" | grep -v -e '"trace" : ' -e '"format" : ' >"$work/one"
"$tool" stats --json "$kmem" | grep -v -e '"trace" : ' -e '"format" : ' >"$work/two"
same "stats of the converted file are the same" "$work/one" "$work/two"
if have python3; then
    for command in "stats --json" "info --json" "info --json --full"; do
        # shellcheck disable=SC2086 # options are words
        expect "$command is JSON" sh -c '"$@" | python3 -m json.tool' - \
            "$tool" $command "$work/kmem.bsat"
    done
else
    skip "JSON" "no python3"
fi
{
    "$tool" stats "$kmem"
    "$tool" info --full "$work/kmem.bsat"
    "$tool" --help
} | awk 'length > 80 { print length ": " $0 }' >"$work/log"
nothing "text has 80 columns" "$work/log"

for key in events duration_ns threads cpus peak_live_bytes peak_slots max_size; do
    echo "$key"
done >"$work/keys"
for trace in "$work/kmem.bsat" "$work/program.bsat"; do
    "$tool" info --json "$trace" >"$work/fast"
    "$tool" info --json --full "$trace" >"$work/full"
    while read -r key; do
        echo "$key $(member "$work/fast" "$key")" >&3
        echo "$key $(member "$work/full" "$key")" >&4
    done <"$work/keys" 3>"$work/one" 4>"$work/two"
    same "info by the chunks and by the events agree: $(basename "$trace")" "$work/one" "$work/two"
    expect "  and are there" sh -c '! grep -q " $" "$1"' - "$work/one"
done

# How high CPUs go is one thing, how many there are another: this has CPU 1 alone.
gcc=$srcdir/traces/gcc.bsat
expect "info tells the highest CPU" sh -c '"$1" info "$2" | grep -qx "highest CPU  *1"' - "$tool" "$gcc"
expect "stats tells how many there are" sh -c '"$1" stats "$2" | grep -q ", 1 CPU$"' - "$tool" "$gcc"
expect "info --meta" test "$("$tool" info --meta=source.format "$work/kmem.bsat")" = "perf script"
refused 1 "says nothing of 'nonsense'" info --meta=nonsense "$work/kmem.bsat"

# --- Parts -----------------------------------------------------------------------------------

trace=$work/kmem.bsat
all=$(events "$trace")
# Allocations by what does not depend on the part; kinds that end objects may go with them.
began() {
    "$tool" dump "$1" | awk '$5 ~ /alloc$/ { print $2, $3, $4, $5, $8, $12 }' | sort
}
for at in @1 @2 @100 "@$all" 1us 100us 0.0002 333us; do
    "$tool" cut --to=$at -o "$work/first.bsat" "$trace" 2>"$work/log" || rm -f "$work/first.bsat"
    expect "cut --from=$at" "$tool" cut --from=$at -o "$work/second.bsat" "$trace"
    left=$(sed -n 's/^\([0-9]*\) frees of older.*/\1/p' "$work/expect.log")
    if [ -e "$work/first.bsat" ]; then
        expect "  merge it and the part before" "$tool" merge --same-threads --addresses \
            -o "$work/merged.bsat" "$work/first.bsat" "$work/second.bsat"
    else
        cp "$work/second.bsat" "$work/merged.bsat"
    fi
    expect "  the parts and the whole are good" "$tool" check "$work/second.bsat" "$work/merged.bsat"
    expect "  all events but the frees that were said to go" test \
        "$(events "$work/merged.bsat")" -eq $((all - ${left:-0}))
    began "$trace" >"$work/one"
    began "$work/merged.bsat" >"$work/two"
    same "  the same allocations at the same times" "$work/one" "$work/two"
    rm -f "$work/first.bsat"
done
expect "cut --keep-live" "$tool" cut --from=@200 --keep-live -o "$work/live.bsat" "$trace"
expect "  is good" "$tool" check "$work/live.bsat"
kept=$(sed -n 's/^\([0-9]*\) older objects put.*/\1/p' "$work/expect.log" | head -n 1)
"$tool" dump "$trace" | awk '
    NR > 1 && $1 < 200 && $5 ~ /alloc$/ { n++ }
    NR > 1 && $1 < 200 && $5 ~ /free$/ { n-- }
    NR > 1 && $1 >= 200 { rest++ }
    END { print n + rest }' >"$work/one"
events "$work/live.bsat" >"$work/two"
same "  with all that was live, and all that follows" "$work/one" "$work/two"

# Objects that a thread allocated, wherever they are freed.
"$tool" cut -q --thread=28560 -o "$work/thread.bsat" "$trace"
expect "cut --thread is good" "$tool" check "$work/thread.bsat"
"$tool" dump "$trace" | awk '
    $5 ~ /alloc$/ { mine[$6] = $3 == 28560 }
    ($5 ~ /alloc$/ || $5 ~ /free$/) && mine[$6] { print $2, $3, $5, $8 }' >"$work/one"
"$tool" dump "$work/thread.bsat" | awk 'NR > 1 { print $2, $3, $5, $8 }' >"$work/two"
same "  has what awk picks" "$work/one" "$work/two"
"$tool" cut -q --cpu=0,1 -o "$work/cpu.bsat" "$trace"
expect "cut --cpu with all of them is the whole" test "$(events "$work/cpu.bsat")" -eq "$all"
refused 1 "no object is left" cut --thread=4 -o "$work/no.bsat" "$trace"
refused 1 "no object is left" cut --from=1000s -o "$work/no.bsat" "$trace"
expect "  and no file" test ! -e "$work/no.bsat"

# --- Several ---------------------------------------------------------------------------------

expect "merge a trace with itself" "$tool" merge -o "$work/twice.bsat" "$trace" "$trace"
expect "  is good" "$tool" check "$work/twice.bsat"
expect "  has twice the events" test "$(events "$work/twice.bsat")" -eq $((2 * all))
expect "  and twice the threads" test "$("$tool" info --meta=summary.threads "$work/twice.bsat")" -eq 4
refused 1 "merge traces of one kind" merge -o "$work/no.bsat" "$trace" "$work/program.bsat"
expect "  and no file" test ! -e "$work/no.bsat"

# Parts of a part know by how much they were moved.
"$tool" cut -q --from=@50 "$trace" | "$tool" cut -q --from=@101 -o "$work/inner.bsat" -
"$tool" cut -q --to=@150 -o "$work/outer.bsat" "$trace"
"$tool" merge -q --same-threads -o "$work/merged.bsat" "$work/inner.bsat" "$work/outer.bsat"
"$tool" cut -q --from=@150 -o "$work/second.bsat" "$trace"
"$tool" merge -q --same-threads -o "$work/direct.bsat" "$work/outer.bsat" "$work/second.bsat"
began "$work/direct.bsat" | awk '{ print $1 }' | tail -n 1 >"$work/one"
began "$work/merged.bsat" | awk '{ print $1 }' | tail -n 1 >"$work/two"
same "a part of a part is put where it was" "$work/one" "$work/two"

record=${BSA_RECORD:-$builddir/cli/bsa-record}
if [ -x "$record" ] && "$record" -q -o "$work/run.bsat" -- \
    sh -c 'ls / >/dev/null; true' >"$work/log" 2>&1; then
    set -- "$work"/run*.bsat
    expect "merge $# processes of one recording" "$tool" merge -o "$work/all.bsat" "$@"
    expect "  on one clock" sh -c '! grep -q "all begin at 0" "$1"' - "$work/expect.log"
    expect "  is good" "$tool" check "$work/all.bsat"
    for process; do
        "$tool" dump --raw "$process" | awk 'NR > 1 { print $2 }' | head -n 1
    done | sort -n | awk 'NR == 1 { first = $1 } { last = $1 } END { printf "%.6f\n", last - first }' >"$work/one"
    # The last thread's first event, after the first's.
    "$tool" dump "$work/all.bsat" | awk 'NR > 1 && !($3 in seen) { seen[$3]; last = $2 }
        END { printf "%.6f\n", last }' >"$work/two"
    same "  and each begins when it did" "$work/one" "$work/two"
else
    skip "processes of one recording" "no bsa-record"
fi

# --- Bad files -------------------------------------------------------------------------------

size=$(wc -c <"$trace")
at=10
while [ $at -lt "$size" ]; do
    head -c $at "$trace" >"$work/cut.bsat"
    if "$tool" check "$work/cut.bsat" >"$work/log" 2>&1; then
        echo "$at bytes of $size were good" >>"$work/let-through"
    elif ! grep -q cut.bsat "$work/log"; then
        echo "$at bytes: no message names the file" >>"$work/let-through"
    fi
    { head -c $at "$trace" && printf '\125' && tail -c +$((at + 2)) "$trace"; } >"$work/bad.bsat"
    if ! cmp -s "$trace" "$work/bad.bsat" && "$tool" check "$work/bad.bsat" >"$work/log" 2>&1; then
        echo "another byte at $at was good" >>"$work/let-through"
    fi
    at=$((at + 37))
done
nothing "check finds a file that is cut off, and each byte that changes" "$work/let-through"
refused 1 "1 of 2 traces are bad" check "$trace" "$work/bad.bsat"
expect "  and says which is good" grep -q "^$trace: good" "$work/log"
: >"$work/empty"
for command in info dump convert cut stats; do
    refused 1 "$work/missing" $command "$work/missing"
    refused 1 "$work/empty: is empty" $command -o "$work/none" "$work/empty"
done
expect "  and no file" test ! -e "$work/none"
refused 1 "use --layer=slab" dump "$data/good-tracefs-hashed.txt"

# --- Where it goes ---------------------------------------------------------------------------

cp "$kmem" "$work/own.txt"
refused 1 "is read and would be written" convert -o "$work/own.txt" "$work/own.txt"
ln -s own.txt "$work/link.txt"
refused 1 "is read and would be written" dump -o "$work/link.txt" "$work/own.txt"
expect "  and it is as it was" cmp "$kmem" "$work/own.txt"
refused 1 "$work/no/such/folder" convert -o "$work/no/such/folder" "$kmem"
for arguments in "convert --raw" "convert --to=csv" "dump"; do
    echo old >"$work/full"
    (
        # shellcheck disable=SC2086 # options are words
        ulimit -f 1 && "$tool" $arguments -o "$work/full" "$kmem"
    ) >"$work/log" 2>&1
    expect "status 1: $arguments, a file that cannot be written to its end" test $? -eq 1
    expect "  the message names it" grep -q "$work/full: " "$work/log"
    expect "  what was there is there" test "$(cat "$work/full")" = old
    expect "  and nothing beside it" test "$(find "$work" -name 'full.*' | wc -l)" -eq 0
done
if [ -w /dev/full ]; then
    "$tool" dump "$kmem" >/dev/full 2>"$work/log"
    expect "status 1: standard output on a full disk" test $? -eq 1
fi
{
    "$tool" dump "$kmem" 2>"$work/log"
    echo $? >"$work/status"
} | head -n 2 >"$work/two"
{ "$tool" dump "$srcdir/traces/pages-files.perf-script.zst" 2>>"$work/log"
    echo $? >"$work/status"
} | head -n 2 >"$work/two"
expect "a reader that has had enough is no failure" test "$(cat "$work/status")" -eq 0
nothing "  and no message" "$work/log"
"$tool" dump --limit=3 "$kmem" >"$work/one"
expect "dump --limit" test "$(wc -l <"$work/one")" -eq 4

# More than a pipe holds goes in, so that the output is open when the program is killed.
mkfifo "$work/pipe"
"$tool" dump -o "$work/killed" - <"$work/pipe" >"$work/log" 2>&1 &
exec 3>"$work/pipe"
cat "$kmem" "$kmem" >&3
kill -9 $!
wait $! 2>/dev/null
exec 3>&-
expect "nothing is left of a program that was killed" \
    test "$(find "$work" -name 'killed*' | wc -l)" -eq 0

# --- Wrong usage -----------------------------------------------------------------------------

refused 2 "no command given"
refused 2 "did you mean dump?" dmup "$kmem"
refused 2 "did you mean convert?" conv "$kmem"
refused 2 "unknown command 'xyzzy'" xyzzy
refused 2 "a command goes first" --quiet dump "$kmem"
refused 2 "no TRACE given" stats
refused 2 "the name of the trace is empty" info ""
refused 2 "the name of the trace is empty" merge a ""
refused 2 "2 traces given" dump "$kmem" "$kmem"
refused 2 "name two or more" merge "$kmem"
refused 2 "standard input can be read once only" merge - -
refused 2 "Try 'bsa-trace info --help'" info --nonsense "$kmem"
refused 2 "slab, page, both or all" dump --layer=object "$kmem"
refused 2 "power of two" dump --page-size=3K "$kmem"
refused 2 "--limit=0" dump --limit=0 "$kmem"
refused 2 "text or csv" dump --format=xml "$kmem"
refused 2 "--limit goes with" dump --format=csv --limit=3 "$kmem"
refused 2 "native, rep, csv or mtrace" convert --to=zip "$kmem"
refused 2 "--raw is for --to=native" convert --raw --to=csv "$kmem"
refused 2 "from 1 to 19" convert --level=20 "$kmem"
refused 2 "is not a time" cut --from=3q "$kmem"
refused 2 "is not a time" cut --to=. "$kmem"
refused 2 "number of an event" cut --from=@0 "$kmem"
refused 2 "as 0-3,8" cut --cpu=3-1 "$kmem"
refused 2 "as 0-3,8" cut --thread=one "$kmem"
refused 2 "name of a file" dump -o "" "$kmem"
"$tool" --version >"$work/log" 2>&1
expect "--version" grep -q '^bsa-trace [0-9]*\.[0-9]*\.[0-9]*$' "$work/log"
for command in info dump convert cut merge stats check; do
    expect "--help names $command" sh -c '"$1" --help | grep -q "^  $2 "' - "$tool" $command
    expect "$command --help" sh -c '"$1" "$2" --help | grep -q -e "--layer"' - "$tool" $command
done

done_testing
