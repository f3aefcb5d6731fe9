#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bsa-record: what it records of known programs, how programs may end and what may be in its way, and
# that none of this is their concern.
# shellcheck disable=SC2317 # functions that run through expect
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/check-lib.sh"

record=${BSA_RECORD:-$builddir/cli/bsa-record}
tool=${BSA_TRACE:-$builddir/cli/bsa-trace}
replay=${BSA_REPLAY:-$builddir/cli/bsa-replay}
show=$builddir/tests/record/show
library=$builddir/cli/record/.libs/libbuddyslab-record.so
CXX=${CXX:-c++}
sources=$srcdir/tests/record
if [ ! -x "$record" ] || [ ! -e "$library" ] || [ ! -x "$show" ]; then
    skip "bsa-record" "it was not built"
    done_testing
fi
unset LD_PRELOAD

# Not optimized: a compiler may leave out an object that is freed at once.
for program in calls ends execs forks handler jumps late nested threads slow; do
    expect "$program.c compiles" "$CC" -w -fno-builtin -o "$work/$program" "$sources/$program.c" \
        -lpthread
done
cd "$work" || exit 99

# recorded OPTION... PROGRAM...: into trace.bsat, from an empty folder.
recorded() {
    rm -f trace.* trace
    "$record" -o trace.bsat "$@" >out 2>log
    recorded_status=$?
}

# status WANTED WORDS: of the last recorded, and its messages have the words.
status() {
    if [ "$recorded_status" -eq "$1" ] && grep -qF -- "$2" log; then
        return 0
    fi
    echo "status $recorded_status, wanted $1 and '$2'"
    cat log
    return 1
}

# counted N PATTERN FILE: so many of the trace's lines match.
counted() {
    "$show" "$3" >counted.log 2>&1 || [ "$1" -eq 0 ] || { cat counted.log; return 1; }
    counted_got=$(grep -c -E -- "$2" counted.log)
    [ "$counted_got" -eq "$1" ] || { echo "$3: $counted_got of $2, wanted $1"; return 1; }
}

# --- What is recorded ------------------------------------------------------------------------

recorded ./calls
expect "every function in odd ways: done" status 0 "trace.bsat: calls"
# What libc takes for a thread has a size of its own.
"$show" trace.bsat | grep -v 'calloc 2[0-9][0-9] ' >shown
same "every function in odd ways: the events" "$sources/calls.expected" shown
recorded --no-pack ./calls
"$show" trace.bsat | grep -v -e 'calloc 2[0-9][0-9] ' -e marker | sed 's/^t[0-9]* //' >shown
sed 's/^t[0-9]* //' "$sources/calls.expected" >expected
same "the same without packing" expected shown
# As it is when its end was lost.
head -c $(($(wc -c <trace.bsat) - 5)) trace.bsat >cut.bsat
"$replay" -q --no-plots -o cut cut.bsat >out 2>log
recorded_status=$?
expect "what is cut off is replayed, and said to be cut off" status 0 "cut.bsat is cut off: its last"

# A program that does nothing leaves a trace all the same; only a replay has nothing to do.
echo 'int main(void) { return 0; }' >nothing.c
"$CC" -o nothing nothing.c
recorded ./nothing
expect "a program that allocates nothing" status 0 "0 events"
expect "its trace is whole" "$tool" check -q trace.bsat
expect "and can be converted" "$tool" convert -q -o trace.2.bsat trace.bsat
"$replay" -q --no-plots trace.2.bsat >out 2>log
expect "a replay says that there is nothing to do" grep -q "nothing to replay" log

recorded ./nothing
expect "a program without a malloc of its own is not told of" \
    test "$(grep -c 'not recorded' log)" -eq 0
cat >address.c <<'END'
#include <stdlib.h>
int main(int argc, char **argv)
{
    void *(*take)(size_t) = argc > 9 ? NULL : malloc;
    return argv[0] == NULL || take(1) == NULL;
}
END
"$CC" -w -O1 -fno-builtin -fno-pic -no-pie -o address address.c
recorded ./address
expect "nor is one that has malloc's address by its own linkage table" \
    test "$(grep -c 'not recorded' log)" -eq 0
