#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317 # functions that are called by the names of programs
#
# Real programs on libbuddyslab-malloc.so and on other mallocs, in turns: that they work, what CPU time
# they take and how much memory. `make check-programs` runs it; not part of make check, as times are
# no tests.
#
#   ROUNDS=3           how often each runs with each
#   ONLY='...'         of: redis sqlite gcc python git cxx
#   PEERS='...'        NAME=LIBRARY of others; libc is always there
#   RESULTS=FILE       every single measurement, as tab-separated values
#
# Exit status 1 when a program fails on libbuddyslab-malloc.so, or does not do what it does with libc's
# malloc. What is missing is skipped by name.
set -u
LC_ALL=C
export LC_ALL

srcdir=${BSA_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
builddir=${BSA_BUILDDIR:?run it by make check-programs}
rounds=${ROUNDS:-3}
programs=${ONLY:-redis sqlite gcc python git cxx}
results=${RESULTS:-$builddir/tests/programs.tsv}
CC=${CC:-cc}
CXX=${CXX:-c++}
ours=$builddir/malloc/.libs/libbuddyslab-malloc.so
measure=$builddir/tests/programs/measure
failed=0

work=$(mktemp -d "${TMPDIR:-/tmp}/buddyslab-programs.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

have() {
    command -v "$1" >/dev/null 2>&1
}

missing() {
    echo "skipped: $1: $2"
}

if [ ! -e "$ours" ]; then
    echo "check-programs: $ours is not there; configure without --disable-malloc and make" >&2
    exit 1
fi

# The mallocs ----------------------------------------------------------------------------------------

# Where the dynamic linker finds a library, of whatever version, or nothing.
find_library() {
    case $1 in
    /*) [ -e "$1" ] && echo "$1" ;;
    *) ldconfig -p 2>/dev/null | awk -v name="$1" 'index($1 ".", name ".") == 1 { print $NF; exit }' ;;
    esac
}

mallocs="buddyslab=$ours libc=-"
for peer in ${PEERS-jemalloc=libjemalloc.so mimalloc=libmimalloc.so tcmalloc=libtcmalloc_minimal.so}; do
    found=$(find_library "${peer#*=}")
    if [ -n "$found" ]; then
        mallocs="$mallocs ${peer%%=*}=$found"
    else
        missing "${peer%%=*}" "no ${peer#*=} (on Debian: libjemalloc2, libmimalloc2.0 or libmimalloc3, libtcmalloc-minimal4)"
    fi
done

# The programs ---------------------------------------------------------------------------------------
# need_NAME says what is missing; make_NAME prepares, once; run_NAME works with $preload in $work/run,
# an empty folder, and says on standard output what must be the same with every malloc.

measured() {
    "$measure" "$preload" "$@"
}

need_redis() {
    have redis-server || echo "no redis-server (on Debian: redis-server)"
    have redis-benchmark || echo "no redis-benchmark (on Debian: redis-tools)"
}
run_redis() {
    measured redis-server --unixsocket "$work/run/socket" --port 0 --save '' --appendonly no \
        --io-threads 1 >"$work/run/server.log" 2>&1 &
    server=$!
    tries=0
    until redis-cli -s "$work/run/socket" ping >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || return 1
        sleep 0.05
    done
    redis-benchmark -s "$work/run/socket" -q -n 100000 -r 100000 -d 100 -P 8 \
        -t set,get,incr,lpush,rpop,sadd,hset,zadd >"$work/run/bench.log" 2>&1 || return 1
    redis-cli -s "$work/run/socket" eval "for i = 1, 60000 do redis.call('set', 'k' .. i,
        string.rep('x', i % 700)) end; return redis.call('strlen', 'k699')" 0
    redis-cli -s "$work/run/socket" debug sleep 0 >/dev/null 2>&1
    redis-cli -s "$work/run/socket" shutdown nosave >/dev/null 2>&1
    wait "$server"
}

need_sqlite() {
    have sqlite3 || echo "no sqlite3 (on Debian: sqlite3)"
}
make_sqlite() {
    cat >"$work/load.sql" <<'END'
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, town TEXT, age INTEGER);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    INSERT INTO person SELECT i, printf('person %d', i * 7919 % 100000), 'town ' || (i % 977), i % 90
    FROM n;
COMMIT;
CREATE INDEX by_town ON person(town, age);
SELECT count(*), sum(age) FROM person;
SELECT town, count(*), group_concat(name) FROM person GROUP BY town ORDER BY town LIMIT 5;
SELECT sum(length(a)) FROM (SELECT group_concat(name, '') a FROM person GROUP BY town);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    SELECT sum(p.age), count(DISTINCT p.town) FROM n JOIN person p ON p.id = n.i * 31 % 100000;
SELECT count(*) FROM person a JOIN person b ON a.town = b.town AND a.age = b.age WHERE a.id < 20000;
UPDATE person SET name = name || ' the ' || age || 'th' WHERE age > 20;
DELETE FROM person WHERE id % 3 = 0;
SELECT max(name), sum(length(name)) FROM person;
END
}
run_sqlite() {
    measured sqlite3 "$work/run/test.db" <"$work/load.sql"
}

need_gcc() {
    have "${CC%% *}" || echo "no C compiler ($CC)"
}
run_gcc() {
    # shellcheck disable=SC2016 # for the inner shell
    measured sh -c 'for file in "$1"/lib/*/*.c; do
            $2 -std=c11 -O2 -ffreestanding -I"$1/include" -I"$1/lib" -c "$file" \
                -o "$3/$(basename "$file").o" || exit 1
        done' sh "$srcdir" "$CC" "$work/run" && cat "$work"/run/*.o | cksum
}

python=
need_python() {
    for candidate in /usr/bin/python3 python3; do
        python=$($candidate -c 'import sys, test.libregrtest, test.test_dict, test.test_json
print(sys.executable)' 2>/dev/null) && break
    done
    [ -n "$python" ] || echo "no python3 with its own tests (on Debian: libpython3-testsuite)"
}
run_python() {
    PYTHONMALLOC=malloc PYTHONHASHSEED=1 measured "$python" -m test -q test_dict test_list test_json \
        test_threading >"$work/run/log" 2>&1 || { cat "$work/run/log" >&2; return 1; }
    grep 'Tests result: ' "$work/run/log" | tail -n 1
}

need_git() {
    have git || echo "no git (on Debian: git)"
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
        git log -p --stat | cksum && git -c pack.threads=2 gc -q --aggressive --prune=now &&
        git fsck --full 2>&1 | grep -v dangling; git log --oneline | wc -l' sh "$work/repository" \
        "$work/run"
}

need_cxx() {
    have "$CXX" || echo "no C++ compiler ($CXX; on Debian: g++)"
}
make_cxx() {
    "$CXX" -O2 -std=c++14 -pthread -o "$work/threads" "$srcdir/tests/programs/threads.cc"
}
run_cxx() {
    measured "$work/threads"
}

# Rounds ---------------------------------------------------------------------------------------------

# One program with one malloc: a line of the results, what it said in $work/said.MALLOC.
once() {
    name=${2%%=*}
    preload=${2#*=}
    rm -rf "$work/run"
    mkdir "$work/run"
    if "run_$1" >"$work/said.$name" 3>"$work/took" && [ -s "$work/took" ] &&
        cmp -s "$work/said.$name" "$work/said"; then
        printf '%s\t%s\t%s\t%s\n' "$1" "$name" "$round" "$(cat "$work/took")" >>"$results"
        return
    fi
    echo "FAILED: $1 with $name: it ended badly or said something else than with libc's malloc:"
    diff "$work/said" "$work/said.$name" | head -n 20
    [ "$name" != buddyslab ] || failed=1
}

# Preparation, and what the program says with libc's malloc; false when it is skipped.
prepare() {
    why=$("need_$1")
    if [ -n "$why" ]; then
        missing "$1" "$why"
        return 1
    fi
    "need_$1" >/dev/null # for the variables that it sets
    if command -v "make_$1" >/dev/null && ! "make_$1"; then
        missing "$1" "it could not be prepared"
        return 1
    fi
    # Some tests of others fail now and then on a busy machine.
    preload=-
    for attempt in 1 2 3; do
        rm -rf "$work/run"
        mkdir "$work/run"
        "run_$1" >"$work/said" 3>/dev/null && return
        echo "$1 failed with libc's malloc, attempt $attempt of 3"
    done
    missing "$1" "it fails with libc's malloc"
    return 1
}

printf '# %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(uname -srm)" \
    "$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)" "mallocs: $mallocs" >"$results"
printf '# program\tmalloc\tround\tCPU seconds\tpeak KiB\tseconds\n' >>"$results"

for program in $programs; do
    case $program in
    redis | sqlite | gcc | python | git | cxx) ;;
    *)
        echo "check-programs: ONLY: unknown program '$program'" >&2
        exit 2
        ;;
    esac
    prepare "$program" || continue
    echo "running: $program"
    round=1
    while [ "$round" -le "$rounds" ]; do
        for malloc in $mallocs; do
            once "$program" "$malloc"
        done
        # The next round begins with the second of this one.
        mallocs="${mallocs#* } ${mallocs%% *}"
        round=$((round + 1))
    done
done

# Medians; ratios to the best peer of each program, and their geometric mean.
awk -F'\t' '
    function median(key,    n, list, i, j, t) {
        n = split(all[key], list, " ")
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && list[j] + 0 < list[j - 1] + 0; j--) {
                t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
            }
        return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
    }
    function report(what, unit, scale,    p, m, best, line, value, logs, count) {
        printf "\n%s; last column: buddyslab to the best of the others\n%-9s", unit, "program"
        for (m = 1; m <= mallocs; m++) printf " %10s", malloc[m]
        print "      ratio"
        for (p = 1; p <= programs; p++) {
            best = 0
            printf "%-9s", program[p]
            for (m = 1; m <= mallocs; m++) {
                if (!((what, program[p], malloc[m]) in all)) { printf " %10s", "-"; continue }
                value = median(what SUBSEP program[p] SUBSEP malloc[m])
                printf " %10.2f", value / scale
                if (malloc[m] == "buddyslab") mine = value
                else if (best == 0 || value < best) best = value
            }
            if (best > 0 && ((what, program[p], "buddyslab") in all)) {
                printf " %10.2f", mine / best
                logs += log(mine / best); count++
            }
            print ""
        }
        if (count > 0) printf "%-9s %*.2f\n", "geometric mean", 11 * mallocs + 5, exp(logs / count)
    }
    /^#/ { next }
    {
        if (!($1 in seen_p)) { seen_p[$1] = 1; program[++programs] = $1 }
        if (!($2 in seen_m)) { seen_m[$2] = 1; malloc[++mallocs] = $2 }
        all["time", $1, $2] = all["time", $1, $2] " " $4
        all["rss", $1, $2] = all["rss", $1, $2] " " $5
    }
    END {
        report("time", "CPU time, user and system, seconds, medians", 1)
        report("rss", "peak resident memory, MiB, medians", 1024)
    }' "$results"
echo
echo "every measurement: $results"
exit $failed
