#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Records the page blocks of one of three loads that grow and shrink: compile, files, processes. The
# whole machine is recorded, so that a page is seen to be freed whoever frees it; of the blocks only
# those are kept that the load's own tasks allocated. So the machine need not be at rest.
#
# usage: record-pages.sh LOAD OUTPUT.zst

set -eu

die()
{
    echo "record-pages.sh: $1" >&2
    exit "${2:-1}"
}

# The loads: each in rounds, of which the middle ones are the largest -----------------------------

# Compilers side by side; one object file in three stays until the next round ends.
load_compile()
{
    for jobs in 2 4 3 1; do
        rm -f "$BSA_LOAD"/old.*
        pids=
        for job in $(seq $jobs); do
            cc -O1 -c "$BSA_LOAD/source.$job.c" -o "$BSA_LOAD/new.$jobs.$job.o" &
            pids="$pids $!"
        done
        # shellcheck disable=SC2086
        wait $pids
        mv "$BSA_LOAD/new.$jobs.1.o" "$BSA_LOAD/old.$jobs.o"
        rm -f "$BSA_LOAD"/new.*
        sort "$BSA_LOAD/source.1.c" > /dev/null
    done
}

# Files of 4 KiB to 2 MiB are written side by side; most go soon, in another order, and with them
# their pages in the cache of files. One in nine stays until the next round ends, in which a tree of
# small files is packed, unpacked and removed as well.
load_files()
{
    for megabytes in 30 60 20 40; do
        perl -e '
            my ($dir, $round, $megabytes) = @ARGV;
            my (@open, @names);
            my ($count, $left, $seed) = (0, $megabytes << 20, 12345 + $round);
            my @last = glob "$dir/file.*";
            while ($left > 0 || @open) {
                $seed = ($seed * 1103515245 + 12345) % 2147483648;
                if ($left > 0 && @open < 8) {
                    my $size = 4096 << (($seed >> 12) % 10);
                    my $name = "$dir/file.$round." . $count++;
                    open my $file, ">", $name or die "$name: $!";
                    push @open, [$file, $size];
                    push @names, $name;
                    $left -= $size;
                }
                my $i = ($seed >> 8) % @open;
                my ($file, $size) = @{$open[$i]};
                my $part = 4096 << (($seed >> 4) % 9);
                $part = $size if $part > $size;
                syswrite $file, "x" x $part;
                $open[$i][1] -= $part;
                splice @open, $i, 1 if $open[$i][1] <= 0;
            }
            for my $i (0 .. $#names) {
                unlink $names[($i * 7) % @names] if $i % 9;
            }
            unlink @last;
        ' "$BSA_LOAD" "$megabytes" "$megabytes"
        tar -cf "$BSA_LOAD/tar" -C "$BSA_LOAD/tree" .
        mkdir "$BSA_LOAD/copy"
        tar -xf "$BSA_LOAD/tar" -C "$BSA_LOAD/copy"
        rm -rf "$BSA_LOAD/tar" "$BSA_LOAD/copy"
    done
}

# Processes that fill memory of their own, every fourth with huge pages where there are any, and end
# in another order than they began.
load_processes()
{
    perl -e '
        my ($hold) = @ARGV;
        my $seed = 1;
        my @live;
        for my $most (20, 60, 10, 40, 5, 50, 0) {
            while (@live < $most) {
                $seed = ($seed * 1103515245 + 12345) % 2147483648;
                my $huge = ($seed >> 6) % 4 == 0 ? "huge" : "small";
                my $bytes = $huge eq "huge" ? 2 << 20 : 8192 << (($seed >> 12) % 8);
                pipe my $read, my $write or die "pipe: $!";
                my $pid = fork;
                die "fork: $!" unless defined $pid;
                if ($pid == 0) {
                    open STDOUT, ">&", $write or die "dup: $!";
                    exec $hold, $bytes, $huge or die "$hold: $!";
                }
                close $write;
                sysread $read, my $ready, 1;
                push @live, $pid;
            }
            while (@live > $most) {
                $seed = ($seed * 1103515245 + 12345) % 2147483648;
                my ($pid) = splice @live, ($seed >> 8) % @live, 1;
                kill 9, $pid;
                waitpid $pid, 0;
            }
        }
    ' "$BSA_LOAD/hold"
}

# The recording ----------------------------------------------------------------------------------

