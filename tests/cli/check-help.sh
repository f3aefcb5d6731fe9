#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --help and the manual tell of the same options, and --help fits a terminal.
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/cli/replay-lib.sh"

# commands PROGRAM: those that it has.
commands() {
    case $1 in
    bsa-replay) echo diff show ;;
    bsa-trace) echo info dump convert cut merge stats check ;;
    esac
}

# help PROGRAM: of the program and of each of its commands.
help() {
    "$builddir/cli/$1" --help
    for help_command in $(commands "$1"); do
        "$builddir/cli/$1" "$help_command" --help
    done
}

# In a manual the tag of a paragraph begins with options, in --help each has a line.
in_help='s/^  \(-[a-z], \)*--\([a-z-]*\).*/\2/p'
in_manual='tag { print } { tag = /^\.T[PQ]/ }'

for program in bsa-replay bsa-record bsa-trace; do
    help $program >"$work/help" 2>"$work/log"
    nothing "$program --help says nothing on standard error" "$work/log"
    awk 'length > 80 { print length ": " $0 }' "$work/help" >"$work/log"
    nothing "  has 80 columns" "$work/log"
    sed -n "$in_help" "$work/help" | sort -u >"$work/told"
    awk "$in_manual" "$srcdir/man/$program.1" | sed 's/\\f[A-Z]//g; s/\\-/-/g' |
        grep -o -e '--[a-z][a-z-]*' | sed 's/^--//' | sort -u >"$work/listed"
    expect "  tells of options" test "$(wc -l <"$work/told")" -gt 5
    # GOption prints neither: help is its own, version stands in no command's table.
    comm -23 "$work/told" "$work/listed" >"$work/log"
    nothing "  tells of none that the manual does not list" "$work/log"
    comm -13 "$work/told" "$work/listed" >"$work/log"
    nothing "  tells of all that the manual lists" "$work/log"
done

# full STATUS PROGRAM ARGUMENT...: what is printed does not arrive.
full() {
    full_status=$1
    full_program=$2
    shift 2
    "$builddir/cli/$full_program" "$@" >/dev/full 2>"$work/log"
    expect "status $full_status: $full_program $* on a full disk" test $? -eq "$full_status"
    expect "  which is said" grep -q "^$full_program: cannot write to standard output" "$work/log"
}
if [ -w /dev/full ]; then
    for option in --help --version; do
        full 1 bsa-replay $option
        full 1 bsa-trace $option
        full 125 bsa-record $option
    done
    full 1 bsa-trace info --help
    full 1 bsa-replay diff --help
fi

done_testing
