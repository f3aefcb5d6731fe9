#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Records a trace of this folder anew: usage: record.sh NAME [OUTPUT]
#
# Each name has a function prepare_NAME, which makes what the load works on in $BSA_LOAD before the
# recording starts, and load_NAME, which is recorded; '-' in the name is '_' in the functions'. The
# programs are those of ../build, or in PATH, or in BSA_RECORD and BSA_TRACE (absolute paths).
#
# A load ends in `exec PROGRAM`: it is that program's trace, and what runs beside it is not kept.
# Kernel traces are of the whole machine: they need root, and wait until other programs are at rest.

set -eu

# name                 what bsa-record is told
names='
kernel-walk            --kernel
kernel-network         --kernel
kernel-processes       --kernel
kernel-waves           --kernel
sqlite                 --quiet
python                 --quiet
gcc                    --quiet
git                    --quiet
perl                   --quiet
redis                  --quiet
nginx                  --quiet
pbzip2                 --quiet
orders                 --quiet
make                   --quiet
'

die()
{
    echo "record.sh: $1" >&2
    exit "${2:-1}"
}

# kernel-walk: a tree of files is walked, read, copied and removed ---------------------------------

# DIR DIRECTORIES FILES: so many small files in each directory.
make_tree()
{
    mkdir "$1"
    awk -v dir="$1" -v dirs="$2" -v files="$3" 'BEGIN {
        for (d = 0; d < dirs; d++) {
            system("mkdir " dir "/" d)
            for (f = 0; f < files; f++) {
                name = sprintf("%s/%d/file%03d", dir, d, f)
                for (line = 0; line < (d * 31 + f * 53) % 200; line++)
                    print line, "The quick brown fox jumps over the lazy dog." > name
                printf "" > name
                close(name)
            }
        }
    }'
}

# Directory entries and inodes that nobody uses; then what waits for a grace period.
shrink_caches()
{
    echo 2 > /proc/sys/vm/drop_caches
    sleep 0.3
}

prepare_kernel_walk()
{
    make_tree "$BSA_LOAD/tree" 40 50
    sync
    shrink_caches
}

load_kernel_walk()
{
    find "$BSA_LOAD/tree" -type f -size +4k > "$BSA_LOAD/found"
    grep -r -c lazy "$BSA_LOAD/tree" > "$BSA_LOAD/counts"
    cp -r "$BSA_LOAD/tree" "$BSA_LOAD/copy"
    shrink_caches
    find "$BSA_LOAD/copy" -newer "$BSA_LOAD/found" > "$BSA_LOAD/newer"
    rm -r "$BSA_LOAD/copy"
    shrink_caches
}

# kernel-network: clients and servers on the loopback device ---------------------------------------

prepare_kernel_network()
{
    cat > "$BSA_LOAD/network.pl" <<'END'
use strict;
use IO::Select;
use IO::Socket::INET;

# A server answers lines with so many bytes as they ask for; it ends when its pipe is closed.
sub server {
    my ($listener, $life) = @_;
    my $select = IO::Select->new($listener, $life);
    while (1) {
        for my $ready ($select->can_read) {
            exit 0 if $ready == $life;
            if ($ready == $listener) {
                my $client = $listener->accept; # undefined where the other server was faster
                $select->add($client) if $client;
            } elsif (sysread $ready, my $line, 64) {
                syswrite $ready, "x" x $1 if $line =~ /(\d+)/;
            } else {
                $select->remove($ready);
                close $ready;
            }
        }
    }
}

# So many connections at a time; each asks for some answers, and they end in another order.
sub client {
    my ($port, $connections, $questions) = @_;
    my @open = map {
        IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port) or die "connect: $!"
    } 1 .. $connections;
    for my $question (1 .. $questions) {
        for my $i (0 .. $#open) {
            my $bytes = 64 << (($i + $question) % 9);
            syswrite $open[$i], "$bytes\n";
            my $left = $bytes;
            while ($left > 0) {
                my $got = sysread $open[$i], my $answer, $left or die "answer: $!";
                $left -= $got;
            }
        }
    }
    my $step = $connections % 7 ? 7 : 5;
    close $open[($_ * $step) % @open] for 0 .. $#open;
}

