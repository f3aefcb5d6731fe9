#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bsa-replay --tune: the table is made, compiles, wastes what it says, and is no worse than others.
# shellcheck disable=SC2317 # functions that run through expect
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/cli/replay-lib.sh"

# trace SEED: objects of a few sizes, as perf script prints them; all at once, then freed.
trace() {
    awk -v seed="$1" 'BEGIN {
        count = split("24 24 24 72 72 200 200 200 520 1032 1032 1032", size, " ")
        for (i = 0; i < 600; i++) {
            seed = (seed * 1103 + 12345) % 65536
            bytes = size[1 + seed % count]
            printf "worker 7 [000] 1.%06d: kmem:kmalloc: call_site=f+0x1 ptr=0x%x bytes_req=%d " \
                "bytes_alloc=%d gfp_flags=GFP_KERNEL node=-1 accounted=false\n", ++us,
                1048576 + 8192 * i, bytes, bytes
            if (i >= 400)
                printf "worker 7 [000] 1.%06d: kmem:kfree: call_site=f+0x1 ptr=0x%x\n", ++us,
                    1048576 + 8192 * (i - 400)
        }
    }'
}
trace 1 >"$work/one.txt"
trace 2 >"$work/two.txt"
trace 3 >"$work/three.txt"

tune() {
    tune_dir=$1
    shift
    "$replay" --quiet --no-plots --tune "$@" -o "$work/$tune_dir"
}

# --- What is made ----------------------------------------------------------------------------

expect "a table for one trace" tune one "$work/one.txt"
expect "a table of 4 classes for the peak" \
    "$replay" -q --no-plots --tune=4 --tune-for=peak -o "$work/peak" "$work/one.txt"
expect "tables for three traces, checked on another" \
    tune three --check="$work/three.txt" "$work/one.txt" "$work/two.txt"
expect "the same again" tune again --check="$work/three.txt" "$work/one.txt" "$work/two.txt"
for file in tune.json tune.txt tune.csv tune.gp tuned-classes.h tuned-classes.txt; do
    same "$file is the same each time" "$work/three/$file" "$work/again/$file"
done
awk 'length($0) > 80' "$work/three/tune.txt" >"$work/long"
nothing "tune.txt fits 80 columns" "$work/long"
expect "bsa-replay show makes the text again" sh -c \
    'rm "$2/tune.txt" && "$1" show --no-plots "$2" && cmp "$2/tune.txt" "$3/tune.txt"' \
    sh "$replay" "$work/again" "$work/three"

# --- The schema ------------------------------------------------------------------------------

schema=$srcdir/cli/tune/tune.schema.json
if has_jsonschema; then
    for name in one peak three; do
        expect "tune.json of $name is as the schema says" follows_schema "$schema" \
            "$work/$name/tune.json"
    done
    expect "every member is described" describes_all "$schema"
else
    skip "tune.json is as the schema says" "no python3 with jsonschema"
fi

# --- What is said is so ----------------------------------------------------------------------

if have python3; then
    expect "no table of as many classes wastes less" python3 - "$work/one/tune.json" \
        "$work/three/tune.json" "$work/peak/tune.json" <<'PYTHON'
import json
import sys
for path in sys.argv[1:]:
    tuned = json.load(open(path))
    for trace in tuned["traces"]:
        waste = {row["name"]: row["waste"] for row in trace["tables"]}
        sizes = {row["name"]: row["object_sizes"] for row in trace["tables"]}
        assert trace["tables"][0]["name"] == "nine"
        for name, size in sizes.items():
            if len(size) <= tuned["tune"]["classes"]:
                assert waste["own best"] <= waste[name] + 1, (path, name, waste)
        assert all(row["failed"] == 0 for row in trace["tables"])
    curve = [row["waste"] for row in tuned["by_classes"]]
    assert curve == sorted(curve, reverse=True), path
    assert tuned["by_classes"][tuned["tune"]["classes"] - 1]["object_sizes"] == \
        tuned["tune"]["object_sizes"]
names = [[row["name"] for row in trace["tables"]]
         for trace in json.load(open(sys.argv[2]))["traces"]]
assert ["left out" in row for row in names] == [True, True, False], names
PYTHON
    "$replay" -q --no-plots -o "$work/with" --classes=@"$work/peak/tuned-classes.txt" \
        "$work/one.txt" >"$work/log" 2>&1
    "$replay" -q --no-plots -o "$work/over" --classes=@"$work/one/tuned-classes.txt" \
        "$work/one.txt" >>"$work/log" 2>&1
    expect "a replay with the table rounds as was said" python3 - "$work" <<'PYTHON'
import json
import sys
def load(name):
    return json.load(open(sys.argv[1] + "/" + name))
def tuned(made):
    trace = made["traces"][0]
    return trace["requested"], [row for row in trace["tables"] if row["name"] == "tuned"][0]
