#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# libbuddyslab-malloc.so preloaded: programs run on it, the environment configures it, C++ has its
# operators, it exports malloc's names and nothing else.
# shellcheck source=tests/check-lib.sh
. "$(dirname "$0")/../check-lib.sh"

library=$builddir/malloc/.libs/libbuddyslab-malloc.so
CXX=${CXX:-c++}
parts=$srcdir/tests/malloc
if [ -z "$builddir" ] || [ ! -e "$library" ]; then
    skip "libbuddyslab-malloc.so" "it was not built"
    done_testing
fi

preloaded() {
    env LD_PRELOAD="$library" "$@"
}

# Names ----------------------------------------------------------------------------------------------

$NM -D --defined-only "$library" | awk '{ print $3 }' | grep -v '^__' | sort >"$work/exported"
cat >"$work/c-names" <<'END'
aligned_alloc
calloc
cfree
free
free_aligned_sized
free_sized
mallinfo
mallinfo2
malloc
malloc_stats
malloc_trim
malloc_usable_size
mallopt
memalign
posix_memalign
pvalloc
realloc
reallocarray
valloc
END
grep -v '^_Z' "$work/exported" >"$work/c-exported"
same "the names of malloc's functions come out, and no others" "$work/c-names" "$work/c-exported"
grep '^_Z' "$work/exported" | grep -v -E '^_Z(n[aw][mj]|d[al]Pv)' >"$work/strange"
nothing "of C++ it has new and delete" "$work/strange"

# The environment ------------------------------------------------------------------------------------

# A program that asks for every size, and says so.
cat >"$work/sizes.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
static void *volatile sink;
int main(void)
{
    for (size_t size = 0; size <= 8192; size++)
        sink = malloc(size);
    return puts("every size") < 0;
}
END
# shellcheck disable=SC2086 # a compiler and its flags
expect "a program of all sizes compiles" $CC -o "$work/sizes" "$work/sizes.c"
echo 'every size' >"$work/expected"
preloaded "$work/sizes" >"$work/out" 2>"$work/err"
same "it runs" "$work/expected" "$work/out"
nothing "it says nothing on stderr" "$work/err"

# refused VARIABLE VALUE WHY: one line, and the program runs.
refused() {
    echo "buddyslab-malloc: $1=$2: $3; the default is used" >"$work/line"
    preloaded "$1=$2" "$work/sizes" >"$work/out" 2>"$work/err"
    same "$1=$2 is refused in one line" "$work/line" "$work/err"
    same "$1=$2: the program runs" "$work/expected" "$work/out"
}
for value in '' 0 3M 12Q 1.5G -1 99999999999999999999 18014398509481985K 4MM; do
    refused BSA_MALLOC_REGION "$value" 'not a size of 4M or more, such as 256M or 2G'
done
for value in '' Fine nine,fine; do
    refused BSA_MALLOC_CLASSES "$value" 'not one of nine, kmalloc and fine'
done
for value in '' -1 4096 1K; do
    refused BSA_MALLOC_THREADS "$value" 'not a number from 0 to 4095'
done
for value in '' 2 yes; do
    refused BSA_MALLOC_STATS "$value" 'neither 0 nor 1'
done

for setting in BSA_MALLOC_REGION=4M BSA_MALLOC_REGION=4194304 BSA_MALLOC_REGION=9000K \
    BSA_MALLOC_REGION=1G BSA_MALLOC_CLASSES=nine BSA_MALLOC_CLASSES=kmalloc BSA_MALLOC_CLASSES=fine \
    BSA_MALLOC_THREADS=0 BSA_MALLOC_THREADS=4095 BSA_MALLOC_STATS=0; do
    preloaded "$setting" "$work/sizes" >"$work/out" 2>"$work/err"
    same "$setting: the program runs" "$work/expected" "$work/out"
    nothing "$setting is silent" "$work/err"
done

# Classes that the figures name.
has_classes() {
    preloaded BSA_MALLOC_STATS=1 BSA_MALLOC_CLASSES="$1" "$work/sizes" 2>&1 |
        sed -n 's/^  class \([0-9]*\): .*/\1/p' >"$work/classes"
    echo "$2" | tr ' ' '\n' >"$work/wanted"
    same "BSA_MALLOC_CLASSES=$1 has these classes" "$work/wanted" "$work/classes"
}
has_classes nine '8 16 32 64 128 256 512 1024 2048'
has_classes kmalloc '8 16 32 64 96 128 192 256 512 1024 2048'
has_classes fine '8 16 32 48 64 80 96 112 128 160 192 224 256 320 384 448 512 640 768 896 1024 1280 1536 1792 2048 2560 3072 3584 4096 5120 6144 7168'

# What a program frees of many sizes does not stay ready for the next request of each.
cat >"$work/waves.c" <<'END'
#include <stdlib.h>
enum { OBJECTS = 20000 };
static void *p[OBJECTS];
int main(void)
{
    for (int wave = 0; wave < 400; wave++) {
        for (size_t i = 0; i < OBJECTS; i++)
            p[i] = malloc((size_t)(wave / 10 % 20 + 1) * 16);
        for (size_t i = 0; i < OBJECTS; i++)
            free(p[i]);
    }
    return 0;
}
END
# shellcheck disable=SC2086
expect "a program that frees many sizes compiles" $CC -o "$work/waves" "$work/waves.c"
preloaded BSA_MALLOC_STATS=1 "$work/waves" 2>"$work/waves.out"
awk '/^  class / { split($0, f, /[:,]? /); ready += f[4] * f[8]; seen++ }
    /CPU states/ { state = $3 }
    END { if (!seen || ready + state > 4 * 1048576) print seen, "classes, ready", ready, "states", state }' \
    "$work/waves.out" >"$work/held"
