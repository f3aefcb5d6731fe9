#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What make bench-programs runs refuses what it cannot do, runs what is there, and makes of measures the
# table that they are; times do not count.
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
export BSA_SRCDIR
# shellcheck source=tests/check-lib.sh
. "$BSA_SRCDIR/tests/check-lib.sh"

# The table, of measures that are no machine's.
cat >"$work/tsv" <<'END'
# date: some day
round	program	malloc	cpu_s	wall_s	peak_KiB
1	one	buddyslab	1.100	2.000	10240
1	one	libc	9.000	4.000	20480
1	one	other	1.300	1.000	40960
2	one	libc	1.000	4.000	20480
2	one	other	1.200	1.000	40960
2	one	buddyslab	1.300	2.000	12288
3	one	other	1.000	1.000	40960
3	one	buddyslab	1.200	2.000	51200
3	one	libc	2.000	4.000	8192
1	two	buddyslab	0.800	1.000	1024
1	two	libc	0.800	1.000	1024
2	two	libc	1.600	1.000	1024
2	two	buddyslab	1.600	1.000	3072
END
cat >"$work/wanted" <<'END'
Real programs on preloaded mallocs: medians of 3 rounds. The last column is buddyslab's figure,
the last line each malloc's geometric mean, over the best peer's; ! is beyond the mean that is wanted.

CPU time, user and system, seconds
program     buddyslab       libc      other      ratio
one              1.20       2.00       1.20       1.00
two              1.20       1.20          -       1.00
mean ratio       1.00       1.29       1.00

time by the clock, seconds
program     buddyslab       libc      other      ratio
one              2.00       4.00       1.00       2.00!
two              1.00       1.00          -       1.00
mean ratio       1.41       2.00       1.00

peak resident memory of the largest process, MiB
program     buddyslab       libc      other      ratio
one             12.00      20.00      40.00       0.60
two              2.00       1.00          -       2.00!
mean ratio       1.10       1.00       2.00

Targets
ok       1.000 <=   1.10  programs, CPU time, times the best peer's, mean; the worst: one, 1.00
ok       1.095 <=   1.25  programs, peak memory, times the best peer's, mean; the worst: two, 2.00
END
awk -f "$srcdir/bench/programs/table.awk" "$work/tsv" >"$work/got" 2>&1
same "a table is that of its measures" "$work/wanted" "$work/got"
sed 's/buddyslab	0\.800/buddyslab	1.600/; s/1024$/512/' "$work/tsv" |
    awk -f "$srcdir/bench/programs/table.awk" | grep '^over' >"$work/got"
cat >"$work/wanted" <<'END'
over     1.155 <=   1.10  programs, CPU time, times the best peer's, mean; the worst: two, 1.33
over     1.449 <=   1.25  programs, peak memory, times the best peer's, mean; the worst: two, 3.50
END
same "a target that is missed is said" "$work/wanted" "$work/got"
printf '1\tone\tlibc\t1.0\tmany\t1024\n' >>"$work/tsv"
says 1 "$work/tsv:16: not round" "a line that is none" \
    awk -f "$srcdir/bench/programs/table.awk" "$work/tsv"

# compare OPTION...
compare() {
    sh "$srcdir/bench/programs/compare.sh" "$@"
}
# refused WORDS OPTION...
refused() {
    refused_words=$1
    shift
    says 2 "$refused_words" "$*" compare "$@"
}

if [ -z "$builddir" ] || [ ! -x "$builddir/tests/programs/measure" ]; then
    skip "comparing" "not built; set BSA_BUILDDIR to try one"
    done_testing
fi
refused "is no option" --nothing
refused "is no option" redis
refused "not a number from 1 to 9999" --rounds=0
refused "not a number from 1 to 9999" --rounds=1.5
refused "not a number from 1 to 9999" --rounds=
refused "no such program: 'nothing'; there are: redis " --only=nothing
refused "there is a malloc of this name: 'libc'" --peer=libc=/lib/libc.so
refused "there is a malloc of this name: 'tcmalloc'" --peer=tcmalloc=/lib/libc.so
refused "wants NAME=FILE" --peer=other=libother.so
refused "more than letters, digits" --peer="other=/other malloc.so"
refused "/no/such/file is not there" --peer=other=/no/such/file
says 1 "cannot be written" "a file that cannot be made" compare --tsv="$work/no/such/folder"
says 0 "usage: make bench-programs" "--help" compare --help
says 0 "malloc buddyslab=$builddir/malloc" "--list" compare --list
says 1 "left out: threads: no C++ compiler ($work/none; on Debian: g++)" "a program that is not there" \
    env CXX="$work/none" sh "$srcdir/bench/programs/compare.sh" --only=threads --rounds=1
expect "  nothing is measured then" grep -q "nothing was measured" "$work/log"

# A program that does nothing, and says something else with a malloc of that name.
mkdir "$work/bin"
cat >"$work/bin/sqlite3" <<'END'
#!/bin/sh
case $1:${LD_PRELOAD:-} in
--version:*) echo "of no version" ;;
*libwrong.so) echo "something else" ;;
*) cat >/dev/null && echo "all is well" ;;
esac
END
chmod +x "$work/bin/sqlite3"
PATH=$work/bin:$PATH
export PATH
if [ -n "${BSA_INSTRUMENT:-}" ]; then
    skip "a program that is there" "a sanitizer has a malloc of its own"
    done_testing
fi
cp "$builddir/malloc/.libs/libbuddyslab-malloc.so" "$work/libother.so"
cp "$work/libother.so" "$work/libwrong.so"
says 0 "time by the clock" "a program that is there" \
    compare --only=sqlite --rounds=2 --tsv="$work/tsv" --peer=other="$work/libother.so"
compare --list --peer=other="$work/libother.so" |
    sed -n 's/^malloc \([^=]*\)=.*/1 sqlite \1\n2 sqlite \1/p' | sort >"$work/wanted"
awk '!/^#/ && $1 != "round" { print $1, $2, $3 }' "$work/tsv" | sort >"$work/got"
same "each malloc has a line in each round" "$work/wanted" "$work/got"
grep -c -E '^# (date|command|processor|system|buddyslab|libc|other|sqlite): .' "$work/tsv" >"$work/got"
echo 8 >"$work/wanted"
same "the results say when and where they were made, and of what" "$work/wanted" "$work/got"
says 1 "FAILED: sqlite with wrong: it ended badly or said something else" "a program that fails" \
    compare --only=sqlite --rounds=1 --tsv="$work/tsv" --peer=wrong="$work/libwrong.so"
expect "  is measured with the others" grep -q "sqlite	buddyslab" "$work/tsv"

done_testing
