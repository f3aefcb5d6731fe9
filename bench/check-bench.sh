#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bsa-bench measures every row, with every allocator that is here, and prints it; times do not count.
# shellcheck disable=SC2317 # functions that run through expect
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
# shellcheck source=tests/check-lib.sh
. "$BSA_SRCDIR/tests/check-lib.sh"

bench=$builddir/bench/bsa-bench
if [ -z "$builddir" ] || [ ! -x "$bench" ]; then
    skip "bsa-bench" "not built; set BSA_BUILDDIR to try one"
    done_testing
fi

# refused STATUS WORDS OPTION...: ends with the status, and the message has the words.
refused() {
    refused_status=$1
    refused_words=$2
    shift 2
    "$bench" "$@" >"$work/log" 2>&1 </dev/null
    refused_got=$?
    if [ "$refused_got" -eq "$refused_status" ] && grep -qF -- "$refused_words" "$work/log"; then
        ok "status $refused_status: $*"
    else
        echo "status $refused_got, wanted $refused_status and '$refused_words'" >>"$work/log"
        not_ok "status $refused_status: $*" "$work/log"
    fi
}

refused 2 "not a number" --rounds=many
refused 2 "not a number" --rounds=0
refused 2 "not a whole number" --rounds=1.5
refused 2 "not a number" --seconds=nan
refused 2 "not a whole number" --cell=pair-64 --with=libc --passes=1.5
refused 2 "no such row" --only=nothing
refused 2 "no such row" --cell=nothing --with=libc
refused 2 "no such allocator" --with=nothing
refused 2 "wants one --with" --cell=pair-64
refused 2 "wants --cell" --passes=3
refused 2 "without passes" --cell=usable-8 --with=excl --passes=3
refused 2 "no work for" --cell=threads-64-x2 --with=excl-1
refused 2 "no work for" --cell=pair-64 --with=buddy
refused 2 "wants NAME=LIBRARY" --peer=libmalloc.so
refused 2 "of this name" --peer=libc=libmalloc.so
refused 2 "letters, digits" --peer=lib/c=libmalloc.so
refused 2 "LD_PRELOAD would split" --peer="other=lib malloc.so"
refused 2 "is no option" pair-64
refused 2 "unrecognized option" --nothing
refused 1 "cannot be written" --tsv="$work/no/such/folder"
refused 1 "cannot be written" --medians="$work/no/such/folder"
refused 1 "LD_PRELOAD" --cell=pair-64 --with=tcmalloc
refused 0 "usage: bsa-bench" --help
refused 0 "other is left out: $work/none.so cannot be preloaded" --peer=other="$work/none.so" \
    --with=other --rounds=1
if [ -w /dev/full ]; then
    refused 1 "could not be written whole" --tsv=/dev/full --only=pair-64 --with=null --rounds=1 \
        --seconds=0.001
else
    skip "a full disk" "no /dev/full here"
fi

# measured NAME OPTION...: measures, once and shortly.
measured() {
    measured_name=$1
    shift
    if "$bench" --rounds=1 --seconds=0.001 "$@" >"$work/out" 2>"$work/err"; then
        ok "$measured_name"
    else
        not_ok "$measured_name" "$work/err"
    fi
}

"$bench" --list >"$work/list"
awk '/^rows/ { rows = 1; next } /^allocators/ { rows = 0; next } rows { print $1 }' "$work/list" |
    grep -v -E -e '-x([3-9]|[1-9][0-9])$' >"$work/rows"
awk '/^allocators/ { all = 1; next } all { print $1 }' "$work/list" >"$work/subjects"

# Every allocator that is here, with what it can do of a few rows. A sanitizer has a malloc of its
# own, which does not want to come second, and takes long for large blocks.
few="--only=pair-64 --only=page-pair-6 --only=occupied-mixed --only=threads-64-x2"
mallocs='tcmalloc|jemalloc|mimalloc|libc|preload'
if [ -n "${BSA_INSTRUMENT:-}" ]; then
    few="$few $(grep -v -x -E "$mallocs" "$work/subjects" | sed 's/^/--with=/')"
fi
# shellcheck disable=SC2086 # a list
measured "every allocator" --tsv="$work/tsv" $few
{
    sed -n 's/^bsa-bench: \([^ ]*\) is left out.*/\1/p' "$work/err"
    awk -F '\t' '!/^#/ && $1 == 1 && $4 > 0 { print $3 }' "$work/tsv"
    if [ -n "${BSA_INSTRUMENT:-}" ]; then
        grep -x -E "$mallocs" "$work/subjects"
    fi
} | sort -u >"$work/got"
sort "$work/subjects" >"$work/wanted"
same "each is in the results or left out" "$work/wanted" "$work/got"
grep -c -E '^# (date|command|processor|compiler): .' "$work/tsv" >"$work/header"
echo 4 >"$work/wanted"
same "the results say when and where they were made" "$work/wanted" "$work/header"

