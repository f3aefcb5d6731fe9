#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each public header compiles alone, as C11 and as C++17, and make install knows each of them.
. "$(dirname "$0")/check-lib.sh"

warnings="-Wall -Wextra -Wshadow -Wconversion -Werror -fsyntax-only"
CXX=${CXX:-c++}

for header in "$srcdir"/include/*.h "$srcdir"/include/buddyslab/*.h; do
    name=${header#"$srcdir"/include/}
    printf '#include <%s>\n#include <%s>\ntypedef int not_empty;\n' "$name" "$name" >"$work/one.c"
    # shellcheck disable=SC2086 # lists of flags
    expect "$name is complete in C11" $CC -std=c11 -pedantic -Wstrict-prototypes $warnings \
        -I"$srcdir/include" "$work/one.c"
    if have "$CXX"; then
        cp "$work/one.c" "$work/one.cc"
        expect "$name is complete in C++17" "$CXX" -std=c++17 -Wall -Wextra -Werror \
            -fsyntax-only -I"$srcdir/include" "$work/one.cc"
    else
        skip "$name is complete in C++17" "no C++ compiler ($CXX)"
    fi
    if grep -q "/$name " "$srcdir/include/local.mk" || grep -q "/$name\$" "$srcdir/include/local.mk"; then
        ok "$name is installed"
    else
        echo "include/local.mk does not list it" >"$work/why"
        not_ok "$name is installed" "$work/why"
    fi
done

done_testing