if [ "${1:-}" = --load ]; then
    echo $$ > "$BSA_LOAD/pid"
    "load_$2"
    exit 0
fi

[ $# -eq 2 ] || die "usage: record-pages.sh LOAD OUTPUT.zst" 2
case $1 in
    compile | files | processes) ;;
    *) die "'$1' is no load; give compile, files or processes" 2 ;;
esac
[ "$(id -u)" -eq 0 ] || die "needs root: perf records the whole machine"
for tool in perf zstd tar perl cc; do
    command -v $tool > /dev/null || die "$tool is missing; install it first"
done

BSA_LOAD=$(mktemp -d)
export BSA_LOAD
trap 'rm -rf "$BSA_LOAD"' EXIT
trap 'exit 1' INT TERM

# What the loads work on.
mkdir "$BSA_LOAD/tree"
awk -v dir="$BSA_LOAD" 'BEGIN {
    for (i = 0; i < 200; i++) {
        name = sprintf("%s/tree/file%03d", dir, i)
        for (line = 0; line < (i * 53) % 200; line++)
            print line, "The quick brown fox jumps over the lazy dog." > name
        printf "" > name
        close(name)
    }
    for (job = 1; job <= 4; job++) {
        name = sprintf("%s/source.%d.c", dir, job)
        for (i = 0; i < 150 * job; i++)
            printf "int f%d(int x)\n{\n    return x * %d + x / %d;\n}\n", i, i, i + 1 > name
        close(name)
    }
}'
cat > "$BSA_LOAD/hold.c" <<'END'
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
/* hold BYTES huge|small: fills so much memory, says so, and sleeps. */
int main(int argc, char **argv)
{
    size_t bytes = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    char *memory = bytes != 0 ? aligned_alloc(2 << 20, bytes < 2 << 20 ? 2 << 20 : bytes) : NULL;
    if (memory == NULL)
        return 1;
    madvise(memory, bytes, strcmp(argv[2], "huge") == 0 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    memset(memory, 1, bytes);
    if (write(1, "1", 1) != 1)
        return 1;
    return (int)sleep(60);
}
END
cc -O1 -o "$BSA_LOAD/hold" "$BSA_LOAD/hold.c"
sync # so that nothing is written back meanwhile

perf record -q -a -m 8192 -e kmem:mm_page_alloc,kmem:mm_page_free,sched:sched_process_fork \
    -o "$BSA_LOAD/perf.data" -- sh "$0" --load "$1"
perf script --show-lost-events -i "$BSA_LOAD/perf.data" > "$BSA_LOAD/script"
if grep -q PERF_RECORD_LOST "$BSA_LOAD/script"; then
    die "events were lost; try again on a machine with less to do"
fi

# The load's tasks are the descendants of its shell; who else frees a page is called "other". A block
# whose frame somebody else is given had been freed without a line: it counts as never freed.
perl -ne '
    BEGIN { $ours{shift()} = 1 }
    /^\s*\S.*?\s+(\d+) \[\d+\] [\d.]+: +(\w+:\w+):/ or next;
    my ($task, $event) = ($1, $2);
    if ($event eq "sched:sched_process_fork") {
        / pid=(\d+) child_comm=.* child_pid=(\d+)/ or die "line $.: no fork: $_";
        $ours{$1} ? $ours{$2} = 1 : delete $ours{$2};
        next;
    }
    / pfn=(\w+) / or die "line $.: no page frame: $_";
    if ($event eq "kmem:mm_page_alloc") {
        $ours{$task} ? $live{$1} = 1 : delete $live{$1};
        print if $ours{$task};
    } elsif (delete $live{$1}) {
        s/^\s*\S.*?(?=\s+\d+ \[)/other/ unless $ours{$task};
        print;
    }
' "$(cat "$BSA_LOAD/pid")" "$BSA_LOAD/script" > "$BSA_LOAD/kept"
zstd -q -f -19 --long -o "$2" "$BSA_LOAD/kept"
echo "recorded on $(date -u +%Y-%m-%d), Linux $(uname -r), $(uname -m), $(perf --version)"
echo "lines per command:"
sed 's/^ *//; s/  *-*[0-9]* *\[[0-9]*\] .*//' "$BSA_LOAD/kept" | sort | uniq -c | sort -rn
echo "$2: $(wc -l < "$BSA_LOAD/kept") events of $(wc -l < "$BSA_LOAD/script"), $(wc -c < "$2") bytes"