nothing "what it has freed and its CPU keeps ready is at most 4 MiB" "$work/held"

# Figures at exit go to stderr and to no other file, whatever the program does with numbers of files.
cat >"$work/files.c" <<'END'
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    free(malloc((size_t)argc));
    int file = open(argv[1], O_WRONLY);
    for (int i = argc > 2 ? 2 : 3; i < 1024; i++)
        dup2(file, i);
    return file < 0;
}
END
# shellcheck disable=SC2086
expect "a program with many open files compiles" $CC -o "$work/files" "$work/files.c"
: >"$work/file"
preloaded BSA_MALLOC_STATS=1 "$work/files" "$work/file" 2>"$work/err"
grep -c '^buddyslab-malloc: bytes managed: ' "$work/err" >"$work/times"
echo 1 >"$work/once"
same "figures at exit come where their file was taken away" "$work/once" "$work/times"
nothing "they go to no other file" "$work/file"
preloaded BSA_MALLOC_STATS=1 "$work/files" "$work/file" too 2>"$work/err"
nothing "nor where stderr is taken away, too" "$work/file"

# shellcheck disable=SC3045 # where it is not known, the address space is not limited
(
    ulimit -v 300000 && preloaded "$work/sizes" >"$work/out" 2>&1
)
same "it runs in little address space" "$work/expected" "$work/out"

# The first call of all keeps errno, too.
cat >"$work/first.c" <<'END'
#include <errno.h>
#include <stdlib.h>
static void *volatile sink;
int main(void)
{
    errno = 0;
    sink = malloc(1);
    return errno;
}
END
# shellcheck disable=SC2086
expect "a program of one call compiles" $CC -o "$work/first" "$work/first.c"
for setting in BSA_MALLOC_STATS=1 BSA_MALLOC_STATS=2; do
    expect "$setting with stderr closed keeps errno" \
        env LD_PRELOAD="$library" $setting sh -c '"$1" 2>&-' sh "$work/first"
done

# Programs -------------------------------------------------------------------------------------------

# shellcheck disable=SC2086
if $CC -shared -fPIC -o "$work/plugin.so" "$parts/plugin.c" &&
    $CC -rdynamic -o "$work/host" "$parts/host.c" -ldl -lpthread; then
    expect "constructors, destructors, exit handlers, plugins that come and go" \
        env LD_PRELOAD="$library" "$work/host" "$work/plugin.so"
    expect "the same where all threads share a CPU" \
        env LD_PRELOAD="$library" BSA_MALLOC_THREADS=0 "$work/host" "$work/plugin.so"
    expect "the library itself may be opened and closed, where libc's malloc serves" \
        "$work/host" "$library"
else
    echo "$CC did not compile them" >"$work/why"
    not_ok "tests/malloc/plugin.c and host.c" "$work/why"
fi

cxx=no
if have "$CXX"; then
    expect "the C++ program compiles" "$CXX" -std=c++17 -Wall -Wextra -O0 -fsized-deallocation \
        -o "$work/operators" "$parts/operators.cc" -lpthread
    # The two compilers may be for different machines.
    env LD_PRELOAD="$library" "$work/operators" 2>&1 | grep -q 'cannot be preloaded' || cxx=yes
fi
if [ $cxx = yes ]; then
    expect "new, delete and their failures" env LD_PRELOAD="$library" "$work/operators"
    # A program in C that gets a C++ library with a plugin.
    cat >"$work/plain.c" <<'END'
#include <dlfcn.h>
int main(int argc, char **argv)
{
    void *plugin = dlopen(argv[argc - 1], RTLD_NOW | RTLD_LOCAL);
    int (*run)(void) = plugin != 0 ? (int (*)(void))dlsym(plugin, "main") : 0;
    return run != 0 ? run() : 2;
}
END
    # shellcheck disable=SC2086
    if "$CXX" -std=c++17 -O0 -fsized-deallocation -shared -fPIC -o "$work/operators.so" \
        "$parts/operators.cc" -lpthread && $CC -o "$work/plain" "$work/plain.c" -ldl; then
        expect "the same in a plugin of a C program" \
            env LD_PRELOAD="$library" "$work/plain" "$work/operators.so"
    else
        echo "$CXX or $CC did not compile it" >"$work/why"
        not_ok "the same in a plugin of a C program" "$work/why"
    fi
else
    skip "new, delete and their failures" "no C++ compiler ($CXX) for what $CC is for"
fi

# The tests of threads again, without ids of their own.
for name in threads ids; do
    if [ -x "$builddir/tests/malloc/test_malloc_$name" ]; then
        expect "$name where all threads share a CPU" env BSA_MALLOC_THREADS=0 \
            "$builddir/tests/malloc/test_malloc_$name"
    fi
done

done_testing
