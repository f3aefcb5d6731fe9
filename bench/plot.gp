# SPDX-License-Identifier: Apache-2.0
#
# The pictures of a run:
#   gnuplot -c plot.gp MEDIANS FOLDER
# MEDIANS is what bsa-bench --medians wrote. FOLDER gets ratio.png and .svg, how many times the best
# peer's figure each allocator takes; growth.*, what a step costs beside more and more slabs, sections
# and pages; and scaling-*.*, what several threads do. A picture without data is not drawn.

medians = ARG1
folder = ARG2

set datafile separator "\t"
set border 3 lc rgb "#444444"
set tics nomirror out textcolor rgb "#222222"
set key outside right center Left reverse spacing 1.3 samplen 2

# Okabe and Ito's colours; this library's marks are filled, the peers' are not.
names   = "excl shared-hook preload fine tcmalloc jemalloc mimalloc libc"
colours = "#0072B2 #D55E00 #CC79A7 #000000 #009E73 #E69F00 #56B4E9 #777777"
marks   = "7 5 13 9 4 6 8 12"
colour(i) = word(colours, int(i))
mark(i) = int(word(marks, int(i)))
name(i) = word(names, int(i))

# Lines of MEDIANS: place 1, row 2, group 3, size 4, unit 5, subject 6, median 7, times the best 11.
lines(condition, fields) = sprintf("awk -F '\t' -v OFS='\t' '%s { print %s }' '%s'", condition, fields, medians)
of(group, who) = sprintf("$3 == \"%s\" && $6 == \"%s\"", group, who)
number_of(condition) = int(system(lines(condition, "$1") . " | wc -l"))
rows = int(system(lines("NR > 1 && $1 != \"-\"", "$1") . " | sort -n | tail -n 1"))

series = "slabs sections odd-pages"
series_titles = "'full slabs' sections 'odd free pages'"

# Those that were measured.
shown = ""
do for [i = 1:words(names)] {
    if (number_of("$6 == \"" . name(i) . "\"") > 0) { shown = shown . " " . i }
}

# One drawing, two formats.
begin(format, file, wide, high) = sprintf( \
    (format eq "svg" ? 'set terminal svg size %d,%d dynamic font "Sans,13" linewidth 1.2 background rgb "#ffffff"' \
                     : 'set terminal pngcairo size %d,%d font "Sans,12" linewidth 1.2') \
    . '; set output "%s/%s.%s"', wide, high, folder, file, format)

do for [format in "svg png"] {
    if (rows > 0) {
        eval begin(format, "ratio", 1200, 240 + 22 * rows)
        set title "Time, or memory, over that of the best peer in each row: left is better"
        set logscale x
        set xrange [*:*]
        set yrange [-rows - 0.7 : -0.3]
        set xlabel "times the best peer's figure (logarithmic)"
        unset ylabel
        set grid xtics ytics lc rgb "#dddddd" lt 1 lw 0.6
        set arrow 1 from 1, graph 0 to 1, graph 1 nohead lc rgb "#444444" lw 1.2 back
        plot "<" . lines("NR > 1 && $1 != \"-\" && !seen[$2]++", "$1, $2") using (1):(-$1):ytic(2) with dots lc rgb "#444444" notitle, \
             for [i in shown] \
                 "<" . lines("$1 != \"-\" && $6 == \"" . name(i) . "\"", "$1, $11") \
                 using 2:(-$1) with points pt mark(i) ps 1.1 lc rgb colour(i) title name(i)
        unset arrow 1
    }
    set yrange [*:*]
    unset ytics
    set ytics nomirror out
    grown = ""
    do for [i = 1:words(series)] {
        if (number_of(of(word(series, i), "excl")) > 1) { grown = grown . " " . i }
    }
    if (words(grown) > 0) {
        eval begin(format, "growth", 1000, 560)
        set title "What a step costs beside more and more that is in use: level is good"
        set logscale xy
        set yrange [10:*]
        set xlabel "number of them (logarithmic)"
        set ylabel "nanoseconds a step (logarithmic)"
        set grid ytics lc rgb "#dddddd" lt 1 lw 0.6
        plot for [i in grown] "<" . lines(of(word(series, int(i)), "excl"), "$4, $7") \
                 with linespoints pt mark(i) lw 1.5 lc rgb colour(i) title word(series_titles, int(i))
    }
    unset logscale
    set yrange [0:*]
    # Two points are no curve.
    do for [group in "threads-64 threads-page threads-churn"] {
        if (number_of(of(group, "excl")) > 2) {
            eval begin(format, "scaling-" . group, 1000, 620)
            set title sprintf("Work of several threads over that of one (%s)", group)
            set xrange [0:*]
            set xlabel "threads, each with a CPU of its own"
            set ylabel "times the work of one thread"
            set grid xtics ytics lc rgb "#dddddd" lt 1 lw 0.6
            scaled = ""
            do for [i in shown] {
                if (number_of(of(group, name(i))) > 2) { scaled = scaled . " " . i }
            }
            first(who) = real(system(lines(of(group, who), "$7") . " | head -n 1"))
            plot "<" . lines(of(group, "control"), "$4, $7") \
                     using 1:($1 * first("control") / $2) with lines dt 2 lw 2 lc rgb "#444444" title "control", \
                 for [i in scaled] "<" . lines(of(group, name(i)), "$4, $7") \
                     using 1:($1 * first(name(i)) / $2) \
                     with linespoints pt mark(i) lw 1.5 lc rgb colour(i) title name(i)
        }
    }
    unset output
}
