#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What recording costs: wall time of programs under bsa-record, and under heaptrack where it is there,
# over their plain time; bytes on disk for each event. Runs alternate; the medians count.
#
#     bench/record.sh BUILD-FOLDER [RUNS]

set -u
LC_ALL=C
export LC_ALL
build=${1:?usage: bench/record.sh BUILD-FOLDER [RUNS]}
runs=${2:-5}
record=$(cd "$build" && pwd)/cli/bsa-record
tree=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/buddyslab-record.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1

cat >load.sql <<'END'
create table t(a integer primary key, b text, c real);
create index i on t(b);
begin;
with recursive n(x) as (values(1) union all select x + 1 from n where x < 100000)
    insert into t select x, hex(randomblob(16)), x * 1.5 from n;
commit;
END
cat >dicts.py <<'END'
for turn in range(10):
    d = {}
    for i in range(40000):
        d[str(i)] = [i, str(i * 2)]
END
# shellcheck disable=SC2046 # options are words
"${CC:-cc}" -I"$tree/include" -E -o large.i "$tree"/cli/trace/reader.c $(pkg-config --cflags glib-2.0) || exit 1
"${CXX:-c++}" -O2 -o churn "$tree/tests/programs/threads.cc" -lpthread || exit 1

# milliseconds COMMAND...: of wall time; its output is not wanted.
milliseconds() {
    begun=$(date +%s%N)
    "$@" >/dev/null 2>&1
    echo $((($(date +%s%N) - begun) / 1000000))
}

median() {
    sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

measure() {
    name=$1
    shift
    rm -f ./*.ms
    i=0
    while [ $i -lt "$runs" ]; do
        milliseconds "$@" >>plain.ms
        milliseconds "$record" -q --no-pack -o raw.bsat -- "$@" >>raw.ms
        rm -f raw.*bsat packed.*bsat
        milliseconds "$record" -o packed.bsat -- "$@" >>packed.ms
        if command -v heaptrack >/dev/null 2>&1; then
            milliseconds heaptrack -o heap "$@" >>heaptrack.ms
        fi
        i=$((i + 1))
    done
    "$record" -o packed.bsat -- "$@" 2>summary >/dev/null
    events=$(sed -n 's/.*), \([0-9]*\) events.*/\1/p' summary | awk '{ sum += $1 } END { print sum }')
    bytes=$(cat packed*.bsat | wc -c)
    heap=$(cat heap* 2>/dev/null | wc -c)
    plain=$(median plain.ms)
    [ -e heaptrack.ms ] && other=$(median heaptrack.ms) || other=0
    awk -v name="$name" -v plain="$plain" -v raw="$(median raw.ms)" -v packed="$(median packed.ms)" \
        -v other="$other" -v events="$events" -v bytes="$bytes" -v heap="$heap" 'BEGIN {
        printf "%-10s %8d %8.2f %8.2f %9.2f %10d %8.2f %9.2f\n", name, plain, raw / plain,
            packed / plain, other / plain, events, bytes / events, heap / events }'
    rm -f heap* ./*.bsat
}

printf '%-10s %8s %8s %8s %9s %10s %8s %9s\n' program 'plain ms' raw packed heaptrack events \
    'B/event' heaptrack
measure sqlite3 sqlite3 :memory: '.read load.sql'
PYTHONMALLOC=malloc
export PYTHONMALLOC
measure python3 /usr/bin/python3 dicts.py
measure gcc "${CC:-cc}" -O2 -c -o large.o large.i
measure churn ./churn
