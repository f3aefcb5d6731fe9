#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bsa-replay's schedules, other allocators, CPUs that go and come, failures, and early ends, as a user
# meets them.
# shellcheck disable=SC2317 # functions that run through expect
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/cli/replay-lib.sh"

# ended STATUS WORDS OPTION...: ends with the status, and a line of what it said has the words.
ended() {
    ended_status=$1
    ended_words=$2
    shift 2
    "$replay" --no-plots -o "$work/report" "$@" >"$work/log" 2>&1 </dev/null
    ended_got=$?
    if [ "$ended_got" -eq "$ended_status" ] && grep -qF -- "$ended_words" "$work/log"; then
        ok "status $ended_status: $*"
    else
        echo "status $ended_got, wanted $ended_status and '$ended_words'" >>"$work/log"
        not_ok "status $ended_status: $*" "$work/log"
    fi
}

# member FILE NAME: the values of a member of a JSON file, wherever it is.
member() {
    sed -n "s/.*\"$2\" : \\(.*[^,]\\),*\$/\\1/p" "$1"
}

# --- A trace of many CPUs that free what others allocated -----------------------------------------

# random_trace SEED: 20000 events of 7 CPUs and 23 threads.
random_trace() {
    awk -v seed="$1" 'BEGIN {
    srand(seed)
    for (i = 1; i <= 20000; i++) {
        slot = int(rand() * 500)
        at = sprintf("worker %d [%03d] %d.%06d: ", 100 + int(rand() * 23), int(rand() * 7),
                     1 + i / 1000000, i % 1000000)
        if (live[slot]) {
            print at "kmem:kfree: call_site=f+0x1 ptr=0x" live[slot]
            live[slot] = ""
        } else {
            live[slot] = sprintf("%x", 1048576 + 4096 * i)
            size = int(exp(rand() * 9))
            print at "kmem:kmalloc: call_site=f+0x1 ptr=0x" live[slot] " bytes_req=" size \
                " bytes_alloc=" size " gfp_flags=GFP_KERNEL node=-1 accounted=false"
        }
    }
}'
}
random_trace 20260704 >"$work/random.txt"
seed=${BSA_TEST_SEED:-$(date +%s)}
echo "# BSA_TEST_SEED=$seed"
random_trace "$seed" >"$work/seeded.txt"

# figures DIR: what does not depend on the schedule.
figures() {
    for name in events failed frees_of_failed live_at_end live_at_end_bytes allocated_bytes \
        given_bytes peak_requested_bytes; do
        echo "$name $(member "$work/$1/report.json" $name | head -n 1)"
    done
}
"$replay" -q --no-plots -o "$work/strict" "$work/seeded.txt"
figures strict >"$work/figures"
expect "the strict schedule has 20000 events" grep -qx "events 20000" "$work/figures"
for options in "--window=1" "--window=64 --cpus=3" "--cpu-map=thread" "--cpu-map=hash --cpus=64" \
    "--migrate=0.05 --seed=7" "--offline=2@500 --offline=3@900 --online=2@9000"; do
    # shellcheck disable=SC2086 # options are words
    expect "causal, $options" "$replay" -q --no-plots --verify --validate-every=3000 \
        --schedule=causal $options -o "$work/causal" "$work/seeded.txt"
    figures causal >"$work/figures.causal"
    same "  the books are those of the strict schedule" "$work/figures" "$work/figures.causal"
    expect "  and say which schedule it was" grep -q '"schedule" : "causal"' \
        "$work/causal/report.json"
done
# at_peak DIR: the line of the moment when most is requested, but for what addresses tell.
at_peak() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["peak"] { print $1, $column["requested"], $column["given"], $column["occupied"] }' \
        "$work/$1/timeline.csv"
}
"$replay" -q --no-plots --cpus=1 -o "$work/one" "$work/seeded.txt"
"$replay" -q --no-plots --cpus=1 --schedule=causal -o "$work/ahead" "$work/seeded.txt"
at_peak one >"$work/peak"
at_peak ahead >"$work/peak.ahead"
same "the peak is looked at though events run ahead" "$work/peak" "$work/peak.ahead"
expect "  so are moments 1024 events apart" test "$(wc -l <"$work/ahead/timeline.csv")" -ge 22
expect "  ratios are over these moments: no maximum below the one at peak" sh -c \
    'tr -d " \n" <"$1/report.json" | sed "s/.*\"heap_over_live\":{\"pages\":{//; s/}.*//" |
    awk -F"[:,]" "{ exit !(\$8 >= \$4 && \$4 > 1 && \$2 > 1) }"' - "$work/ahead"
