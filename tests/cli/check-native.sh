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
    python3 "$reader" "$2" >"$work/told" 2>&1
    "$tool" dump "$2" 2>&1 | sed 1d >"$work/expected"
    [ -s "$work/expected" ] || echo "no event" >>"$work/told"
    same "$1: read-native.py reads what bsa-trace reads" "$work/told" "$work/expected"
}

for file in good-events good-events-zstd; do
    alike "$file" "$srcdir/tests/fuzz/corpus-native/$file"
done
for file in good-kmem.txt good-mtrace.txt good-trace-cmd.txt; do
    "$tool" convert -q -o "$work/trace" "$srcdir/tests/cli/data/$file"
    alike "$file" "$work/trace"
done
# Several chunks.
for file in "$srcdir"/traces/*.zst; do
    "$tool" convert -q -o "$work/trace" "$file"
    alike "${file##*/}" "$work/trace"
    break
done

done_testing