# Datagrams that wait, and are read later.
sub datagrams {
    my ($count) = @_;
    my @ends = map { IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1") } 1 .. 16;
    for my $i (1 .. $count) {
        my $to = $ends[($i * 5) % @ends];
        send $ends[$i % @ends], "y" x (20 + ($i * 397) % 1400), 0, $to->sockname;
    }
    for my $end (@ends) {
        $end->blocking(0);
        while (defined recv $end, my $data, 2000, 0) {
        }
    }
}

my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => "127.0.0.1") or die "listen: $!";
$listener->blocking(0);
pipe my $life, my $hold or die "pipe: $!";
my @servers;
for (1 .. 2) {
    my $pid = fork;
    if ($pid == 0) {
        close $hold;
        server($listener, $life);
    }
    push @servers, $pid;
}
for my $connections (10, 60, 5, 40, 20) {
    my @clients;
    for my $part (1, 2) {
        my $pid = fork;
        if ($pid == 0) {
            client($listener->sockport, $connections * $part, 12);
            exit 0;
        }
        push @clients, $pid;
    }
    datagrams(8 * $connections);
    waitpid $_, 0 for @clients;
}
close $hold;
waitpid $_, 0 for @servers;
END
}

load_kernel_network()
{
    perl "$BSA_LOAD/network.pl"
    sleep 0.2
}

# kernel-processes: programs start and end ---------------------------------------------------------

prepare_kernel_processes()
{
    :
}

load_kernel_processes()
{
    for count in 5 20 10 30 1; do
        pids=
        i=0
        while [ $i -lt $count ]; do
            sleep 0.1 &
            pids="$pids $!"
            /bin/true
            i=$((i + 1))
        done
        echo "$count" | sed 's/1/2/' | cat > "$BSA_LOAD/line"
        # shellcheck disable=SC2086
        wait $pids
    done
    sleep 0.2
}

# kernel-waves: memory of many kinds grows and shrinks, several times ------------------------------

prepare_kernel_waves()
{
    make_tree "$BSA_LOAD/tree" 10 40
    tar -cf "$BSA_LOAD/tree.tar" -C "$BSA_LOAD/tree" .
    mkdir "$BSA_LOAD/mount"
    cat > "$BSA_LOAD/wave.pl" <<'END'
use strict;
use Socket;
# Sockets with messages, pipes and mappings, so many hundreds of each; two thirds of the ends are
# closed at once, in another order than they were opened, and the rest half a second later.
my ($size) = @ARGV;
my (@ends, @maps);
for my $i (1 .. 60 * $size) {
    socketpair my $a, my $b, AF_UNIX, SOCK_DGRAM, 0 or die "socketpair: $!";
    syswrite $a, "x" x (40 + ($i * 397) % 5000) for 1 .. 4;
    pipe my $r, my $w or die "pipe: $!";
    syswrite $w, "y" x (100 * ($i % 50) + 1);
    push @ends, $a, $b, $r, $w;
    push @maps, "z" x (4096 << ($i % 5)) if $i % 4 == 0;
}
select undef, undef, undef, 0.1;
my $step = @ends % 7 ? 7 : 11;
for my $i (0 .. $#ends) {
    close $ends[($i * $step) % @ends] if $i % 3;
}
@maps = ();
select undef, undef, undef, 0.5;
END
    sync
    shrink_caches
}

