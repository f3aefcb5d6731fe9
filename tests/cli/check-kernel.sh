#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bsa-record --kernel: what it records of a known load, what it loses, and that nothing of it stays
# in tracefs however it ends.
# shellcheck disable=SC2317,SC2009 # functions that run through expect; ps is asked by parent
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/check-lib.sh"

record=${BSA_RECORD:-$builddir/cli/bsa-record}
tool=${BSA_TRACE:-$builddir/cli/bsa-trace}

if [ ! -x "$record" ] || [ ! -x "$tool" ]; then
    skip "bsa-record --kernel" "bsa-record or bsa-trace is not built"
    done_testing
fi

tracefs=
for folder in /sys/kernel/tracing /sys/kernel/debug/tracing; do
    if [ -d "$folder/instances" ]; then
        tracefs=$folder
        break
    fi
done

"$record" --kernel --quiet -o "$work/first" -- true >"$work/log" 2>&1
first_status=$?
if grep -q 'built without --kernel' "$work/log"; then
    skip "bsa-record --kernel" "built without libtracefs"
    done_testing
fi
if [ "$(id -u)" -ne 0 ]; then
    expect "it needs root, and says so" grep -q 'needs root\|not mounted' "$work/log"
    expect "and makes no file" test ! -e "$work/first" -a $first_status -eq 125
    skip "the rest" "not root"
    done_testing
fi
if [ -z "$tracefs" ] || [ ! -w "$tracefs/instances" ] || [ ! -e "$tracefs/events/kmem/kmalloc" ]; then
    expect "what is missing is said" grep -q 'tracefs\|tracing\|kmem' "$work/log"
    skip "the rest" "no tracefs that can be written, or no kmem events"
    done_testing
fi

# records FILE: a line each, by fields: number, seconds, thread, CPU, kind, address, size ...
records() {
    "$tool" dump --raw "$1" | grep -v '^#'
}

# gone NAME: no instance is left of a recorder that has ended.
gone() {
    for gone_instance in "$tracefs"/instances/bsa-record.*; do
        if [ -d "$gone_instance" ] && ! kill -0 "${gone_instance##*.}" 2>/dev/null; then
            echo "$gone_instance"
        fi
    done >"$work/left"
    nothing "$1" "$work/left"
}

# meta KEY FILE: what the trace says of itself.
meta() {
    "$tool" info "$2" | sed -n "s/^ *$1[ :=][ :=]*//p"
}

# number WORD: the number in front of the word in bsa-record's summary.
number() {
    sed -n "s/.*[^0-9]\([0-9][0-9]*\) $1.*/\1/p" "$work/log"
}

# --- A known load ----------------------------------------------------------------------------

# Messages in a System V queue: each is a kmalloc of its length and a header of some words, and a
# kfree when it is received. Hardly another program asks for this size.
cat >"$work/messages.pl" <<'END'
use strict;
my ($count) = @ARGV;
my $queue = msgget(0, 0600);
defined $queue or exit 77;
for my $i (1 .. $count) {
    msgsnd($queue, pack("l! a*", 1, "x" x 1357), 0) or die "msgsnd: $!";
    my $message;
    defined msgrcv($queue, $message, 2000, 0, 0) or die "msgrcv: $!";
}
msgctl($queue, 0, 0); # IPC_RMID
END

# What is in the file, by size: objects of 1357 bytes and a header, and how many of them went.
count_messages() {
    records "$1" | awk '
        $5 == "alloc" && $7 > 1357 && $7 <= 1357 + 128 { size[$6] = $7; allocs[$7]++ }
        $5 == "free" && $6 in size { frees[size[$6]]++; delete size[$6] }
        END { for (s in allocs) print allocs[s], frees[s] + 0 }'
}

if have perl && perl "$work/messages.pl" 1; then
    expect "a command is recorded" \
        "$record" --kernel -o "$work/known" -- perl "$work/messages.pl" 20000
    cp "$work/expect.log" "$work/log"
    expect "nothing is lost" grep -q 'none lost' "$work/log"
    count_messages "$work/known" | sort -rn | head -n 1 >"$work/got"
    echo "20000 20000" >"$work/wanted"
    same "each of 20000 messages is allocated and freed" "$work/wanted" "$work/got"
