#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# coverage.sh SOURCE-TREE PERCENT: run in a build folder configured with --enable-coverage after the
# tests ran. Prints the line coverage of each file of lib/ and of all; fails below PERCENT.
# A line counts once, however many objects or inlined copies it is in.
set -eu
LC_ALL=C
export LC_ALL

tree=$(cd "$1" && pwd -P)
least=$2
build=$(pwd -P)
gcov=${GCOV:-gcov}

work=$(mktemp -d "${TMPDIR:-/tmp}/buddyslab-coverage.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Object files that no test runs, as the static library's, have a .gcno but no .gcda.
find "$build/lib" -name '*.gcda' >"$work/data"
if [ ! -s "$work/data" ]; then
    echo "coverage.sh: no .gcda below $build/lib: configure with --enable-coverage, make check" >&2
    exit 1
fi
# gcov leaves its files in the current folder; -x tells files of one name apart. The paths in them
# are as the compiler got them, so it runs from the build folder's place through a copy of names.
number=0
while read -r data; do
    number=$((number + 1))
    mkdir "$work/$number"
    (cd "$build" && "$gcov" -p -x -t "$data" 2>/dev/null) >"$work/$number/text" || {
        echo "coverage.sh: $gcov fails on $data" >&2
        exit 1
    }
done <"$work/data"

cat "$work"/*/text | awk -v build="$build" -v tree="$tree" -v least="$least" '
    function plain(path,    parts, count, i, out, depth) {
        if (path !~ /^\//) path = build "/" path
        count = split(path, parts, "/")
        depth = 0
        for (i = 1; i <= count; i++) {
            if (parts[i] == "" || parts[i] == ".") continue
            if (parts[i] == "..") { if (depth > 0) depth--; continue }
            out[++depth] = parts[i]
        }
        path = ""
        for (i = 1; i <= depth; i++) path = path "/" out[i]
        return path
    }
    # COUNT:LINE:TEXT, where COUNT is "-" (no code), "#####" or "=====" (not run) or a number.
    {
        first = index($0, ":")
        rest = substr($0, first + 1)
        count = substr($0, 1, first - 1); gsub(/[ *]/, "", count)
        second = index(rest, ":")
        line = substr(rest, 1, second - 1) + 0
        if (line == 0) {
            text = substr(rest, second + 1)
            if (text ~ /^Source:/) {
                file = plain(substr(text, 8))
                inside = index(file, tree "/lib/") == 1
                name = substr(file, length(tree) + 2)
            }
            next
        }
        if (!inside || count == "-" || count == "") next
        key = name ":" line
        if (!(key in run)) { run[key] = 0; code[name]++ }
        if (count !~ /^[#=]/ && !run[key]) { run[key] = 1; hit[name]++ }
    }
    END {
        for (name in code) {
            printf "%6.1f %%  %4d of %4d lines  %s\n", 100 * hit[name] / code[name], hit[name], code[name], name | "sort -k6"
            all += code[name]; all_hit += hit[name]
        }
        close("sort -k6")
        for (key in run) if (!run[key]) print key | "sort -t: -k1,1 -k2,2n > missed-lines.txt"
        percent = all ? 100 * all_hit / all : 0
        printf "%6.1f %%  %4d of %4d lines  lib/ (at least %s %% wanted; what is missed: missed-lines.txt)\n", percent, all_hit, all, least
        exit percent < least
    }'