asked, row = tuned(load("peak/tune.json"))
report = load("with/report.json")
assert report["peak"]["split"]["class_rounding"] == row["class_rounding"]
assert report["class_fit"]["peak"]["avoidable"] == 0
assert report["result"]["peak_occupied_bytes"] == row["peak_occupied"]
# Over time: the replay's own sums, of objects alone, as the trace has no others.
asked, row = tuned(load("one/tune.json"))
report = load("over/report.json")
lost = row["class_rounding"] + row["page_rounding"]
assert abs(report["internal_fragmentation"]["over_events"] - lost / (asked + lost)) < 1e-4
assert report["class_fit"]["over_time"]["avoidable"] == 0
assert report["class_fit"]["over_time"]["own"]["waste"] == row["waste"]
PYTHON
    # One object is older than the trace, the address of another is used again without a free.
    { cat "$work/one.txt" && for ptr in 0x9000000 0x100000; do
        echo "worker 7 [000] 2.000001: kmem:kfree: call_site=f+0x1 ptr=$ptr"
    done && echo "worker 7 [000] 2.000002: kmem:kmalloc: call_site=f+0x1 ptr=0x444000 bytes_req=4000 \
bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 accounted=false"; } >"$work/unseen.txt"
    expect "a table for what a trace does not show" \
        tune unseen --prelude=3 --implicit=early "$work/unseen.txt"
    "$replay" -q --no-plots -o "$work/bounds" --prelude=3 --implicit=early \
        --classes=@"$work/unseen/tuned-classes.txt" "$work/unseen.txt" >"$work/log" 2>&1
    expect "  is tried on what a replay shows" python3 - "$work" <<'PYTHON'
import json
import sys
def load(name):
    return json.load(open(sys.argv[1] + "/" + name))
trace, report = load("unseen/tune.json")["traces"][0], load("bounds/report.json")
row = [row for row in trace["tables"] if row["name"] == "tuned"][0]
assert trace["requested"] and row["peak_occupied"] == report["result"]["peak_occupied_bytes"]
assert abs(report["class_fit"]["over_time"]["own"]["waste"] - row["waste"]) < 1, (report["class_fit"], row)
PYTHON
else
    skip "no table of as many classes wastes less" "no python3"
    skip "a replay with the table rounds as was said" "no python3"
    skip "a table for what a trace does not show" "no python3"
fi

# --- The table in a program ------------------------------------------------------------------

cat >"$work/use.c" <<'END'
#include <buddyslab.h>

#include "tuned-classes.h"

static unsigned char memory[1 << 20];

int main(void)
{
    struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;
    bsa_heap *heap = NULL;
    void *object;
    config.classes = &tuned_classes;
    config.magazine_objects = TUNED_MAGAZINE_OBJECTS;
    config.keep_empty = TUNED_KEEP_EMPTY;
    if (bsa_heap_init(&heap, memory, sizeof memory, &config) != BSA_OK)
        return 1;
    for (unsigned i = 0; i < tuned_classes.count; i++) {
        if (bsa_heap_alloc(heap, tuned_object_sizes[i], 8, &object) != BSA_OK ||
            bsa_usable_size(heap, object) != tuned_object_sizes[i] ||
            bsa_heap_free(heap, object) != BSA_OK)
            return 2;
    }
    return bsa_heap_fini(&heap, NULL) != BSA_OK;
}
END
compile() {
    # shellcheck disable=SC2086 # the compiler may be several words
    $CC -std=c11 -Wall -Wextra -Werror -pedantic -I"$srcdir/include" -I"$work/three" \
        -c "$work/use.c" -o "$work/use.o"
}
link() {
    # shellcheck disable=SC2086 # the compiler may be several words
    $CC "$work/use.o" -L"$builddir/lib/.libs" -lbuddyslab -o "$work/use" &&
        LD_LIBRARY_PATH="$builddir/lib/.libs" "$work/use"
}
expect "tuned-classes.h compiles as C11" compile
library=$builddir/lib/.libs/libbuddyslab.so
if [ ! -f "$library" ]; then
    skip "a heap takes it, and has its classes" "no shared library"
elif $NM -D "$library" | grep -q '__[a-z]*san_'; then
    skip "a heap takes it, and has its classes" "the library is instrumented"
else
    expect "a heap takes it, and has its classes" link
fi

# --- What is refused -------------------------------------------------------------------------

says 2 "--tune=0" "no classes" "$replay" --tune=0 "$work/one.txt"
says 2 "--tune=65" "too many classes" "$replay" --tune=65 "$work/one.txt"
says 2 "time or peak" "for nothing that there is" "$replay" --tune --tune-for=space "$work/one.txt"
says 2 "--tune-for is for --tune" "no table is made" "$replay" --tune-for=peak "$work/one.txt"
says 2 "--check is for --tune" "no table to check" "$replay" --check="$work/two.txt" "$work/one.txt"
says 2 "by --tune" "several traces without it" "$replay" "$work/one.txt" "$work/two.txt"
says 2 "no TRACE given" "no trace" "$replay" --tune
for option in --classes=fine --curve --find-min-region --against=null --backend=null \
    --schedule=causal; do
    says 2 "${option%%=*} does not go with --tune" "$option" \
        "$replay" --tune "$option" "$work/one.txt"
done
says 2 "--sweep does not go with --tune" "a sweep" \
    "$replay" --tune --sweep classes=nine,fine "$work/one.txt"
says 1 "missing.txt" "a trace that is not there" \
    "$replay" --tune -o "$work/bad" --check="$work/missing.txt" "$work/one.txt"
printf 'worker 7 [000] 1.000001: kmem:mm_page_alloc: page=0x1 pfn=0x1 order=0 migratetype=0 gfp_flags=GFP_KERNEL\n' \
    >"$work/pages.txt"
says 1 "nothing to make a table for" "pages alone" "$replay" --tune -o "$work/bad" "$work/pages.txt"

done_testing
