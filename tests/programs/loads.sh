# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2317 # functions that are called by the names of programs
# Real programs and what they are to do, for check-programs.sh and bench/programs/: sourced by scripts
# that have set srcdir and builddir.
#
# need_NAME says what is missing; make_NAME, where there is one, prepares, once; run_NAME works with
# $preload in $work/run, an empty folder, says on standard output what must be the same with every
# malloc, and writes on descriptor 3 what measure does; version_NAME says which one it is.

set -u
LC_ALL=C
export LC_ALL

CXX=${CXX:-c++}
# shellcheck disable=SC2034 # for those who source this
programs='redis sqlite gcc g++ clang python perl git threads'
measure=$builddir/tests/programs/measure
loads=$srcdir/tests/programs
preload=-

work=$(mktemp -d "${TMPDIR:-/tmp}/buddyslab-programs.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

have() {
    command -v "$1" >/dev/null 2>&1
}

measured() {
    "$measure" "$preload" "$@"
}

# function_of PREFIX NAME: names of programs are no names of functions.
function_of() {
    echo "$1_$2" | sed 's/+/x/g'
}

# The mallocs that are always compared. The C library's is preloaded as the others are: programs are
# linked with some other malloc at times, redis of Debian with jemalloc.
ours=$builddir/malloc/.libs/libbuddyslab-malloc.so
if [ ! -e "$ours" ] || [ ! -x "$measure" ]; then
    echo "${0##*/}: $ours or $measure is not there; configure without --disable-malloc, make check-programs" >&2
    exit 1
fi
libc=$(ldd "$ours" 2>/dev/null | awk '$1 == "libc.so.6" { print $3 }')
libc=${libc:--}

# Where the dynamic linker finds a library, of whatever version, or nothing; of libraries for several
# processors that which is for the same as the C library above.
find_library() {
    case $1 in
    /*) [ -e "$1" ] && echo "$1" ;;
    *) PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | awk -v name="$1" -v libc="$libc" '
        { sub(/[,)]+$/, "", $2) }
        $NF == libc { wanted = $2 }
        index($1 ".", name ".") == 1 { if (!($2 in found)) found[$2] = $NF }
        END { if (wanted in found) print found[wanted] }' ;;
    esac
}

need_redis() {
    have redis-server || echo "no redis-server (on Debian: redis-server)"
    have redis-benchmark || echo "no redis-benchmark (on Debian: redis-tools)"
}
version_redis() {
    redis-server --version
}
run_redis() {
    # Should its clients fail, nobody tells it to end.
    measured timeout 300 redis-server --unixsocket "$work/run/socket" --port 0 --save '' \
        --appendonly no --io-threads 1 >"$work/run/server.log" 2>&1 &
    server=$!
    until redis-cli -s "$work/run/socket" ping >/dev/null 2>&1; do
        kill -0 "$server" 2>/dev/null || return
        sleep 0.01
    done
    redis-benchmark -s "$work/run/socket" -q -n 100000 -r 100000 -d 100 -P 8 \
        -t set,get,incr,lpush,rpop,sadd,hset,zadd >"$work/run/bench.log" 2>&1
    redis-cli -s "$work/run/socket" eval "for i = 1, 60000 do redis.call('set', 'k' .. i,
        string.rep('x', i % 700)) end; return redis.call('strlen', 'k699')" 0
    redis-cli -s "$work/run/socket" shutdown nosave >/dev/null 2>&1
    wait "$server"
}

need_sqlite() {
    have sqlite3 || echo "no sqlite3 (on Debian: sqlite3)"
}
version_sqlite() {
    sqlite3 --version
}
run_sqlite() {
    measured sqlite3 "$work/run/test.db" <"$loads/load.sql"
}

need_gcc() {
    have gcc || echo "no gcc (on Debian: gcc)"
}
version_gcc() {
    gcc --version
}
run_gcc() {
    # shellcheck disable=SC2016 # for the inner shell
    measured sh -c 'for file in "$1"/lib/heap/*.c; do
            gcc -std=c11 -O2 -ffreestanding -I"$1/include" -I"$1/lib" -c "$file" \
                -o "$2/$(basename "$file").o" || exit 1
        done' sh "$srcdir" "$work/run" && cat "$work"/run/*.o | cksum
}

# compile COMMAND: of C++, with its library's templates.
compile() {
    measured "$1" -O2 -std=c++14 -c "$loads/threads.cc" -o "$work/run/threads.o" &&
        cksum <"$work/run/threads.o"
}

need_gxx() {
    have g++ || echo "no g++ (on Debian: g++)"
}
version_gxx() {
    g++ --version
}
run_gxx() {
    compile g++
}

need_clang() {
    have clang++ || echo "no clang++ (on Debian: clang)"
}
version_clang() {
    clang++ --version
}
run_clang() {
    compile clang++
}

need_python() {
    [ -n "$(python_with sys)" ] || echo "no python3 (on Debian: python3)"
}
# python_with MODULES: one that has them, the system's first.
python_with() {
    for candidate in /usr/bin/python3 python3; do
        "$candidate" -c "import $1, sys; print(sys.executable)" 2>/dev/null && return
    done
}
version_python() {
    "$(python_with sys)" --version
}
run_python() {
    PYTHONMALLOC=malloc PYTHONHASHSEED=1 measured "$(python_with sys)" -S "$loads/load.py"
}

need_perl() {
    have perl || echo "no perl (on Debian: perl-base)"
}
version_perl() {
    perl -e 'print "perl $^V\n"'
}
run_perl() {
    PERL_HASH_SEED=0 measured perl "$loads/load.pl" "$srcdir"/lib/*/*.[ch] "$srcdir"/malloc/*.[ch] \
        "$srcdir"/include/*/*.h "$srcdir"/cli/*/*.[ch]
}

need_git() {
    have git || echo "no git (on Debian: git)"
}
version_git() {
    git --version
}
make_git() {
    # This repository; of a release, one that is made of its files.
    if git -C "$srcdir" rev-parse HEAD >/dev/null 2>&1; then
        git clone -q --bare "$srcdir" "$work/repository" 2>/dev/null
    else
        mkdir "$work/tree" && (cd "$srcdir" && tar cf - include lib tests cli man bench) |
            tar xf - -C "$work/tree" && cd "$work/tree" && git init -q &&
            git add . && git -c user.name=a -c user.email=a@b commit -q -m all && cd / &&
            git clone -q --bare "$work/tree" "$work/repository"
    fi
}
run_git() {
    # shellcheck disable=SC2016
    measured sh -c 'git clone -q --no-local "$1" "$2/clone" && cd "$2/clone" &&
        git log -p --stat | cksum && git -c pack.threads=2 repack -q -a -d -f &&
        git fsck --full 2>&1 | grep -v dangling; git log --oneline | wc -l' sh "$work/repository" \
        "$work/run"
}

need_threads() {
    have "$CXX" || echo "no C++ compiler ($CXX; on Debian: g++)"
}
version_threads() {
    "$CXX" --version
}
make_threads() {
    "$CXX" -O2 -std=c++14 -pthread -o "$work/threads" "$loads/threads.cc"
}
run_threads() {
    measured "$work/threads" 2000
}

# once PROGRAM MALLOC: what it said in $work/said.MALLOC, what it took in $work/took; false, and a
# message, when it fails or says something else than in $work/said. MALLOC is NAME=LIBRARY.
once() {
    preload=${2#*=}
    said=$work/said.${2%%=*}
    rm -rf "$work/run"
    mkdir "$work/run"
    if "$(function_of run "$1")" >"$said" 3>"$work/took" && [ -s "$work/took" ] &&
        cmp -s "$said" "$work/said"; then
        return
    fi
    echo "FAILED: $1 with ${2%%=*}: it ended badly or said something else than with libc's malloc:"
    diff "$work/said" "$said" | head -n 20
    return 1
}

# Preparation, and what the program says with libc's malloc; false, and a line, when it is left out.
prepare() {
    why=$("$(function_of need "$1")")
    if [ -n "$why" ]; then
        echo "left out: $1: $why"
        return 1
    fi
    make=$(function_of make "$1")
    if command -v "$make" >/dev/null && ! "$make"; then
        echo "left out: $1: it could not be prepared"
        return 1
    fi
    # Some tests of others fail now and then on a busy machine.
    preload=$libc
    for attempt in 1 2 3; do
        rm -rf "$work/run"
        mkdir "$work/run"
        "$(function_of run "$1")" >"$work/said" 3>/dev/null && return
        echo "$1 failed with libc's malloc, attempt $attempt of 3"
    done
    echo "left out: $1: it fails with libc's malloc"
    return 1
}