else
    skip "a known load" "no perl, or no System V message queues"
    expect "a command is recorded" "$record" --kernel -o "$work/known" -- find "$srcdir" -name '*.c'
fi
gone "no instance is left"
expect "the file is whole" "$tool" check "$work/known"
records "$work/known" >"$work/dump"
expect "call sites are functions, or the kernel keeps them to itself" sh -c '
    grep -qE " [A-Za-z_][A-Za-z0-9_.]*\+0x[0-9a-f]+ " "$1" || ! grep -qvE "^0+ " /proc/kallsyms' \
    - "$work/dump"
expect "flags are words" grep -q ' GFP_KERNEL' "$work/dump"
awk '$2 < last { print } { last = $2 }' "$work/dump" >"$work/left"
nothing "records are in order of time" "$work/left"
for key in command clock cpus page-size dropped kernel.recorder-pid hygiene.null_frees \
    slabinfo.start slabinfo.end buddyinfo.start buddyinfo.end pagetypeinfo.start pagetypeinfo.end; do
    expect "the trace has $key" sh -c '"$1" info "$2" | grep -qF "$3"' - "$tool" "$work/known" "$key"
done

# --- What is missing is said -----------------------------------------------------------------

# refused WORDS COMMAND...: the recording fails, and tells why.
refused() {
    refused_words=$1
    shift
    "$@" >/dev/null 2>"$work/log"
    refused_got=$?
    if [ $refused_got -eq 125 ] && grep -q "$refused_words" "$work/log"; then
        ok "refused: $refused_words"
    else
        echo "status $refused_got" >>"$work/log"
        not_ok "refused: $refused_words" "$work/log"
    fi
}
nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
# shellcheck disable=SC2086 # nobody is words
if $nobody "$record" --version >/dev/null 2>&1; then
    refused 'needs root' $nobody "$record" --kernel -o - -- true
else
    skip "refused: needs root" "no setpriv, or the programs here are not for everybody"
fi
if unshare -m umount -a -t tracefs 2>/dev/null; then
    # shellcheck disable=SC2016
    refused 'not mounted; mount it' unshare -m sh -c 'umount -a -t tracefs; exec "$@"' - \
        "$record" --kernel -o - -- true
    # shellcheck disable=SC2016
    refused 'read-only' unshare -m sh -c 'mount -o remount,bind,ro "$0" && exec "$@"' "$tracefs" \
        "$record" --kernel -o - -- true
else
    skip "refused: not mounted" "no unshare, or no right to a name space of mounts"
fi

# --- How it ends -----------------------------------------------------------------------------

# ends STATUS NAME COMMAND...
ends() {
    ends_status=$1
    ends_name=$2
    shift 2
    "$@" >"$work/log" 2>&1 </dev/null
    ends_got=$?
    if [ $ends_got -eq "$ends_status" ]; then
        ok "$ends_name: status $ends_status"
    else
        echo "status $ends_got" >>"$work/log"
        not_ok "$ends_name: status $ends_status" "$work/log"
    fi
    gone "$ends_name: no instance is left"
}

ends 3 "the command's own status" "$record" --kernel -o "$work/end" -- sh -c 'exit 3'
# shellcheck disable=SC2016
ends 137 "a command that is killed" "$record" --kernel -o "$work/end" -- sh -c 'kill -9 $$'
ends 127 "no such command" "$record" --kernel -o "$work/none" -- "$work/no-such-command"
expect "no trace of no command" test ! -e "$work/none"
ends 125 "no such folder" "$record" --kernel -o "$work/no/such/folder" -- touch "$work/ran"
expect "the command has not run" test ! -e "$work/ran"
ends 125 "buffers larger than memory" "$record" --kernel --buffer-size=64T -o "$work/none" -- true
ends 0 "a time and no command" "$record" --kernel --duration=0.2 -o "$work/end"
expect "it is a trace" "$tool" check "$work/end"
ends 0 "a number of events" \
    "$record" --kernel --max-events=1000 -o "$work/end" -- find "$srcdir" -name '*.c'
