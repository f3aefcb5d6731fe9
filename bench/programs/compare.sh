#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Real programs on libbuddyslab-malloc.so and on other mallocs, in turns: CPU time, time by the clock and
# peak memory. Run by make bench-programs.

usage() {
    cat <<'END'
usage: make bench-programs [BENCH_FLAGS='OPTION...']

Runs each program's load with libbuddyslab-malloc.so and with each malloc that is here, in turns, and
prints medians, how they compare to the best peer's, and whether the targets are held.

  --rounds=N          how often each program runs with each malloc (5)
  --only=PROGRAM      this one; may be given again
  --peer=NAME=FILE    another library that replaces malloc; may be given again
  --tsv=FILE          every single measurement, with machine and versions
  --list              what there is
  --help

Exit status 1 when a program fails, or says something else than with the C library's malloc.
END
}

wrong() {
    echo "bench-programs: $*" >&2
    exit 2
}

srcdir=${BSA_SRCDIR:?run it by make bench-programs}
builddir=${BSA_BUILDDIR:?run it by make bench-programs}
arguments=$*
rounds=5
only=
tsv=
list=no
peers='jemalloc=libjemalloc.so mimalloc=libmimalloc.so tcmalloc=libtcmalloc_minimal.so'
for argument; do
    value=${argument#*=}
    case $argument in
    --rounds=*)
        case $value in
        '' | *[!0-9]* | 0* | ?????*) wrong "--rounds: '$value' is not a number from 1 to 9999" ;;
        esac
        rounds=$value
        ;;
    --only=*) only="$only $value" ;;
    --peer=*)
        case $value in
        *[!a-zA-Z0-9_.+/=-]*) wrong "--peer: '$value' has more than letters, digits and -_.+/ in it" ;;
        [a-zA-Z0-9]*=/*) ;;
        *) wrong "--peer: '$value': wants NAME=FILE, the file from the root on" ;;
        esac
        case " buddyslab=- libc=- $peers" in
        *" ${value%%=*}="*) wrong "--peer: there is a malloc of this name: '${value%%=*}'" ;;
        esac
        [ -e "${value#*=}" ] || wrong "--peer: ${value#*=} is not there"
        peers="$peers $value"
        ;;
    --tsv=*) tsv=$value ;;
    --list) list=yes ;;
    --help)
        usage
        exit
        ;;
    *) wrong "'$argument' is no option; see --help" ;;
    esac
done

# shellcheck source=tests/programs/loads.sh
. "$srcdir/tests/programs/loads.sh"

for program in $only; do
    case " $programs " in
    *" $program "*) ;;
    *) wrong "--only: no such program: '$program'; there are: $programs" ;;
    esac
done

mallocs="buddyslab=$ours libc=$libc"
for peer in $peers; do
    found=$(find_library "${peer#*=}")
    if [ -n "$found" ]; then
        mallocs="$mallocs ${peer%%=*}=$found"
    else
        echo "left out: ${peer%%=*}: no ${peer#*=} (on Debian: libjemalloc2, libmimalloc2.0 or" \
            "libmimalloc3, libtcmalloc-minimal4)"
    fi
done

if [ $list = yes ]; then
    # shellcheck disable=SC2086 # lists
    printf 'program %s\n' $programs
    # shellcheck disable=SC2086
    printf 'malloc %s\n' $mallocs
    exit
fi

tsv=${tsv:-$work/programs.tsv}
(: >"$tsv") 2>/dev/null || {
    echo "bench-programs: --tsv: $tsv cannot be written" >&2
    exit 1
}

# Of which package a file is, where the system tells.
# shellcheck disable=SC2016 # for dpkg-query
package_of() {
    dpkg-query -S "$(readlink -f "$1")" 2>/dev/null | sed 's/: .*//' |
        xargs -r dpkg-query -W -f '${Package} ${Version}' 2>/dev/null
}

# What was measured on what.
# shellcheck disable=SC2016
{
    echo "date: $(date -u '+%Y-%m-%d %H:%M UTC')"
    echo "command: make bench-programs${arguments:+ BENCH_FLAGS='$arguments'}"
    echo "processor: $(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)," \
        "$(getconf _NPROCESSORS_ONLN) CPUs"
    echo "system: $(uname -srm)"
    echo "compiler: ${BSA_COMPILER:-unknown}"
    echo "load before: $(cat /proc/loadavg)"
    echo "transparent huge pages: $(cat /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null)"
    for malloc in $mallocs; do
        library=${malloc#*=}
        echo "${malloc%%=*}: preloaded; $(basename "$(readlink -f "$library")") $(package_of "$library")"
    done
} | sed -e 's/ *$//' -e 's/^/# /' >"$tsv"

failed=0
: >"$work/rows"
for program in ${only:-$programs}; do
    prepare "$program" || continue
    echo "# $program: $("$(function_of version "$program")" | head -n 1)" >>"$tsv"
    echo "running: $program" >&2
    round=1
    while [ "$round" -le "$rounds" ]; do
        for malloc in $mallocs; do
            if once "$program" "$malloc"; then
                printf '%s\t%s\t%s\t%s\n' "$round" "$program" "${malloc%%=*}" "$(cat "$work/took")" \
                    >>"$work/rows"
            else
                failed=1
            fi
        done
        # The next round begins with the second of this one.
        mallocs="${mallocs#* } ${mallocs%% *}"
        round=$((round + 1))
    done
done
{
    printf 'round\tprogram\tmalloc\tcpu_s\twall_s\tpeak_KiB\n'
    cat "$work/rows"
} >>"$tsv"

awk -f "$srcdir/bench/programs/table.awk" "$tsv" || exit 1
exit $failed