cat >own.c <<'END'
#include <stddef.h>
static char memory[1 << 20], *next = memory;
void *malloc(size_t size) { return size < 1000 ? (next += size + 16) : NULL; }
int main(void) { return malloc(10) == NULL; }
END
"$CC" -w -fno-builtin -o own own.c
recorded ./own
expect "a program with a malloc of its own is" status 0 "the malloc of ./own is not recorded"
recorded -q ./own
nothing "  and not with --quiet" log

recorded ./threads
for size in 40 50 60 70; do
    expect "objects of $size bytes, by a thousand threads" counted 1000 " alloc $size " trace.bsat
done
expect "threads start" counted 1001 'thread_start' trace.bsat
expect "threads end" counted 1000 'thread_end' trace.bsat
"$show" trace.bsat | sed -n 's/.* free #/free /p' | sort -u | wc -l >freed
expect "destructors' frees are there" test "$(cat freed)" -ge 4000

recorded ./handler
expect "a handler that allocates harms nothing" status 0 "trace.bsat: handler"
"$show" trace.bsat | grep -c 'alloc 24 ' >allocs
"$show" trace.bsat | grep -c ' free ' >frees
same "what a handler allocates is freed" allocs frees
expect "a handler's objects are recorded" test "$(cat allocs)" -ge 100

recorded --no-pack ./nested
"$show" trace.bsat | grep -c 'alloc [0-9]* failed' >failed
same "handlers that interrupt each other: every call is there" out failed

recorded ./late
expect "threads that begin in their last destructor leave nothing behind" status 0 "trace.bsat: late"
expect "and their objects are recorded" counted 400 ' alloc 80 ' trace.bsat

expect "any_malloc.c compiles" "$CC" -w -fPIC -shared -fno-builtin -o any_malloc.so \
    "$sources/any_malloc.c"
for program in borders torn; do
    expect "$program.c compiles" "$CC" -w -fno-builtin -o $program "$sources/$program.c" \
        ./any_malloc.so
done
recorded ./borders
"$show" trace.bsat | grep -e '#' -e failed | sed 's/^t[0-9]* //' >shown
cat >expected <<'END'
alloc 1001 #1
alloc 65535 #2
free #1
free #2
alloc 1001 #3
alloc 65537 #4
free #3
free #4
alloc 1001 #5
alloc 1048577 #6
free #5
free #6
alloc 1001 #7
alloc 1099511627777 #8
free #7
free #8
alloc 1001 #9
alloc 281474976710655 #10
free #9
free #10
alloc 18446744073709551615 failed
END
same "large sizes and high addresses" expected shown
recorded ./torn
for size in 1001 70001; do
    expect "records of both lengths that are interrupted: $size" \
        counted "$(cat out)" " alloc $size " trace.bsat
done
expect "  and none is taken for an end" test "$(grep -c -- --duration log)" -eq 0
"$show" trace.bsat | grep -c ' alloc [17]00*[13] ' >allocs
"$show" trace.bsat | grep -c ' free ' >frees
same "all of them, and those of the handlers, are freed" allocs frees
expect "saved.c compiles" "$CC" -w -fno-builtin -rdynamic -o saved "$sources/saved.c" \
    ./any_malloc.so -lpthread -ldl
recorded --no-pack ./saved
expect "records that their thread ends while another one writes them" status 0 "trace.bsat: saved"
expect "  are all there" counted "$(cat out)" " alloc 1001 " trace.bsat

expect "jumps_malloc.c compiles" "$CC" -w -fPIC -shared -o jumps_malloc.so "$sources/jumps_malloc.c"
LD_PRELOAD=$work/jumps_malloc.so
export LD_PRELOAD
recorded ./jumps
unset LD_PRELOAD
expect "who leaves malloc by a jump is recorded on" counted 20 ' alloc 90 ' trace.bsat