expect "1000 of them" test "$(records "$work/end" | wc -l)" -eq 1000
ends 0 "a time shorter than the command" \
    "$record" --kernel --duration=0.1 -o "$work/end" -- sh -c "sleep 0.5; : >'$work/late'"
expect "the command went on" test -e "$work/late"
ends 0 "a smallest size" \
    "$record" --kernel --min-size=1024 -o "$work/end" -- find "$srcdir" -name '*.c'
records "$work/end" | awk '$5 == "alloc" && $7 < 1024' >"$work/left"
nothing "no smaller object" "$work/left"

# started PID: its command runs.
started() {
    while kill -0 "$1" 2>/dev/null && ! ps -o args= --ppid "$1" | grep -q '^sleep'; do
        sleep 0.02
    done
}

# interrupted SIGNAL STATUS: sent to bsa-record alone, which passes it on. A shell starts what is in
# the background with SIGINT ignored, nohup with SIGHUP; env gives them back.
interrupted() {
    env --default-signal=INT,HUP "$record" --kernel -o "$work/interrupted" -- sleep 60 \
        >"$work/log" 2>&1 &
    interrupted_pid=$!
    started $interrupted_pid
    kill "-$1" $interrupted_pid
    wait $interrupted_pid
    expect "SIG$1 ends the command: status $2" test $? -eq "$2"
    gone "SIG$1: no instance is left"
    expect "SIG$1: the trace is kept" "$tool" check "$work/interrupted"
}
if have ps && env --default-signal=INT true 2>/dev/null; then
    interrupted INT 130
    interrupted TERM 143
    interrupted HUP 129

    # Nothing can be done about SIGKILL: the next one tidies up.
    "$record" --kernel -o "$work/killed" -- sleep 60 >"$work/log" 2>&1 &
    killed=$!
    started $killed
    ps -o pid= --ppid $killed >"$work/child"
    kill -KILL $killed
    wait $killed 2>/dev/null
    xargs kill <"$work/child"
    expect "after SIGKILL its instance is there" test -d "$tracefs/instances/bsa-record.$killed"
    "$record" --kernel --quiet -o "$work/end" -- true
    gone "the next recording removes it"
else
    skip "signals" "no ps, or an env without --default-signal"
fi

"$record" --kernel --quiet -o "$work/one" -- sleep 0.3 &
one=$!
expect "two recordings at a time" "$record" --kernel --quiet -o "$work/two" -- sleep 0.1
expect "both end well" wait $one
gone "two recordings: no instance is left"

# --- Losses ----------------------------------------------------------------------------------

# The command itself reads what the kernel has counted so far, after a load that overruns a small
# buffer.
cat >"$work/overrun.sh" <<'END'
i=0
while [ $i -lt 20 ]; do
    find "$2" >/dev/null 2>&1
    i=$((i + 1))
done
cat "$1"/instances/bsa-record.$PPID/per_cpu/cpu*/stats
END
"$record" --kernel --buffer-size=8K -o "$work/lossy" -- \
    sh "$work/overrun.sh" "$tracefs" "$srcdir" >"$work/stats" 2>"$work/log"
counted() {
    awk -F': ' -v names="$1" 'index(names, $1 ",") { n += $2 } END { print n + 0 }' "$work/stats"
}
overrun=$(counted "overrun,commit overrun,dropped events,")
read_out=$(counted "entries,read events,")
lost=$(number "lost")
written=$(number "events")
null_frees=$(meta hygiene.null_frees "$work/lossy")
if [ "$overrun" -gt 0 ]; then
    expect "what the kernel lost is told (${lost:-none} of $overrun at least)" \
        test "${lost:-0}" -ge "$overrun"
    meta dropped "$work/lossy" >"$work/got"
    records "$work/lossy" | awk '$5 == "lost" { n += $7 } END { print n + 0 }' >>"$work/got"
    printf '%s\n%s\n' "$lost" "$lost" >"$work/wanted"
    same "the trace and its records of losses have the same figure" "$work/wanted" "$work/got"
else
    skip "losses" "the kernel lost nothing with a buffer of 8 KiB"
fi
expect "what was read out is there (${written:-0} and ${null_frees:-0} of $read_out at least)" \
    test $((${written:-0} + ${null_frees:-0})) -ge "$read_out"
gone "losses: no instance is left"

done_testing