"$replay" diff "$work/one" "$work/ahead" >"$work/log" 2>&1
expect "  diff says what it is worth" grep -q '^memory: B looked at it [0-9]* times only' "$work/log"
expect "  and finds no other pages at the peak" sh -c '! grep -q "pages in use at peak" "$1"' - "$work/log"
"$replay" -q --no-plots --schedule=causal --cpus=2 --cpu-map=thread --region=192K --on-failure=stop \
    -o "$work/stopped" "$work/random.txt" 2>"$work/log"
expect "what is in use when the replay is ended was looked at" sh -c \
    'end=$(awk -F, "NR == 1 { while (\$++at != \"occupied\"); } END { print \$at }" "$1/timeline.csv")
    most=$(sed -n "s/.*\"peak_occupied_bytes\" : \([0-9]*\).*/\1/p" "$1/report.json" | head -n 1)
    test "$most" -ge "$end"' - "$work/stopped"
expect "paced, ten thousand times as fast" "$replay" -q --no-plots --schedule=paced --speed=10000 \
    -o "$work/paced" "$work/seeded.txt"
figures paced >"$work/figures.paced"
same "  the books are those of the strict schedule" "$work/figures" "$work/figures.paced"
expect "  it tells how late events were" grep -q '"late" : {' "$work/paced/timing.json"
expect "a causal replay tells how long was waited" grep -q '"for_objects_seconds"' \
    "$work/causal/timing.json"

expect "causal, memory that grows" "$replay" -q --no-plots --schedule=causal --region=384K \
    --region=256K --region=4M -o "$work/causal" "$work/seeded.txt"
expect "  the regions were needed" test "$(member "$work/causal/report.json" regions_used)" -ge 2
figures causal >"$work/figures.causal"
same "  the books are those of the strict schedule" "$work/figures" "$work/figures.causal"

# The strict schedule with CPUs that change is as deterministic as without.
for again in one two; do
    "$replay" -q --no-plots --verify --migrate=0.05 --seed=3 --offline=1@50 --online=1@5000 \
        -o "$work/$again" "$work/random.txt"
done
same "migration is drawn by its seed" "$work/one/report.json" "$work/two/report.json"
"$replay" -q --no-plots --migrate=0.05 --seed=4 -o "$work/two" "$work/random.txt"
expect "another seed is another replay" sh -c '! cmp -s "$1" "$2"' - "$work/one/cpus.csv" \
    "$work/two/cpus.csv"
"$replay" -q --no-plots --offline=1@1 -o "$work/one" "$work/random.txt"
expect "an offline CPU has no events" grep -q '^1,0,' "$work/one/cpus.csv"
"$replay" -q --no-plots --cpu-map=thread -o "$work/one" "$work/random.txt"
expect "a CPU for each thread" test "$(wc -l <"$work/one/cpus.csv")" -eq 24

# --- Failures --------------------------------------------------------------------------------------

ended 0 "requests failed" --region=512K "$work/random.txt"
expect "each failure is in failures.csv" test "$(member "$work/report/report.json" failed | head -n 1)" \
    -eq "$(($(wc -l <"$work/report/failures.csv") - 1))"
expect "  with what was free then" awk -F, '
    NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
    {
        pages = 0
        for (order = 0; order <= 20; order++) pages += $column["free_blocks_" order] * 2 ^ order
        wanted = int(($column["bytes"] + 4095) / 4096)
        if ($column["memory"] == "short" && $column["bytes"] > 2048 && pages >= wanted) exit 1
        if ($column["memory"] == "fragmented" && pages == 0) exit 1
    }' "$work/report/failures.csv"
ended 1 "--on-failure=stop" --region=512K --on-failure=stop "$work/random.txt"
expect "the report of what was done says that it is partial" \
    grep -q '"partial" : true' "$work/report/report.json"
expect "  and has one failure" test "$(wc -l <"$work/report/failures.csv")" -eq 2
ended 1 "--on-failure=stop" --region=512K --on-failure=stop --schedule=causal "$work/random.txt"

# --- Regions that come later, beside other allocators ------------------------------------------------

# failed_by NAME: of the row in backends.csv.
failed_by() {
    awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "failed") at = i }
        $1 == name { print $at; exit }' "$work/report/backends.csv"
}
ended 0 "null" --against=null --rounds=1 --region=512K --reclaim-every=500 "$work/random.txt"
alone=$(failed_by buddyslab)
ended 0 "null" --against=null --rounds=1 --region=512K --region=64M@10001 "$work/random.txt"
halved=$(failed_by buddyslab)
ended 0 "null" --against=null --rounds=1 --region=512K --region=64M@1 "$work/random.txt"
expect "a region at an event serves the library from there on, beside others too" \
    test "$alone" -gt "$halved" -a "$halved" -gt 0 -a "$(failed_by buddyslab)" -eq 0

# --- Other allocators ------------------------------------------------------------------------------

if [ -n "${BSA_INSTRUMENT:-}" ]; then
    skip "other allocators" "this build is instrumented"
