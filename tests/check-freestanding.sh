#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lib/ and include/ build inside another tree: without configure, with a platform header, without
# headers of an operating system; what is missing to link are at most the four functions that a
# compiler may call anyway. For this machine and for those that a compiler is here for.
. "$(dirname "$0")/check-lib.sh"

# clang on 32-bit ARM knows the four by the names of the ARM run-time ABI (IHI 0043).
allowed='memcpy|memmove|memset|memcmp'
allowed_arm="$allowed|__aeabi_mem(cpy|move|set|clr)[48]?"

# The same list three times would rot: the package's own is compared with the folders.
lib_sources >"$work/sources"
sed -n 's|^\t%D%/\([a-z0-9_/]*\.c\).*|lib/\1|p' "$srcdir/lib/local.mk" | sort >"$work/listed"
same "lib/local.mk lists every source" "$work/listed" "$work/sources"

# README compiles lib/*/*.c into one folder.
sed 's|.*/||' "$work/sources" | sort | uniq -d >"$work/twice"
nothing "no two sources have one name" "$work/twice"

# The compiler's own headers are in a folder that it names itself.
own_headers() {
    "$@" -print-file-name=include
}

# undefined_names NM OBJECT...: what is undefined in one object and defined in none.
undefined_names() {
    nm_command=$1
    shift
    # shellcheck disable=SC2086 # configure may have found "nm -B"
    $nm_command -g "$@" 2>/dev/null | awk '
        NF >= 2 && $(NF - 1) == "U" { undefined[$NF] = 1; next }
        NF >= 2 && $(NF - 1) ~ /^[A-Za-z]$/ { defined[$NF] = 1 }
        END {
            if (!("bsa_version" in defined)) print "bsa_version is not there: is this the library?"
            for (n in undefined) if (!(n in defined)) print n
        }'
}

# build NAME LINK NM ALLOWED COMPILER...: three builds that compile and need only the allowed names.
# LINK is link, or together where no linker for that machine is certain to be here: then the
# objects are looked at together, which gives the same names as linking them into one.
build() {
    name=$1
    link=$2
    nm=$3
    names=$4
    shift 4
    for variant in "-O2 -DBSA_CHECKS=0" "-Os -DBSA_CHECKS=2" "-O0 -DBSA_CHECKS=1"; do
        objects=
        : >"$work/log"
        while read -r source; do
            object=$work/$(echo "$source" | tr / _).o
            # shellcheck disable=SC2086 # variant is a list of flags
            "$@" -std=c11 -ffreestanding -nostdlib -nostdinc $system_headers -fno-pie \
                -fno-stack-protector -Wall -Wextra -Werror $variant \
                '-DBSA_PLATFORM_HEADER="platform.h"' -I"$srcdir/tests/freestanding" \
                -I"$srcdir/include" -c "$srcdir/$source" -o "$object" >>"$work/log" 2>&1 ||
                echo "$source failed" >>"$work/log"
            objects="$objects $object"
        done <"$work/sources"
        if [ "$link" = link ]; then
            # shellcheck disable=SC2086
            "$@" -nostdlib -r -o "$work/all.o" $objects >>"$work/log" 2>&1 ||
                echo "linking to one relocatable object failed" >>"$work/log"
            objects=$work/all.o
        fi
        nothing "$name $variant: compiles" "$work/log"
        # shellcheck disable=SC2086
        undefined_names "$nm" $objects | grep -v -E "^($names)\$" | sort >"$work/undefined"
        nothing "$name $variant: needs only the four memory functions" "$work/undefined"
        rm -f "$work"/*.o
    done
}

# A program with the library in it, whose platform header has macros in the place of hooks.
embed() {
    for checks in 0 2; do
        # shellcheck disable=SC2046 # the sources, one a word
        expect "$*, checks $checks: macros in the place of the hooks compile" \
            "$@" -std=c11 -O2 -Wall -Wextra -Werror -DBSA_CHECKS=$checks \
            '-DBSA_PLATFORM_HEADER="kernel.h"' -I"$srcdir/tests/freestanding" -I"$srcdir/include" \
            $(sed "s|^|$srcdir/|" "$work/sources") "$srcdir/tests/freestanding/kernel.c" \
            -o "$work/kernel"
        expect "$*, checks $checks: they are called as the hooks are" "$work/kernel"
    done
}

# native COMPILER [FLAGS]: this machine.
native() {
    system_headers="-isystem $(own_headers "$@")"
    build "$*" link "$NM" "$allowed" "$@"
}

# cross MACHINE GCC ALLOWED CLANG-FLAGS...: with a cross gcc, and with clang, which is one.
cross() {
    machine=$1
    gcc=$2
    cross_names=$3
    shift 3
    if have "$gcc"; then
        system_headers="-isystem $(own_headers "$gcc")"
        gcc_flags=
        case $machine in
        aarch64) gcc_flags=-mno-outline-atomics ;; # else atomics are calls into its own library
        esac
        # shellcheck disable=SC2086 # none, or one word
        build "$gcc" link "${gcc%gcc}nm" "$cross_names" "$gcc" $gcc_flags
    else
        skip "$machine with gcc" "no $gcc"
    fi
    if have clang && [ -n "$llvm_nm" ]; then
        system_headers="-isystem $(own_headers clang)"
        build "clang for $machine" together "$llvm_nm" "$cross_names" clang "$@"
    else
        skip "$machine with clang" "no clang, or no llvm-nm"
    fi
}

llvm_nm=
for candidate in llvm-nm llvm-nm-14 llvm-nm-15 llvm-nm-16 llvm-nm-19; do
    if have "$candidate"; then
        llvm_nm=$candidate
        break
    fi
done

native "${CC%% *}"
embed "${CC%% *}"
for compiler in gcc clang; do
    if [ "${CC%% *}" != "$compiler" ] && have "$compiler"; then
        native "$compiler"
    fi
done

# 32 bits of the same machine: compiles wherever the compiler knows -m32, which needs no library.
printf '#include <stdint.h>\nint32_t x;\n' >"$work/one.c"
if "${CC%% *}" -m32 -ffreestanding -c "$work/one.c" -o "$work/one.o" 2>/dev/null; then
    native "${CC%% *}" -m32
else
    skip "${CC%% *} -m32" "the compiler does not know it"
fi

cross riscv64 riscv64-linux-gnu-gcc "$allowed" --target=riscv64-linux-gnu -march=rv64gc
cross aarch64 aarch64-linux-gnu-gcc "$allowed" --target=aarch64-linux-gnu -mno-outline-atomics
cross "32-bit ARM" arm-linux-gnueabihf-gcc "$allowed_arm" --target=armv7a-linux-gnueabihf \
    -mhwdiv=arm,thumb # without optimisation clang divides by constants, too

done_testing
