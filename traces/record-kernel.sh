#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Records kernel-phases.perf-script.zst anew: the kernel's memory events on all CPUs while a load
# grows and shrinks again, in three rounds. Everything that the load touches is made here and
# gone at the end. Takes half a minute; other programs should be at rest, they are recorded too.
#
# usage: record-kernel.sh OUTPUT.zst

set -eu

die()
{
    echo "record-kernel.sh: $1" >&2
    exit "${2:-1}"
}

# The load ---------------------------------------------------------------------------------------

# One tree of small files is unpacked into a file system in memory; both are gone at the end.
unpack_tree() # FILES
{
    mount -t tmpfs -o size=64m load "$BSA_LOAD/tree"
    head -n "$1" "$BSA_LOAD/files" | tar -xf "$BSA_LOAD/tree.tar" -C "$BSA_LOAD/tree" -T -
    find "$BSA_LOAD/tree" -type f -size +8k > "$BSA_LOAD/found"
}

drop_tree()
{
    umount "$BSA_LOAD/tree"
}

# Processes that sleep at the same time, and end at the same time.
hold_processes() # COUNT
{
    pids=
    i=0
    while [ $i -lt "$1" ]; do
        sleep 30 &
        pids="$pids $!"
        i=$((i + 1))
    done
    sleep 0.1
    for pid in $pids; do
        kill "$pid"
    done
    # The shell tells of each that it was killed, as was meant.
    # shellcheck disable=SC2086
    { wait $pids || true; } 2> /dev/null
}

# Sockets and pipes with messages in them that nobody reads. Most are closed soon, in another order
# than they were opened; the rest stays while the next phases run, so that slabs stay partly used.
hold_messages() # SOCKETS PIPES
{
    perl -e '
        use Socket;
        my ($sockets, $pipes) = @ARGV;
        my @ends;
        for my $i (1 .. $sockets) {
            socketpair(my $a, my $b, AF_UNIX, SOCK_DGRAM, 0) or die "socketpair: $!";
            syswrite($a, "x" x (40 + ($i * 397) % 5000)) for 1 .. 3;
            push @ends, $a, $b;
        }
        for my $i (1 .. $pipes) {
            pipe(my $r, my $w) or die "pipe: $!";
            syswrite($w, "y" x (100 * $i)) if $i % 2;
            push @ends, $r, $w;
        }
        select(undef, undef, undef, 0.1);
        for my $i (0 .. $#ends) {
            close($ends[($i * 7) % @ends]) if $i % 3;
        }
        select(undef, undef, undef, 0.6);
    ' "$1" "$2"
}

# Two programs side by side, so that memory is freed on another CPU than it was allocated on.
compile()
{
    cc -O1 -c "$BSA_LOAD/one.c" -o "$BSA_LOAD/one.o" &
    sort "$BSA_LOAD/files" > "$BSA_LOAD/sorted"
    wait $!
}

# Directory entries and inodes that nobody uses; then what waits for a grace period.
shrink_caches()
{
    echo 2 > /proc/sys/vm/drop_caches
    sleep 0.3
}

run_load()
{
    round=1
    for files in 300 450 200; do
        unpack_tree $files
        hold_messages $((round * 40)) 50 &
        sleep 0.2
        # The compiler takes more pages than all the rest: once is enough.
        if [ $round -eq 2 ]; then
            compile
        fi
        hold_processes $((12 - 2 * round))
        drop_tree
        wait
        shrink_caches
        round=$((round + 1))
    done
}

# The recording ----------------------------------------------------------------------------------

if [ "${1:-}" = --load ]; then
    run_load
    exit 0
fi

[ $# -eq 1 ] || die "usage: record-kernel.sh OUTPUT.zst" 2
[ "$(id -u)" -eq 0 ] || die "needs root: perf records the whole machine, and the load mounts a tmpfs"
for tool in perf zstd tar perl cc mount; do
    command -v $tool > /dev/null || die "$tool is missing; install it first"
done

events=
for event in kmalloc kmalloc_node kfree kmem_cache_alloc kmem_cache_alloc_node kmem_cache_free \
    mm_page_alloc mm_page_free mm_page_free_batched; do
    # Kernels from 6.1 on have no _node events.
    if perf list "kmem:$event" 2> /dev/null | grep -q "kmem:$event "; then
        events=$events${events:+,}kmem:$event
    fi
done
[ -n "$events" ] || die "this kernel has no kmem events (CONFIG_TRACEPOINTS, tracefs mounted?)"

BSA_LOAD=$(mktemp -d)
export BSA_LOAD
trap 'umount "$BSA_LOAD/tree" 2> /dev/null || true; rm -rf "$BSA_LOAD"' EXIT
trap 'exit 1' INT TERM

# What the load works on is made before the recording starts.
mkdir "$BSA_LOAD/tree" "$BSA_LOAD/source"
awk -v dir="$BSA_LOAD/source" 'BEGIN {
    for (i = 0; i < 500; i++) {
        name = sprintf("%s/file%03d", dir, i)
        for (line = 0; line < (i * 53) % 200; line++)
            printf "%d %s\n", line, "The quick brown fox jumps over the lazy dog." > name
        printf "" > name
        close(name)
    }
}'
(cd "$BSA_LOAD/source" && find . -type f | sort > "$BSA_LOAD/files" &&
    tar -cf "$BSA_LOAD/tree.tar" -T "$BSA_LOAD/files")
rm -r "$BSA_LOAD/source"
awk 'BEGIN {
    for (i = 0; i < 150; i++)
        printf "int f%d(int x)\n{\n    return x * %d + x / %d;\n}\n", i, i, i + 1
}' > "$BSA_LOAD/one.c"
sync
echo 2 > /proc/sys/vm/drop_caches
sleep 0.5

cpus=$(getconf _NPROCESSORS_ONLN)
memory=$(awk '/^MemTotal:/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
machine="$(date -u +%Y-%m-%d), Linux $(uname -r), $(uname -m), $cpus CPUs, $memory GiB, $(perf --version)"

perf record -q -a -m 8192 -e "$events" -o "$BSA_LOAD/perf.data" -- sh "$0" --load
perf script --show-lost-events -i "$BSA_LOAD/perf.data" > "$BSA_LOAD/script"
if grep -q PERF_RECORD_LOST "$BSA_LOAD/script"; then
    die "events were lost; try again on a machine with less to do"
fi
zstd -q -f -19 --long -o "$1" "$BSA_LOAD/script"
# Whoever records looks here for programs that are not the load's.
echo "lines per command:"
sed 's/^ *//; s/  *-*[0-9]* *\[[0-9]*\] .*//' "$BSA_LOAD/script" | sort | uniq -c | sort -rn
echo "recorded on $machine"
echo "$1: $(wc -l < "$BSA_LOAD/script") events, $(wc -c < "$1") bytes"