else
    ended 0 "null" --backend=null --rounds=1 "$trace"
    ended 0 "libc" --backend=libc --rounds=1 --verify "$work/random.txt"
    ended 0 "libc" --backend=libc --rounds=2 --schedule=causal --latency=yes "$work/random.txt"
    ended 0 "left out" --against=libc,/nowhere/libnothing.so --rounds=1 "$work/random.txt"
    for name in report.json backends.json backends.csv backends.txt latency.csv memory.csv; do
        expect "  $name is there" test -s "$work/report/$name"
    done
    expect "  a row each for buddyslab, null and libc" \
        test "$(cut -d, -f1 "$work/report/backends.csv" | tr '\n' ' ')" = \
        "backend buddyslab null libc "
    expect "  all on the same events" \
        test "$(cut -d, -f2 "$work/report/backends.csv" | sort -u | tr '\n' ' ')" = "20000 events "
    awk 'length > 80 && !/left out/ { print length ": " $0 }' "$work/report/backends.txt" >"$work/log"
    nothing "  backends.txt has 80 columns" "$work/log"
    awk -F, 'NR > 1 { sum[$1] += $4 } END { for (b in sum) print b, sum[b] }' \
        "$work/report/latency.csv" | sort >"$work/log"
    expect "  latency.csv has each call" sh -c 'test "$(cut -d" " -f2 "$1" | sort -u)" = 20000' - \
        "$work/log"
    ended 1 "/nowhere/libnothing.so" --backend=/nowhere/libnothing.so "$trace"

    # A malloc that goes wrong at requests of 4242 bytes.
    head -n 200 "$work/random.txt" >"$work/bad.txt"
    for i in 1 2 3; do
        echo "worker 100 [00$i] 2.00000$i: kmem:kmalloc: call_site=f+0x1 ptr=0x9999$i" \
            "bytes_req=4242 bytes_alloc=8192 gfp_flags=GFP_KERNEL node=-1 accounted=false"
    done >>"$work/bad.txt"
    if $CC -shared -fPIC -O1 -o "$work/bad.so" "$srcdir/tests/cli/bad_malloc.c" >"$work/log" 2>&1; then
        ended 0 "bad.so" --backend="$work/bad.so" --verify --rounds=1 "$work/bad.txt"
        for order in strict causal; do
            export BAD_MALLOC=overlap
            ended 1 "another object overlaps it" --backend="$work/bad.so" --verify --rounds=1 \
                --schedule=$order "$work/bad.txt"
            export BAD_MALLOC=misalign
            ended 1 "misaligned: a multiple of 8" --backend="$work/bad.so" --verify --rounds=1 \
                --schedule=$order "$work/bad.txt"
            export BAD_MALLOC=crash
            ended 1 "its process ended by signal" --backend="$work/bad.so" --rounds=1 \
                --schedule=$order "$work/bad.txt"
            export BAD_MALLOC=hang
            ended 1 "at event 201 (an allocation): the allocator does not return" \
                --backend="$work/bad.so" --rounds=1 --watchdog=1 --schedule=$order "$work/bad.txt"
            export BAD_MALLOC=fail
            ended 1 "--on-failure=stop" --backend="$work/bad.so" --rounds=1 --on-failure=stop \
                --schedule=$order "$work/bad.txt"
        done
        export BAD_MALLOC=crash
        ended 0 "bad.so: left out" --against="$work/bad.so" --rounds=1 "$work/bad.txt"
        unset BAD_MALLOC
    else
        not_ok "a malloc that goes wrong" "$work/log"
    fi
fi

# --- An end before the end -------------------------------------------------------------------------

# ended_at WORDS DIR OPTION...: SIGTERM comes as soon as it says the words, to it or, where
# ended_group is -, to its group of processes; its status.
ended_group=
ended_at() {
    ended_words=$1
    ended_dir=$2
    shift 2
    : >"$work/log"
    setsid "$replay" -q --no-plots --progress=json -o "$work/$ended_dir" "$@" 2>>"$work/log" &
    ended_pid=$!
    ended_tries=0
    until grep -q "$ended_words" "$work/log" || [ $ended_tries -gt 3000 ]; do
        kill -0 $ended_pid 2>/dev/null || break
        sleep 0.1
        ended_tries=$((ended_tries + 1))
    done
    kill -TERM "$ended_group$ended_pid"
    wait $ended_pid
}
# A year for the trace's second.
ended_at '"replaying"' early --schedule=paced --speed=0.000001 "$work/random.txt"
expect "status 143: a replay that is ended by SIGTERM" test $? -eq 143
expect "  says so" grep -q "interrupted; the report is of what was done" "$work/log"
expect "  and leaves a report that says that it is partial" \
    grep -q '"partial" : true' "$work/early/report.json"
