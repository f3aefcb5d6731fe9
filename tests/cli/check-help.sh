#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# --help and the manual tell of the same options, and --help fits a terminal.
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/cli/replay-lib.sh"

# help PROGRAM: of the program and of each of its commands.
help() {
    "$builddir/cli/$1" --help
    case $1 in
    bsa-replay) set -- "$1" diff show ;;
    bsa-trace) set -- "$1" info dump convert cut merge stats check ;;
    *) set -- "$1" ;;
    esac
    help_program=$1
    shift
    for help_command in "$@"; do
        "$builddir/cli/$help_program" "$help_command" --help
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

done_testing