# operators WORDS: of C++, of whom they are.
operators() {
    expect "$1: done" status 0 "trace.bsat: operators"
    for line in 'alloc 1001' 'alloc 1002' 'alloc 1003' 'alloc 1004' 'aligned_alloc 1024 aligned 128' \
        'aligned_alloc 1152 aligned 128' 'aligned_alloc 1280 aligned 128' \
        'aligned_alloc 128 aligned 64' 'aligned_alloc 384 aligned 64' \
        'alloc [0-9]* failed'; do
        expect "$1: $line" counted 1 " $line" trace.bsat
    done
}
if have "$CXX" && "$CXX" -w -fno-builtin -o operators "$sources/operators.cc" 2>log; then
    recorded ./operators
    operators "operators of C++"
    own=$builddir/malloc/.libs/libbuddyslab-malloc.so
    if [ -e "$own" ]; then
        LD_PRELOAD=$own
        export LD_PRELOAD
        recorded ./operators
        unset LD_PRELOAD
        operators "operators of an allocator's own"
    else
        skip "operators of an allocator's own" "no $own"
    fi
    expect "plugin.c compiles" "$CC" -w -o plugin "$sources/plugin.c" -ldl
    "$CXX" -w -fno-builtin -fPIC -shared -o operators.so "$sources/operators.cc"
    recorded ./plugin ./operators.so
    sed 's/plugin/operators/' log >named && mv named log
    operators "operators of a plug-in of a program in C"
    "$CXX" -w -fPIC -shared -o own-new.so "$sources/own-new.cc"
    ./plugin ./own-new.so >plain.out
    recorded ./plugin ./own-new.so
    same "a plug-in with operators of its own has them still" plain.out out
    "$CXX" -w -fPIC -shared -Wl,-Bsymbolic -o own-new.so "$sources/own-new.cc"
    recorded ./plugin ./own-new.so
    same "  also where it is bound to them before" plain.out out
else
    skip "operators of C++" "no C++ compiler"
fi

# --- Processes -------------------------------------------------------------------------------

recorded ./forks
expect "a parent of many: done" status 0 "trace.bsat: forks"
for size in 11 44 55; do
    expect "the parent's $size bytes" counted 1 " alloc $size " trace.bsat
done
expect "the parent has nothing of its children" counted 4 ' alloc ' trace.bsat
expect "a file for each child" test "$(find . -name 'trace.forks.*.bsat' | wc -l)" -eq 3
many=0
for file in trace.forks.*.bsat; do
    if [ "$("$show" "$file" | grep -c ' alloc 66 ')" -gt 0 ]; then
        many=$((many + 1))
        expect "a child with many objects: all are there" counted 3000 ' alloc 66 #' "$file"
        expect "a child with many objects: their frees, too" counted 3000 ' free #' "$file"
        continue
    fi
    expect "a child has what is its own" counted 1 ' alloc (22|33) ' "$file"
    expect "a child has nothing of its parent" counted 1 ' alloc ' "$file"
done
expect "one child has many objects" test $many -eq 1
recorded ./execs
expect "children of small stacks, and beside a thread that loads: done" status 0 "trace.bsat: execs"
recorded --no-follow ./forks
expect "--no-follow: one file" test "$(find . -name 'trace*.bsat' | wc -l)" -eq 1

for how in return exit _exit quick_exit; do
    recorded ./ends $how
    expect "$how saves everything" counted 10 ' alloc 1000 ' trace.bsat
done
recorded ./ends daemon
expect "who becomes a daemon saves everything" counted 10 ' alloc 1000 ' trace.bsat
expect "and the parent's file has its end" test "$(grep -c 'trace.bsat: .*missing' log)" -eq 0
for how in execv execvp execl execlp execle execve; do
    recorded ./ends $how
    expect "$how saves everything" counted 10 ' alloc 1000 ' trace.ends.*.bsat
    expect "$how: the new program has the file's name" grep -q 'trace.bsat: true' log
done

recorded ./ends setuid
expect "who gives up rights saves everything" counted 10 ' alloc 1000 ' trace.bsat
expect "and the file has its end" test "$(grep -c 'missing' log)" -eq 0
export TZ=a-zone-that-is-not-there
recorded ./ends localtime
unset TZ
expect "the recorder does not read the time zone before the program" \
    counted 1 ' alloc 25 ' trace.bsat

