#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bsa-bench measures every row with every allocator and prints it; times do not count.
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
refused 2 "no such row" --only=nothing
refused 2 "no such row" --cell=nothing --with=libc
refused 2 "no such allocator" --with=nothing
refused 2 "wants one --with" --cell=pair-64
refused 2 "2 threads" --cell=threads-64 --with=excl-1
refused 2 "is no option" pair-64
refused 2 "unrecognized option" --nothing
refused 1 "cannot be written" --tsv="$work/no/such/folder"
refused 1 "LD_PRELOAD" --cell=pair-64 --with=tcmalloc
refused 0 "usage: bsa-bench" --help
if [ -w /dev/full ]; then
    refused 1 "could not be written whole" --tsv=/dev/full --only=pair-64 --with=null --rounds=1 \
        --seconds=0.001
else
    skip "a full disk" "no /dev/full here"
fi

# A sanitizer has a malloc of its own, and does not want to come second.
ours="--with=excl-1 --with=excl --with=excl-hook --with=shared --with=shared-hook --with=null"
peers="--with=libc --with=tcmalloc"
[ -z "${BSA_INSTRUMENT:-}" ] || peers=--with=libc

# shellcheck disable=SC2086 # lists
if "$bench" --rounds=1 --seconds=0.001 --tsv="$work/tsv" $ours $peers \
    >"$work/out" 2>"$work/err"; then
    ok "every row with every allocator"
else
    not_ok "every row with every allocator" "$work/err"
fi
"$bench" --list >"$work/list"

# ROW SUBJECT of all cells there have to be: a heap of one CPU has none of two threads.
left_out=$(sed -n 's/^bsa-bench: \([^ ]*\) is left out.*/\1/p' "$work/err")
awk '/^rows/ { rows = 1; next } /^allocators/ { rows = 0; next } rows { print $1 }' \
    "$work/list" >"$work/rows"
# shellcheck disable=SC2086
for subject in $(printf '%s\n' $ours $peers | sed 's/--with=//'); do
    [ "$subject" != "$left_out" ] || continue
    while read -r row; do
        case $subject,$row in
        excl-1,threads-*) ;;
        *) echo "$row $subject" ;;
        esac
    done <"$work/rows"
done | sort >"$work/wanted"
awk -F '\t' '!/^#/ && $1 == 1 && $4 > 0 { print $2, $3 }' "$work/tsv" | sort >"$work/got"
same "the results have every cell" "$work/wanted" "$work/got"

grep -c -E '^# (date|command|processor|compiler): .' "$work/tsv" >"$work/header"
echo 4 >"$work/wanted"
same "the results say when and where they were made" "$work/wanted" "$work/header"

# Every row has a line in the table of times, and one in that of ratios where tcmalloc is there.
tables=2
case $left_out$peers in
*tcmalloc--with*) tables=1 ;;
*tcmalloc*) ;;
*) tables=1 ;;
esac
while read -r row; do
    echo "$row $tables"
done <"$work/rows" >"$work/wanted"
while read -r row; do
    echo "$row $(grep -c "^$row " "$work/out")"
done <"$work/rows" >"$work/got"
same "the tables have every row" "$work/wanted" "$work/got"

done_testing