load_kernel_waves()
{
    # shellcheck disable=SC3045 # every shell that this meets has it
    ulimit -n 4096
    for size in 2 4 1 3; do
        mount -t tmpfs -o size=64m load "$BSA_LOAD/mount"
        tar -xf "$BSA_LOAD/tree.tar" -C "$BSA_LOAD/mount"
        perl "$BSA_LOAD/wave.pl" $size &
        find "$BSA_LOAD/mount" -type f -size +8k > "$BSA_LOAD/found"
        sleep 0.3
        umount "$BSA_LOAD/mount"
        sleep 0.1
        shrink_caches
    done
    wait
    shrink_caches
}

# sqlite: rows are inserted, looked up by an index, changed, grouped and removed ---------------------

prepare_sqlite()
{
    awk 'BEGIN {
        print "create table t(id integer primary key, who text, what text, n integer);"
        print "begin;"
        for (i = 0; i < 6000; i++)
            printf "insert into t values(%d, \047user%d\047, \047%s\047, %d);\n", i, (i * 7919) % 997,
                substr("the quick brown fox jumps over the lazy dog", 1, 4 + i % 38), (i * 31) % 1009
        print "commit; create index byn on t(n);"
        for (i = 0; i < 1500; i++) {
            printf "select count(*) from t where n = %d;\n", i % 1009
            printf "update t set what = what || \047 again\047 where id = %d;\n", (i * 37) % 6000
        }
        print "select who, count(*), group_concat(what) from t group by who order by 2 desc limit 20;"
        print "delete from t where n % 3 = 0; vacuum;"
        print "select sum(n) from t;"
    }' > "$BSA_LOAD/load.sql"
}

load_sqlite()
{
    exec sqlite3 "$BSA_LOAD/load.db" < "$BSA_LOAD/load.sql" > "$BSA_LOAD/result"
}

# python: dictionaries, lists, strings, JSON and objects come and go ---------------------------------

