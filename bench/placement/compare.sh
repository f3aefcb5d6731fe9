#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The library's placement beside plain LIFO and a control that is bad on purpose: the smallest region
# in which each trace runs, and the unusable free space index at order 9 in regions of 1.02 to 2
# times the peak. Run by make placement.
#
# usage: compare.sh TRACES BUILD: the folder of the traces, and the folder of the build, where
# bench/placement/placement.tsv, .png and .svg are written.

set -eu

[ $# -eq 2 ] || { echo "usage: compare.sh TRACES BUILD" >&2; exit 2; }
traces=$1
build=$2
out=$build/bench/placement
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# replay POLICY OPTION...: the program that places so.
replay()
{
    case $1 in
        library) program=$build/cli/bsa-replay ;;
        *) program=$out/replay-$1 ;;
    esac
    shift
    "$program" "$@"
}

# rows TRACE LAYER POLICY: what a report says, a row for each region of the curve.
rows()
{
    awk -F, -v OFS='\t' -v trace="$1" -v layer="$2" -v policy="$3" \
        -v smallest="$(sed -n 's/.*"over_peak_occupied" : \([0-9.]*\).*/\1/p' "$work/report.json")" \
        -v bytes="$(sed -n 's/^smallest region: .* (\([0-9]*\) bytes)$/\1/p' "$work/said")" '
        NR == 1 {
            if (smallest == "" || bytes == "") {
                print "compare.sh: bsa-replay did not say how small a region may be" > "/dev/stderr"
                exit 1
            }
            for (i = 1; i <= NF; i++) column[$i] = i
            next
        }
        {
            print trace, layer, policy, bytes, sprintf("%.4f", smallest), $column["factor"],
                $column["failed"], $column["unusable_mean_4"], $column["unusable_mean_9"],
                $column["unusable_drained_9"]
        }' "$work/curve.csv"
}

printf 'trace\tlayer\tpolicy\tsmallest_region\tover_peak\tfactor\tfailed\tmean_4\tmean_9\tdrained_9\n' \
    > "$work/placement.tsv"
for trace in kernel-phases:both kernel-phases:page pages-compile:page pages-files:page \
    pages-processes:page; do
    name=${trace%:*}
    layer=${trace#*:}
    for policy in library lifo worst; do
        # Slabs are those of the size classes, as in the results that came before.
        replay "$policy" --no-plots --find-min-region --curve --caches=general \
            --layer="$layer" -o "$work" \
            "$traces/$name.perf-script.zst" > "$work/said"
        rows "$name" "$layer" "$policy" >> "$work/placement.tsv"
    done
done
mv "$work/placement.tsv" "$out/placement.tsv"

awk -F '\t' '
    function flush() {
        if (regions == 0)
            return
        printf "%-21s %-8s%12s %7s  %s  |%6.3f  %s  |%6.3f  %s\n", name, policy, bytes, over,
            mean, all_mean / regions, drained, all_drained / regions, failed
        mean = drained = failed = ""
        regions = all_mean = all_drained = 0
    }
    BEGIN {
        factors = "  1.02   1.10   1.25   1.50   2.00  |  all"
        printf "%-30s%20s   %s\n", "", "smallest region", "unusable free space index, order 9"
        printf "%-21s %-8s%12s %7s  %-43s  %-43s  %s\n", "trace, layer", "policy", "bytes", "/ peak",
            "mean over events, in regions of so many peaks", "at the end, CPUs drained", "failed"
        printf "%51s %s    %s\n", "", factors, factors
    }
    NR == 1 { next }
    $1 ", " $2 != name || $3 != policy {
        flush()
        if ($1 ", " $2 != name && NR > 2)
            print ""
    }
    {
        name = $1 ", " $2; policy = $3; bytes = $4; over = $5
        mean = mean sprintf(" %6.3f", $9)
        drained = drained sprintf(" %6.3f", $10)
        failed = failed " " $7
        all_mean += $9; all_drained += $10; regions++
    }
    END { flush() }' "$out/placement.tsv"

command -v gnuplot > /dev/null || { echo "compare.sh: no picture: gnuplot is missing" >&2; exit 0; }
cd "$out"
cat > "$work/placement.gp" <<'END'
set datafile separator "\t"
set border 3 lc rgb "#444444"
set tics nomirror out textcolor rgb "#222222"
set grid ytics lc rgb "#dddddd" lt 1 lw 0.6
set xrange [1:2.02]
set yrange [0:1.02]
set xlabel "region / most bytes of pages in use"
set ylabel "unusable at order 9, mean"
# The rows of a trace and policy, and what the key says of them.
row(name, layer, policy) = strcol(1) eq name && strcol(2) eq layer && strcol(3) eq policy
cell(name, layer, policy, i) = system(sprintf("awk -F '\t' '$1 == \"%s\" && $2 == \"%s\" && $3 == \"%s\" { print $%d; exit }' placement.tsv", name, layer, policy, i))
said(name, layer, policy) = sprintf("%s, %.3f", policy, real(cell(name, layer, policy, 5)))
names = "kernel-phases kernel-phases pages-compile pages-files pages-processes"
layers = "both page page page page"
policies = "library lifo worst"
colours = "#0072B2 #E69F00 #D55E00"
do for [format in "png svg"] {
    if (format eq "png") {
        set terminal pngcairo size 1200,720 font "Sans,11" linewidth 1.2
    } else {
        set terminal svg size 1200,720 dynamic font "Sans,11" linewidth 1.2 background rgb "white"
    }
    set output "placement." . format
    set multiplot layout 2,3 title "{/:Bold How much free memory 2 MiB blocks cannot use}"
    do for [i=1:5] {
        name = word(names, i)
        layer = word(layers, i)
        set title name . ", layer " . layer
        set key right at graph 1, graph 0.94 reverse Left samplen 1.5 \
            title "policy, smallest region / peak"
        plot for [k=1:3] "placement.tsv" every ::1 using \
            (row(name, layer, word(policies, k)) ? column(6) : NaN):9 with linespoints pt 7 ps 0.7 \
            lw 1.6 lc rgb word(colours, k) title said(name, layer, word(policies, k))
    }
    unset multiplot
    unset output
}
END
gnuplot -d "$work/placement.gp"