recorded sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do ./nothing; done'
expect "many processes: the summary has ten lines" test "$(wc -l <log)" -eq 10
expect "and tells how many are in none of them" grep -q 'and 6 more, .*/trace.PROGRAM.PROCESS.bsat, ' log

# --- Options ---------------------------------------------------------------------------------

recorded --max-events=500 ./threads
expect "--max-events" counted 500 '(alloc|calloc|free)( |$)' trace.bsat
expect "--max-events: the summary tells" grep -q -e '; --max-events ended it' log
says_end() {
    test "$("$tool" info --meta=end "$1")" = "$2"
}
expect "  and the metadata" says_end trace.bsat limit
recorded --max-events=1 ./ends kill
expect "  also of who is killed later: nothing is missing" sh -c \
    'grep -q -e "; --max-events ended it" log && ! grep -q missing log'
recorded --max-events=1000000 ./threads
expect "--max-events that are not reached: nothing is told" sh -c '! grep -q ended log'
expect "  and the recording is whole" says_end trace.bsat whole
recorded --min-size=60 ./threads
expect "--min-size: objects" counted 2000 ' alloc (60|70) ' trace.bsat
expect "--min-size: and their frees only" counted 2000 ' free ' trace.bsat
recorded --quiet ./ends
expect "--quiet" test ! -s log
recorded --duration=1us ./threads
expect "--duration: the program goes on" test "$recorded_status" -eq 0
expect "--duration: the summary tells" grep -q -e '; --duration ended it' log
recorded --duration=0 ./threads
expect "--duration=0" status 2 "nothing would be recorded"
recorded --duration=1us ./threads
expect "--duration: nothing after it" counted 0 ' alloc 70 ' trace.bsat
env LD_PRELOAD="$library" "$record" -o other.bsat ./ends >/dev/null 2>log
expect "what was preloaded stays" counted 10 ' alloc 1000 ' other.bsat
expect "standard output is the command's" test "$("$record" -q -o o.bsat echo word 2>&1)" = word

# --- Statuses --------------------------------------------------------------------------------

recorded sh -c 'exit 7'
expect "the command's exit status" status 7 ""
recorded ./ends kill
expect "a killed command's status, and that events are missing" status 137 "it was killed"
for how in no-exec vfork; do
    recorded ./ends $how
    expect "$how is no end: a killed command's events are missing" status 137 "it was killed"
done
recorded ./no-such-program
expect "a program that is not there" status 127 "no program ./no-such-program"
recorded /dev/null
expect "what is no program" status 126 "/dev/null"
recorded --no-such-option true
expect "wrong usage" status 2 "--no-such-option"
recorded --buffer-size=1M ./nothing
expect "the kernel's buffers without --kernel" status 2 "--buffer-size is for --kernel"
for option in --no-follow --no-pack; do
    recorded --kernel $option ./nothing
    expect "$option with --kernel" status 2 "$option is not for --kernel"
done
recorded
expect "no command" status 2 "no COMMAND"
recorded -o . true
expect "a folder for a file" status 125 "is a folder"
mkfifo "$work/pipe"
recorded -o "$work/pipe" true
expect "a pipe for a file" status 125 "is no regular file"
expect "which is left as it is" test -p "$work/pipe"
recorded -o no/such/folder/trace true
expect "a folder that is not there" status 125 "cannot make a file"
if "$CC" -static -o static -x c - >/dev/null 2>&1 <<'END'; then
int main(void) { return 0; }
END
    recorded ./static
    expect "a static program" status 126 "linked statically"
else
    skip "a static program" "$CC cannot link one"
fi

# --- What may be in the way ------------------------------------------------------------------

(
    ulimit -f 100
    recorded ./threads
    status 0 "File too large"
) >log.limit 2>&1
expect "a limit of files: the program goes on" test $? -eq 0
expect "a limit of files: the lost events are told" grep -q 'events lost' log
expect "a limit of files: and are in the trace" counted 1 '^t[0-9]+ lost [1-9]' trace.bsat

