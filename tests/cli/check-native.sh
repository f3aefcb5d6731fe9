#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A reader that was written from bsa-trace(5) in another language reads what bsa-trace reads.
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/check-lib.sh"

tool=${BSA_TRACE:-$builddir/cli/bsa-trace}
reader=$srcdir/tests/cli/read-native.py
for program in python3 zstd; do
    if ! have "$program"; then
        skip "read-native.py reads what bsa-trace reads" "no $program"
        done_testing
    fi
done

# alike NAME FILE: both tell the same of it.
alike() {
    raw=
    "$tool" info "$2" | grep -q '^level  *raw$' && raw=--raw
    python3 "$reader" "$2" "$work/seen" >"$work/told" 2>&1
    # shellcheck disable=SC2086 # an option or none
    "$tool" dump $raw "$2" 2>&1 | sed 1d >"$work/expected"
    [ -s "$work/expected" ] || echo "no event" >>"$work/told"
    same "$1: read-native.py reads what bsa-trace reads" "$work/told" "$work/expected"
}

for file in "$srcdir"/tests/fuzz/corpus-native/good-*; do
    case $file in
    *.zst) ;; # compressed as a whole: no trace file until it is unpacked
    *) alike "${file##*/}" "$file" ;;
    esac
done
for file in good-kmem.txt good-mtrace.txt good-trace-cmd.txt; do
    for options in -q "-q --addresses" "-q --raw"; do
        # shellcheck disable=SC2086 # words
        "$tool" convert $options -o "$work/trace" "$srcdir/tests/cli/data/$file"
        alike "$file, convert $options" "$work/trace"
    done
done
# Several chunks, packed as this version does it.
"$tool" convert -q -o "$work/trace" "$srcdir/traces/kernel-phases.perf-script.zst"
alike kernel-phases "$work/trace"
alike make.bsat "$srcdir/traces/make.bsat"

# All that bsa-trace(5) describes was in these files.
kinds="alloc calloc aligned_alloc realloc free page_alloc page_free thread_start thread_end \
cpu_start cpu_end marker lost realloc_begin"
{
    for number in 1 2 3 4 5 6; do echo "chunk $number"; done
    for number in 0 1 2; do echo "encoding $number"; done
    number=1
    while [ $number -le 23 ]; do
        echo "column $number"
        number=$((number + 1))
    done
    for kind in $kinds; do echo "kind $kind"; done
} | sort >"$work/all"
sort -u "$work/seen" | comm -13 - "$work/all" >"$work/unseen"
nothing "chunks, encodings, columns and kinds of all numbers are compared" "$work/unseen"

done_testing