# The same in a process of its own, which the signal does not go to.
ended_at '"comparing backends"' beside --against=libc --schedule=paced --speed=0.000001 \
    "$work/random.txt"
expect "status 143: allocators beside each other are ended by SIGTERM" test $? -eq 143
expect "  which is said" grep -q "interrupted; the report is of what was done" "$work/log"

ended_group=-
ended_at '"comparing backends"' group --against=libc --schedule=paced --speed=0.000001 \
    "$work/random.txt"
expect "status 143: and so where all of their processes get the signal" test $? -eq 143
expect "  which is said as well" grep -q "interrupted; the report is of what was done" "$work/log"
ended_group=

# A pipe that nobody ends is read for ever.
mkfifo "$work/endless"
for option in --backend=buddyslab --backend=recorded --tune; do
    sleep 1000 >"$work/endless" &
    writer=$!
    ended_at begins read "$option" "$work/endless"
    expect "status 143: $option is ended by SIGTERM while it reads" test $? -eq 143
    expect "  says so" grep -q "interrupted while the trace was read; nothing is written" "$work/log"
    kill $writer
    wait $writer 2>/dev/null
done
expect "  and writes nothing" test -z "$(ls "$work/read")"

if have gnuplot; then
    ending_gnuplot occupancy.gp
    PATH=$work/bin:$PATH "$replay" -q -o "$work/drawn" "$trace" 2>"$work/log"
    expect "status 143: SIGTERM while pictures are drawn" test $? -eq 143
    expect "  they are" test -s "$work/drawn/occupancy.png"
    expect "  which is said" grep -q "when all was replayed; what is written is complete" "$work/log"
    expect "  the report is whole" grep -q '"partial" : false' "$work/drawn/report.json"
else
    skip "status 143: SIGTERM while pictures are drawn" "no gnuplot"
fi

# --- Wrong usage -----------------------------------------------------------------------------------

ended 2 "strict, causal or paced" --schedule=loose "$trace"
ended 2 "from 1 to" --window=0 "$trace"
ended 2 "a number above 0" --schedule=paced --speed=0 "$trace"
ended 2 "a number above 0" --schedule=paced --speed=fast "$trace"
ended 2 "from 0 to 1" --migrate=2 "$trace"
ended 2 "a whole number" --seed=x "$trace"
ended 2 "as 1@5000" --offline=1 "$trace"
ended 2 "as 1@5000" --online=1@0 "$trace"
ended 2 "as 1@5000" --offline=x@1 "$trace"
ended 2 "or PATH.so" --backend=dlmalloc "$trace"
ended 2 "or PATH.so" --against=libc,x "$trace"
ended 2 "from 1 to 99" --rounds=0 "$trace"
ended 2 "first, all or none" --touch=some "$trace"
ended 2 "no or yes" --latency=2 "$trace"
ended 2 "a whole number from 1 on" --validate-every=0 "$trace"
ended 2 "count or stop" --on-failure=ask "$trace"
ended 2 "from 1 to 86400" --watchdog=0 "$trace"
ended 2 "does not have" --verify --backend=null "$trace"
ended 2 "give one of them" --verify --against=libc "$trace"
ended 2 "for --schedule=causal" --window=5 "$trace"
ended 2 "for --schedule=paced" --speed=2 "$trace"
ended 2 "--latency is for" --latency=yes "$trace"
ended 2 "--touch is for" --touch=all "$trace"
ended 2 "--rounds is for" --rounds=2 "$trace"
ended 2 "--curve is for" --backend=libc --curve "$trace"
ended 2 "--region is for" --backend=null --region=1M "$trace"
ended 2 "at most 4G" --low=5G "$trace"
ended 2 "more than 0 and at most 4G" --low=0 "$trace"
ended 2 "give whole pages, which have 4096 bytes" --low=1 "$trace"
ended 2 "give whole pages, which have 65536 bytes" --low=96K --page-size=64K "$trace"
ended 1 "tables take all 4096 bytes below 4 GiB" --low=4K "$trace"
ended 2 "a whole number, the seed" --prelude=x "$trace"
ended 2 "late or early" --implicit=never "$trace"
ended 1 "frees of what is older than the trace are not in it" --prelude=1 \
    "$srcdir/traces/kernel-network.bsat"
ended 2 "is not a size" --low=some "$trace"
ended 2 "a whole number from 1 on" --reclaim-every=0 "$trace"
ended 2 "--reclaim-every is for" --reclaim-every=5 --backend=null "$trace"
ended 2 "--low is for" --low=1M --backend=null "$trace"
ended 2 "more than 14 backends" "--against=$(seq -s , -f 'x%g.so' 15)" "$trace"
ended 1 "there are CPUs 0 to 1" --cpus=2 --offline=2@1 "$trace"
ended 1 "the last CPU that is online" --cpus=1 --offline=0@10 "$trace"

done_testing
