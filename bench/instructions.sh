#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Instructions of a step, counted by callgrind: the same in every run, however busy the machine.
#   instructions.sh BSA-BENCH KEPT OUTPUT
# Writes OUTPUT and prints it beside KEPT, what an earlier build took; ! is 2 % more or worse. Both
# are tables of row, allocator and instructions. Callgrind counts an atomic instruction as one.
#
# A cell runs one pass, then three: what two passes more take is that of their steps alone.

set -u
LC_ALL=C
export LC_ALL

fail() {
    printf 'instructions.sh: %s\n' "$*" >&2
    exit 1
}

if [ $# -ne 3 ]; then
    echo "usage: instructions.sh BSA-BENCH KEPT OUTPUT" >&2
    exit 2
fi
bench=$1
kept=$2
output=$3
[ -x "$bench" ] || fail "$bench cannot be run; make it first"
command -v valgrind >/dev/null 2>&1 ||
    fail "there is no valgrind here; on Debian it is in the package of that name"

rows="pair-64 pair-2048 batch-random bulk cache churn-2K remote
page-pair-0 page-pair-3 page-pair-9 page-churn realloc-1M"
subjects="null excl-1 excl excl-hook shared shared-hook"

work=$(mktemp -d "${TMPDIR:-/tmp}/bsa-instructions.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# count ROW SUBJECT PASSES: steps and instructions, of the whole process.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$bench" --cell="$1" --with="$2" --passes="$3" >"$work/steps" 2>"$work/log" || return 1
    echo "$(cat "$work/steps") $(sed -n 's/.*Collected : //p' "$work/log")"
}

{
    echo "# processor: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    echo "# compiler: $("$bench" --quick --only=usable-8 --with=excl |
        sed -n 's/^compiler: //p')"
    echo "# valgrind: $(valgrind --version)"
    printf 'row\tsubject\tinstructions\n'
} >"$work/made" || exit 1
for row in $rows; do
    for subject in $subjects; do
        case $subject,$row in
        null,realloc-* | null,remote | null,bulk | null,cache | excl-1,remote | *-hook,remote | *-hook,bulk | *-hook,cache) continue ;;
        esac
        if ! one=$(count "$row" "$subject" 1) || ! three=$(count "$row" "$subject" 3); then
            cat "$work/log" >&2
            fail "$row with $subject could not be counted: see above"
        fi
        echo "$one $three" | awk -v row="$row" -v subject="$subject" -v OFS='\t' \
            '{ print row, subject, sprintf("%.1f", ($4 - $2) / ($3 - $1)) }' >>"$work/made"
    done
done
cp "$work/made" "$output" || fail "$output cannot be written"

[ -e "$kept" ] || : >"$work/none"
[ -e "$kept" ] || kept=$work/none
sed -n 's/^# compiler: /kept with /p' "$kept"
sed -n 's/^# compiler: /now with  /p' "$output"
awk -F '\t' '
    /^#/ || $1 == "row" { next }
    FILENAME == ARGV[1] { kept[$1, $2] = $3; next }
    !printed++ { printf "%-16s %-12s %9s %9s %8s\n", "row", "allocator", "kept", "now", "change" }
    !(($1, $2) in kept) { printf "%-16s %-12s %9s %9.1f %8s\n", $1, $2, "-", $3, "-"; next }
    {
        change = 100 * ($3 / kept[$1, $2] - 1)
        printf "%-16s %-12s %9.1f %9.1f %+7.1f%%%s\n", $1, $2, kept[$1, $2], $3, change,
               (change >= 2 ? " !" : "")
    }
' "$kept" "$output"
