#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # the README's fences are no command substitutions
# The README's C example compiles, links and runs with what pkg-config says about an installed
# library, shared and static.
. "$(dirname "$0")/check-lib.sh"

name="the README's example"
if [ -z "$builddir" ]; then
    skip "$name" "not run by make check: there is no build folder"
    done_testing
fi
if ! have pkg-config; then
    skip "$name" "no pkg-config"
    done_testing
fi

dest=$work/dest
# Only the library's parts: installing programs would link them anew in the build folder.
expect "make install of the library" "${MAKE:-make}" -C "$builddir" DESTDIR="$dest" \
    install-libLTLIBRARIES install-includeHEADERS install-buddyslabincludeHEADERS \
    install-pkgconfigDATA
config=$(find "$dest" -name buddyslab.pc)
libdir=$(dirname "$(dirname "$config")")

sed -n '/^```c$/,/^```$/p' "$srcdir/README.md" | sed '/^```/d' >"$work/example.c"
if [ ! -s "$work/example.c" ]; then
    echo 'README.md has no block that starts with ```c' >"$work/why"
    not_ok "$name is there" "$work/why"
    done_testing
fi

# The prefix in it is the configured one; what is installed lies below $dest.
ask() {
    PKG_CONFIG_LIBDIR=$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest pkg-config "$@" buddyslab
}

expect "pkg-config knows the version of the headers" test "$(ask --modversion)" = \
    "$(awk '/^#define BSA_VERSION_(MAJOR|MINOR|PATCH) / { printf "%s%s", dot, $3; dot = "." }' \
        "$srcdir/include/buddyslab/version.h")"

if [ -e "$libdir/libbuddyslab.so" ]; then
    # shellcheck disable=SC2046,SC2086 # lists of flags
    expect "$name links the shared library" $CC ${BSA_INSTRUMENT:-} -Wall -Wextra -Werror \
        "$work/example.c" -o "$work/shared" $(ask --cflags --libs)
    expect "$name runs with the shared library" \
        env LD_LIBRARY_PATH="$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$work/shared"
else
    skip "$name links the shared library" "it was not built"
fi
if [ -e "$libdir/libbuddyslab.a" ]; then
    # shellcheck disable=SC2046,SC2086
    expect "$name links the static library" $CC ${BSA_INSTRUMENT:-} -Wall -Wextra -Werror \
        "$work/example.c" -o "$work/static" $(ask --cflags) "$libdir/libbuddyslab.a"
    expect "$name runs with the static library" "$work/static"
else
    skip "$name links the static library" "it was not built"
fi

done_testing