prepare_python()
{
    cat > "$BSA_LOAD/load.py" <<'END'
import json

class Node:
    def __init__(self, key, left=None, right=None):
        self.key, self.left, self.right = key, left, right

def tree(depth, key=1):
    if depth == 0:
        return None
    return Node(key, tree(depth - 1, 2 * key), tree(depth - 1, 2 * key + 1))

for size in (3000, 9000, 1000, 6000):
    words = {i * 7919 % 10007: "word %d" % i for i in range(size)}
    lists = [[str(j) for j in range(i % 17)] for i in range(size // 10)]
    text = json.dumps([{"id": k, "name": v, "tags": [v.upper()] * 3} for k, v in words.items()])
    back = json.loads(text)
    top = tree(11)
    names = sorted(entry["name"] for entry in back if entry["id"] % 3)
    print(len(words), len(lists), len(text), len(names), top.key)
END
}

load_python()
{
    python=/usr/bin/python3
    [ -x $python ] || python=python3
    PYTHONMALLOC=malloc PYTHONHASHSEED=1
    export PYTHONMALLOC PYTHONHASHSEED
    exec $python -S "$BSA_LOAD/load.py" > "$BSA_LOAD/result"
}

# gcc: the compiler proper, on a source of this project ----------------------------------------------

prepare_gcc()
{
    compiler=$(gcc -print-prog-name=cc1)
    ln -s "$compiler" "$BSA_LOAD/cc1"
}

load_gcc()
{
    exec "$BSA_LOAD/cc1" -quiet -O2 -std=c11 -I ../include ../lib/slab/cache.c -o "$BSA_LOAD/cache.s"
}

# git: the history of a repository, with differences and renames -------------------------------------

prepare_git()
{
    git init -q "$BSA_LOAD/repository"
    make_tree "$BSA_LOAD/repository/tree" 6 10
    i=0
    while [ $i -lt 60 ]; do
        file=$BSA_LOAD/repository/tree/$((i % 6))/file00$((i % 10))
        echo "change $i" >> "$file"
        [ $((i % 9)) -ne 0 ] || mv "$file" "$file.moved$i"
        git -C "$BSA_LOAD/repository" add -A
        git -C "$BSA_LOAD/repository" -c user.name=load -c user.email=load@localhost \
            commit -q -m "change $i"
        i=$((i + 1))
    done
    git -C "$BSA_LOAD/repository" gc -q
}

load_git()
{
    exec git -C "$BSA_LOAD/repository" log -p --stat -M > "$BSA_LOAD/result"
}

# perl: text is taken apart into words, counted and sorted -------------------------------------------

prepare_perl()
{
    make_tree "$BSA_LOAD/tree" 8 12
}

load_perl()
{
    cat "$BSA_LOAD"/tree/*/* > "$BSA_LOAD/text"
    # shellcheck disable=SC2016 # a program of Perl's
    exec perl -ne '
        for my $word (split /\W+/) { $count{lc $word}++; push @{$lines{$word}}, $. if $. % 7 == 0 }
        if ($. % 1500 == 0) { %lines = (); $kept{$.} = join ",", map { "$_=$count{$_}" } sort keys %count }
        END { print scalar(keys %count), " ", length join "", values %kept }
    ' "$BSA_LOAD/text" > "$BSA_LOAD/result"
}

# redis: a server under redis-benchmark --------------------------------------------------------------

prepare_redis()
{
    command -v redis-server > /dev/null || die "redis-server is missing; install it first"
}

load_redis()
{
    (
        unset LD_PRELOAD
        until redis-cli -s "$BSA_LOAD/socket" ping > /dev/null 2>&1; do sleep 0.05; done
        redis-benchmark -s "$BSA_LOAD/socket" -q -c 20 -n 4000 -r 2000 -d 100 \
            -t set,get,incr,lpush,lpop,sadd,hset,zadd > "$BSA_LOAD/result"
        redis-cli -s "$BSA_LOAD/socket" flushall > /dev/null
        redis-cli -s "$BSA_LOAD/socket" shutdown nosave
    ) &
    exec redis-server --port 0 --unixsocket "$BSA_LOAD/socket" --save '' --dir "$BSA_LOAD" > /dev/null
}

# nginx: a web server that sends files, and what is not there ----------------------------------------

prepare_nginx()
{
    command -v nginx > /dev/null || die "nginx is missing; install it first"
    make_tree "$BSA_LOAD/tree" 4 8
    mkdir "$BSA_LOAD/temporary"
    cat > "$BSA_LOAD/nginx.conf" <<END
daemon off;
master_process off;
pid $BSA_LOAD/nginx.pid;
error_log $BSA_LOAD/error.log;
events { worker_connections 128; }
http {
    access_log $BSA_LOAD/access.log;
    client_body_temp_path $BSA_LOAD/temporary/body;
    proxy_temp_path $BSA_LOAD/temporary/proxy;
    fastcgi_temp_path $BSA_LOAD/temporary/fastcgi;
    uwsgi_temp_path $BSA_LOAD/temporary/uwsgi;
    scgi_temp_path $BSA_LOAD/temporary/scgi;
    gzip on;
    gzip_types *;
    server { listen unix:$BSA_LOAD/socket; root $BSA_LOAD/tree; autoindex on; }
}
END
}

load_nginx()
{
    (
        unset LD_PRELOAD
        until [ -S "$BSA_LOAD/socket" ]; do sleep 0.05; done
        for round in 1 2 3; do
            for page in 0/ 1/file003 2/file005 missing 3/file001 1/ 2/file007; do
                i=0
                while [ $i -lt $((round * 15)) ]; do
                    curl -s --compressed --unix-socket "$BSA_LOAD/socket" "http://localhost/$page" &
                    i=$((i + 1))
                done
                wait
            done
        done > "$BSA_LOAD/result"
        kill -QUIT "$(cat "$BSA_LOAD/nginx.pid")"
    ) &
    exec nginx -c "$BSA_LOAD/nginx.conf"
}

# pbzip2: a file is compressed by four threads -------------------------------------------------------

prepare_pbzip2()
{
    command -v pbzip2 > /dev/null || die "pbzip2 is missing; install it first"
    awk 'BEGIN { for (i = 0; i < 2500000; i++) print i * 7919 % 100003, "fox", i % 17 }' > "$BSA_LOAD/text"
}

load_pbzip2()
{
    exec pbzip2 -1 -p4 -b1 -c "$BSA_LOAD/text" > "$BSA_LOAD/result"
}

# orders: a C++ program of four threads that hand each other strings, maps and shared pointers -------

prepare_orders()
{
    c++ -O1 -o "$BSA_LOAD/orders" ../tests/programs/threads.cc -pthread
}

load_orders()
{
    exec "$BSA_LOAD/orders" 85 > "$BSA_LOAD/result"
}

# make: what would be done for many targets of pattern rules, and what they need ---------------------

prepare_make()
{
    mkdir "$BSA_LOAD/tree"
    awk 'BEGIN {
        print "parts := $(foreach i,$(shell seq 1 120),part$(i)/one.o part$(i)/two.o)"
        print "all: $(parts)\n\t@echo linked $^"
        print "$(parts): %.o: %.c common.h\n\t@echo compiled $@ of $<"
        print "%.c: %.y ; @echo made $@"
        print "%.y: ; @echo wrote $@"
        print "common.h: ; @echo wrote $@"
    }' > "$BSA_LOAD/tree/Makefile"
}

load_make()
{
    exec make -n -C "$BSA_LOAD/tree" > "$BSA_LOAD/result"
}

# The recording ------------------------------------------------------------------------------------

if [ "${1:-}" = --load ]; then
    "load_$2"
    exit 0
fi

[ $# -eq 1 ] || [ $# -eq 2 ] || die "usage: record.sh NAME [OUTPUT]" 2
name=$1
options=$(echo "$names" | sed -n "s/^$name  *//p")
[ -n "$options" ] || die "'$name' is none of these: $(echo "$names" | cut -d' ' -f1 | xargs)" 2
function=$(echo "$name" | tr - _)
output=${2:-$name.bsat}
case $output in
    /*) ;;
    *) output=$PWD/$output ;;
esac
# The trace tells its command line: it shall be the same wherever this folder lies.
cd "$(dirname "$0")"

# The program in the build folder beside this one, else in PATH.
program()
{
    built=../build/cli/$1
    if [ -x "$built" ]; then
        echo "$built"
    else
        command -v "$1" || die "$1 is not here; build the project, or name it in $2"
    fi
}
record=${BSA_RECORD:-$(program bsa-record BSA_RECORD)}
trace=${BSA_TRACE:-$(program bsa-trace BSA_TRACE)}
for tool in perl tar awk; do
    command -v $tool > /dev/null || die "$tool is missing; install it first"
done

# The time that processors have worked, in ticks.
worked()
{
    awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat
}

# What other programs do would be in the trace: until they have used less than 2 % of a processor for
# two seconds, at most a quarter of an hour.
wait_for_rest()
{
    tries=450
    while [ $tries -gt 0 ]; do
        before=$(worked)
        sleep 2
        [ $(($(worked) - before)) -ge 4 ] || return 0
        tries=$((tries - 1))
    done
    die "other programs are never at rest, and would be in the trace"
}

BSA_LOAD=$(mktemp -d)
export BSA_LOAD
trap 'umount "$BSA_LOAD/mount" 2> /dev/null || true; rm -rf "$BSA_LOAD"' EXIT
trap 'exit 1' INT TERM
"prepare_$function"
case $options in
    *--kernel*) wait_for_rest ;;
esac
# shellcheck disable=SC2086 # options are words
"$record" $options -o "$BSA_LOAD/recorded" -- sh record.sh --load "$function"
# Addresses make a trace larger and are of use only where the recorded allocator is scored.
case $name in
    make) addresses=--addresses ;;
    *) addresses= ;;
esac
"$trace" convert --level=19 $addresses -o "$output" "$BSA_LOAD/recorded"
"$trace" info "$output"