if have prlimit; then
    # shellcheck disable=SC2016 # the command's own
    recorded sh -c 'prlimit --fsize=2000 --pid=$PPID; ulimit -f 100; exec ./threads'
    expect "packing fails: the raw file stays" status 125 "stays as it was recorded"
    expect "and what it lacks is told" grep -q 'it has [0-9]* events, and [1-9][0-9]* were lost' log
    ls trace.*threads*.bsat >left
    expect "and is the only one" test "$(wc -l <left)" -eq 1
else
    skip "packing fails" "no prlimit"
fi

# recording PROGRAM...: $recorder is bsa-record, and $reader ends when both have, killed or not.
mkfifo held
recording() {
    cat held >/dev/null &
    reader=$!
    exec 9>held
    "$record" -q -o trace.bsat "$@" >&9 9>&- &
    recorder=$!
    exec 9>&-
}

recording ./threads
rm -f trace.*
sleep 0.05
kill -9 $recorder 2>/dev/null
wait $recorder 2>/dev/null
wait $reader
for file in trace*.bsat; do
    expect "killed bsa-record: $(echo "$file" | sed 's/[0-9][0-9]*/PID/') can be read" \
        "$show" "$file"
done

# Packed while it is written, and bsa-record killed in the middle of that.
# The recorder's own marker is in a raw file only.
events() {
    "$show" "$1" | sed 's/^t[0-9]* //; /^marker/d'
}
recorded --no-pack ./slow
events trace.bsat >wanted
recorded ./slow
events trace.bsat >shown
same "a program that takes its time: packed meanwhile, the same events" wanted shown
rm -f trace*.bsat
recording ./slow go
tries=0
while [ $tries -lt 100 ] &&
    [ "$(find . -name 'trace.slow.*.bsat' -size +2000k | wc -l)" -eq 0 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
sleep 0.3
kill -9 $recorder 2>/dev/null
wait $recorder 2>/dev/null
: >go
wait $reader
find . -name 'trace*' >left
expect "killed while it packs: one file stays" grep -q '^./trace.slow.[0-9]*.bsat$' left
expect "killed while it packs: and nothing beside it" test "$(wc -l <left)" -eq 1
events trace.slow.*.bsat >shown
same "killed while it packs: nothing is missing in it" wanted shown

# Cut by SIGKILL at any time: whole chunks can be read, whoever is killed.
for delay in 0.01 0.03 0.06 0.1; do
    rm -f trace*.bsat
    "$record" -o trace.bsat sh -c "./threads & sleep $delay; kill -9 \$!; wait" >out 2>log
    for file in trace.threads.*.bsat; do
        [ -e "$file" ] || continue
        "$show" "$file" >shown 2>complaint || grep -q 'has no allocation and no free' complaint || cp complaint bad
    done
done
: >>bad
nothing "killed at four moments: what is there can be read" bad

# --- Totals beside valgrind's ----------------------------------------------------------------

totals() {
    "$show" "$1" | awk '
        / (alloc|calloc|aligned_alloc) / && !/failed/ { allocs++; bytes += $3 }
        / realloc / && /#/ { allocs++; frees++; bytes += $3 }
        / realloc / && !/#/ && !/failed/ { frees++ }
        / free / { frees++ }
        END { print allocs, frees, bytes }'
}

if have valgrind; then
    # None that keeps its environment, as gawk does, which differs.
    for program in "sort $sources/calls.c" "sed 's/[a-z]*/<&>/g' $sources/calls.c" \
        "$CC -fsyntax-only -w $sources/threads.c"; do
        eval "valgrind --run-libc-freeres=no $program" 2>&1 >/dev/null |
            sed -n 's/,//g; s/.*total heap usage: \([0-9]*\) allocs \([0-9]*\) frees \([0-9]*\) .*/\1 \2 \3/p' >theirs
        eval "recorded $program"
        totals trace.bsat >ours
        same "allocations, frees and bytes as valgrind counts: ${program%% *}" theirs ours
    done
else
    skip "totals beside valgrind's" "no valgrind"
fi

done_testing
