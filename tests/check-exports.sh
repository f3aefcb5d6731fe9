#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The names that the library exports are those of tests/exports.txt, and those are the names that
# the public headers declare. After an intended change:
#   tests/check-exports.sh --write
. "$(dirname "$0")/check-lib.sh"

declared_functions >"$work/declared"
if [ "${1:-}" = --write ]; then
    cp "$work/declared" "$srcdir/tests/exports.txt"
    exit
fi

same "the headers declare what tests/exports.txt lists" "$srcdir/tests/exports.txt" "$work/declared"

library=$builddir/lib/.libs/libbuddyslab.so
if [ -z "$builddir" ] || [ ! -e "$library" ]; then
    skip "the shared library exports exactly these" "it was not built"
else
    # Coverage and sanitizer builds add names of their run-time part.
    $NM -D --defined-only "$library" | awk '{ print $3 }' |
        grep -v -E '^(__|_init$|_fini$|_edata$|_end$|llvm_|lprof|mangle_path$)' | sort >"$work/exported"
    same "the shared library exports exactly these" "$srcdir/tests/exports.txt" "$work/exported"
fi

# Hidden visibility does nothing in an archive: there the prefix is what keeps names apart.
archive=$builddir/lib/.libs/libbuddyslab.a
if [ -z "$builddir" ] || [ ! -e "$archive" ]; then
    skip "every global name in the archive starts with bsa_ or bsai_" "it was not built"
else
    $NM -g --defined-only "$archive" 2>"$work/nm.err" | awk 'NF == 3 { print $3 }' |
        grep -v -E '^(bsa_|bsai_|__|DW\.ref\.)' | sort -u >"$work/foreign"
    nothing "every global name in the archive starts with bsa_ or bsai_" "$work/foreign"
fi

done_testing
