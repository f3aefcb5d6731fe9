#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh HARNESS...: each for FUZZ_SECONDS seconds under libFuzzer, with the address and undefined
# behaviour sanitizers. What ends a harness is left in the current folder.
srcdir=${BSA_SRCDIR:-.}
seconds=${FUZZ_SECONDS:-20}
clang=${FUZZ_CC:-clang}
status=0

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
echo 'int LLVMFuzzerTestOneInput(const char *d, long n); int LLVMFuzzerTestOneInput(const char *d, long n) { return d != 0 && n < 0; }' >"$work/probe.c"
if ! "$clang" -fsanitize=fuzzer "$work/probe.c" -o "$work/probe" >/dev/null 2>&1; then
    echo "make fuzz: skipped: $clang cannot build for libFuzzer (Debian: clang, libclang-rt-14-dev;"
    echo "FUZZ_CC names another clang)"
    exit 0
fi

for harness in "$@"; do
    name=${harness##*/fuzz_}
    echo "$harness: $seconds s"
    mkdir "$work/$name"
    # FUZZ_CFLAGS and FUZZ_LIBS are words.
    # shellcheck disable=SC2086
    "$clang" -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        $FUZZ_CFLAGS "$srcdir/$harness.c" "$srcdir/tests/fuzz/libfuzzer.c" \
        "$srcdir/tests/fuzz/events.c" "$srcdir/tests/fuzz/file.c" "$srcdir"/cli/trace/*.c $FUZZ_LIBS -o "$work/fuzz_$name" ||
        exit 1
    if ! "$work/fuzz_$name" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 \
        -artifact_prefix="fuzz-$name-" -print_final_stats=1 "$work/$name" \
        "$srcdir/tests/fuzz/corpus-$name" >"$work/log" 2>&1; then
        tail -n 40 "$work/log"
        status=1
    fi
    grep -E 'number_of_executed_units|new_units_added|peak_rss_mb' "$work/log"
done
exit $status
