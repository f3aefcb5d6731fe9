#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every public function has a manual page, every page is well formed.
. "$(dirname "$0")/check-lib.sh"

# FUNCTION PAGE lines, from which make install makes the links.
links=$srcdir/man/links.txt
grep -v '^#' "$links" | awk '{ print $1 }' | sort >"$work/linked"
declared_functions >"$work/declared"
same "man/links.txt has the functions of the headers" "$work/linked" "$work/declared"

grep -v '^#' "$links" | while read -r function page; do
    if [ ! -e "$srcdir/man/$page.3" ]; then
        echo "$function: there is no man/$page.3"
    elif ! sed -n '/^\.SH NAME/,/^\.SH SYNOPSIS/p' "$srcdir/man/$page.3" | grep -q -w "$function"
    then
        echo "$function: not in the NAME section of man/$page.3"
    elif ! sed -n '/^\.SH SYNOPSIS/,/^\.SH DESCRIPTION/p' "$srcdir/man/$page.3" |
        grep -q -w "$function"; then
        echo "$function: not in the SYNOPSIS of man/$page.3"
    fi
done >"$work/log"
nothing "every function is in the NAME and SYNOPSIS of its page" "$work/log"

for page in "$srcdir"/man/*.[135]; do
    name=$(basename "$page")
    if have groff; then
        # On one long page, as man shows it: where a table would meet the end of one is no fault.
        { echo .pl 1000i && cat "$page"; } | groff -man -t -ww -Tutf8 -Kutf8 -z >"$work/log" 2>&1
        nothing "$name: groff has nothing to say" "$work/log"
    else
        skip "$name: groff has nothing to say" "no groff"
    fi
    if have mandoc; then
        # STYLE: and the date format are a matter of taste; warnings and errors are not.
        mandoc -T lint -W warning "$page" >"$work/log" 2>&1
        nothing "$name: mandoc has nothing to say" "$work/log"
    else
        skip "$name: mandoc has nothing to say" "no mandoc"
    fi
    if grep -q "/$name\$" "$srcdir/man/local.mk" || grep -q "/$name " "$srcdir/man/local.mk"; then
        ok "$name is installed"
    else
        echo "man/local.mk does not list it" >"$work/why"
        not_ok "$name is installed" "$work/why"
    fi
done

done_testing