# A peer of one's own, which fails in one row: the others are measured all the same.
cat >"$work/odd.c" <<'END'
#include <stddef.h>
void *__libc_malloc(size_t size);
void *malloc(size_t size);
void *malloc(size_t size) { return size == 2048 ? NULL : __libc_malloc(size); }
END
if [ -z "${BSA_INSTRUMENT:-}" ] &&
    $CC -shared -fPIC -o "$work/libodd.so" "$work/odd.c" >/dev/null 2>&1; then
    refused 1 "row pair-2048 with odd failed" --peer=odd="$work/libodd.so" --with=odd --with=excl \
        --only=pair-64 --only=pair-2048 --rounds=1 --seconds=0.001
    grep -E '^pair-(64|2048) +odd|^pair-(64|2048) +ns' "$work/log" |
        awk '{ print $1, $2, $3 != "-" }' >"$work/got"
    printf '%s\n' "pair-64 ns 1" "pair-64 ns 1" "pair-2048 ns 1" "pair-64 odd 1" \
        >"$work/wanted"
    same "a row that fails with one peer is measured with the others" "$work/wanted" "$work/got"
else
    skip "a peer that fails" "it cannot be made here"
fi

# Every row; with a sanitizer those that are short.
rows=--with=libc
if [ -n "${BSA_INSTRUMENT:-}" ]; then
    short=$(grep -E '^(pair|page-pair|usable)-|^(producer|hand-over|larson|remote)$' "$work/rows")
    echo "$short" >"$work/rows"
    rows=$(echo "$short" | sed 's/^/--only=/')
fi
# shellcheck disable=SC2086 # a list
measured "every row" --tsv="$work/tsv" --medians="$work/medians" --with=excl --with=fine \
    --with=control $rows
sort "$work/rows" >"$work/wanted"
awk -F '\t' '!/^#/ && $1 == 1 && $3 == "excl" && $4 > 0 { print $2 }' "$work/tsv" |
    sort >"$work/got"
same "the results have every row" "$work/wanted" "$work/got"
awk -F '\t' '$6 == "excl" && $7 > 0 { print $2 }' "$work/medians" | sort >"$work/got"
same "the medians have every row" "$work/wanted" "$work/got"
sed -n '/^libbuddyslab: medians/,/^libbuddyslab: times/s/^\([a-z][a-zA-Z0-9-]*\) *\(ns\|times\|%\|bytes\) .*/\1/p' \
    "$work/out" | sort >"$work/got"
same "the table has every row" "$work/wanted" "$work/got"

# Every target whose rows were measured is judged. ROW TARGET:
cat >"$work/targets" <<'END'
pair-8 pairs, batches, churns, excl, .* mean
pair-8   the worst row: [a-z]
page-pair-6 pages, orders 0 to 6, excl, ns
page-pair-9 pages, orders 7 to 9
producer producer
hand-over hand-over
larson larson
threads-64-x2 threads-64
threads-page-x2 threads-page
threads-churn-x2 threads-churn
slabs-100000 slabs 100 to 100000
sections-1024 sections 1 to 1024
odd-pages-100000 odd-pages 1000 to 100000
realloc-1M realloc between
occupied-10K occupied-10K, excl
occupied-mixed occupied-mixed, fine
usable-8 a slab's usable share.* at 8 bytes
metadata-64M metadata, bytes a page
END
: >"$work/missing"
while IFS=' ' read -r row target; do
    # With a sanitizer there is no peer.
    if ! grep -q -x "$row" "$work/rows" || [ -n "${BSA_INSTRUMENT:-}" ]; then
        continue
    fi
    grep -q -E "^(ok|over) +[0-9.]+ [<>]= +[0-9.]+ +$target" "$work/out" ||
        echo "$target" >>"$work/missing"
done <"$work/targets"
nothing "every target is judged" "$work/missing"

if have gnuplot && [ -z "${BSA_INSTRUMENT:-}" ]; then
    mkdir "$work/pictures"
    gnuplot -c "$BSA_SRCDIR/bench/plot.gp" "$work/medians" "$work/pictures" >"$work/log" 2>&1 ||
        echo "gnuplot failed" >>"$work/log"
    nothing "gnuplot has nothing to say" "$work/log"
    (cd "$work/pictures" && find . -type f -size +4k | sort) >"$work/got"
    printf '%s\n' ./growth.png ./growth.svg ./ratio.png ./ratio.svg >"$work/wanted"
    same "the pictures are drawn" "$work/wanted" "$work/got"
else
    skip "the pictures" "no gnuplot, or nothing to draw"
fi

done_testing
