#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The kernel's named caches of recorded traces: rows that awk counts too, what they spare, and that
# every way to run a trace has them.
# shellcheck disable=SC2317 # functions that run through expect
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/cli/replay-lib.sh"

tool=${BSA_TRACE:-$builddir/cli/bsa-trace}
if [ ! -x "$tool" ]; then
    skip "bsa-trace" "not built; set BSA_TRACE to try one"
    done_testing
fi

# figure DIR OBJECT MEMBER: the member of the last object of that name in report.json.
figure() {
    tr -d ' \n' <"$work/$1/report.json" |
        sed -n "s/.*\"$2\":{\([^{}]*\)}.*/\1/p" | tr ',' '\n' | sed -n "s/\"$3\":\(.*\)/\1/p"
}

# cell DIR COLUMN: the column's value in the last line of timeline.csv.
cell() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) column = i }
        { value = $column } END { print value }' "$work/$1/timeline.csv"
}

# count TRACE: name, object size, allocations, live, their bytes, most live, of each cache.
count() {
    "$tool" dump "$1" | awk '
        $5 == "alloc" && $12 != "-" && $12 !~ /^(dma-)?kmalloc-/ && $9 <= 8192 {
            key = $12 "," int(($9 + 7) / 8) * 8
            of[$6] = key; size[$6] = $8
            allocs[key]++; bytes[key] += $8
            if (++live[key] > most[key]) most[key] = live[key]
        }
        $5 == "free" && $6 in of {
            live[of[$6]]--; bytes[of[$6]] -= size[$6]; delete of[$6]
        }
        END { for (key in allocs) print key "," allocs[key] "," live[key] "," bytes[key] "," most[key] }
    ' | LC_ALL=C sort
}

for name in kernel-waves.bsat kernel-phases.perf-script.zst; do
    trace=$srcdir/traces/$name
    expect "$name: replay" run named "$trace"
    run general --caches=general "$trace"
    count "$trace" >"$work/counted"
    awk -F, '$1 == "end" { gsub("\"", "", $2); print $2 "," $3 "," $17 "," $10 "," $15 "," $18 }' \
        "$work/named/caches.csv" | LC_ALL=C sort >"$work/told"
    same "$name: the caches, their objects and bytes are those that awk counts" \
        "$work/counted" "$work/told"
    expect "  there are some" test "$(wc -l <"$work/told")" -gt 30
    expect "  the bytes of their slabs are those of the time line" test "$(cell named cache_slabs)" = \
        "$(awk -F, '$1 == "end" { bytes += $7 } END { print bytes }' "$work/named/caches.csv")"
    expect "  objects lose by rounding less than a fourth of what they lose in size classes" \
        awk -v named="$(figure named here live_at_peak)" -v general="$(figure general here live_at_peak)" \
        'BEGIN { exit !(named > 0 && 4 * named < general) }'
    expect "  and about as much as they lost in the kernel" \
        awk -v here="$(figure named here cumulative)" \
        -v there="$(figure named internal_fragmentation cumulative)" \
        'BEGIN { exit !(here > 0 && here < 1.25 * there && there < 1.25 * here) }'
    expect "  no request fails" grep -q '^Failed requests     0$' "$work/named/report.txt"
done

trace=$srcdir/traces/kernel-phases.perf-script.zst
run threaded --threads=yes "$trace"
expect "a thread for each CPU: the same caches" cmp "$work/named/caches.csv" "$work/threaded/caches.csv"
expect "  and the same report" cmp "$work/named/report.json" "$work/threaded/report.json"
"$replay" diff "$work/named" "$work/general" >"$work/log"
expect "diff: which caches there were is told" \
    grep -qx "the kernel's named caches: A named, B general" "$work/log"
expect "show makes the table of caches again" sh -c '
    rm "$2/report.txt" && "$1" show --no-plots "$2" >/dev/null &&
    grep -q "^shmem_inode_cache " "$2/report.txt"' - "$replay" "$work/named"
expect "general: a counterfactual" grep -q '^Counterfactual' "$work/general/report.txt"
"$replay" --help | grep -A1 -- --caches >"$work/log"
expect "--help names both" grep -q 'named (default), or general' "$work/log"

run causal --schedule=causal --cpus=4 --cpu-map=hash --verify --validate-every=10000 "$trace"
awk -F, '$1 == "end" { gsub("\"", "", $2); print $2 "," $3 "," $17 "," $10 "," $15 "," $18 }' \
    "$work/causal/caches.csv" | LC_ALL=C sort >"$work/told"
same "causal, verified: the same objects" "$work/counted" "$work/told"
run small --find-min-region --layer=slab "$trace"
smallest=$(figure small smallest region_bytes)
run enough --region="$smallest" --layer=slab "$trace"
run less --region=$((smallest - 4096)) --layer=slab "$trace"
expect "--find-min-region knows them: $smallest bytes are enough" \
    grep -q '^Failed requests     0$' "$work/enough/report.txt"
expect "  and a page less is not" grep -q '^Failed requests     [1-9]' "$work/less/report.txt"

done_testing
