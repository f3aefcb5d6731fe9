# SPDX-License-Identifier: Apache-2.0
#
# awk -f table.awk RESULTS.tsv: medians over the rounds of what make bench-programs has measured, times
# the best peer's, and the targets. A peer is every malloc but buddyslab.

function median(texts,    n, list, i, j, t) {
    n = split(texts, list, " ")
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && list[j] + 0 < list[j - 1] + 0; j--) {
            t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
        }
    return n % 2 ? list[(n + 1) / 2] + 0 : (list[n / 2] + list[n / 2 + 1]) / 2
}

# The smallest of the peers' figures for a program, or 0.
function best_of(what, p,    m, best) {
    best = 0
    for (m = 1; m <= mallocs; m++)
        if (malloc[m] != "buddyslab" && (what, p, m) in figure &&
            (best == 0 || figure[what, p, m] < best))
            best = figure[what, p, m]
    return best
}

# A line for each program, and each malloc's mean over the best peer's; ours, and the worst, are kept.
function table(what, title,    p, m, best, logs, count, ratio, ours) {
    printf "\n%s\n%-10s", title, "program"
    for (m = 1; m <= mallocs; m++) printf " %10s", malloc[m]
    printf " %10s\n", "ratio"
    for (p = 1; p <= programs; p++) {
        best = best_of(what, p)
        ours = ""
        printf "%-10s", program[p]
        for (m = 1; m <= mallocs; m++) {
            if (!((what, p, m) in figure)) { printf " %10s", "-"; continue }
            printf " %10.2f", figure[what, p, m]
            if (best == 0) continue
            ratio = figure[what, p, m] / best
            logs[m] += log(ratio)
            count[m]++
            if (malloc[m] != "buddyslab") continue
            ours = sprintf(" %10.2f%s", ratio, ratio > wanted[what] ? "!" : "")
            if (ratio > worst[what]) { worst[what] = ratio; where[what] = program[p] }
        }
        print ours
    }
    printf "%-10s", "mean ratio"
    for (m = 1; m <= mallocs; m++) {
        if (count[m] == 0) { printf " %10s", "-"; continue }
        printf " %10.2f", exp(logs[m] / count[m])
        if (malloc[m] == "buddyslab") mean[what] = exp(logs[m] / count[m])
    }
    print ""
}

function judge(what, name) {
    if (what in mean)
        printf "%-4s %9.3f <= %6.2f  programs, %s, times the best peer's, mean; the worst: %s, %.2f\n",
            mean[what] <= wanted[what] ? "ok" : "over", mean[what], wanted[what], name, where[what],
            worst[what]
}

BEGIN { FS = "\t" }
/^#/ || $1 == "round" { next }
NF != 6 || $4 $5 $6 !~ /^[0-9.]+$/ || $4 * $5 * $6 <= 0 {
    printf "%s:%d: not round, program, malloc, CPU seconds, seconds and KiB\n", FILENAME,
        FNR > "/dev/stderr"
    broken = 1
    exit 1
}
{
    if (!($2 in program_at)) { program_at[$2] = ++programs; program[programs] = $2 }
    if (!($3 in malloc_at)) { malloc_at[$3] = ++mallocs; malloc[mallocs] = $3 }
    p = program_at[$2]
    m = malloc_at[$3]
    all["cpu", p, m] = all["cpu", p, m] " " $4
    all["wall", p, m] = all["wall", p, m] " " $5
    all["peak", p, m] = all["peak", p, m] " " $6 / 1024
    if ($1 > rounds) rounds = $1
}
END {
    if (broken) exit 1
    if (programs == 0) { print "bench-programs: nothing was measured" > "/dev/stderr"; exit 1 }
    for (key in all) figure[key] = median(all[key])
    wanted["cpu"] = wanted["wall"] = 1.10
    wanted["peak"] = 1.25
    printf "Real programs on preloaded mallocs: medians of %d round%s. The last column is buddyslab's figure,\n",
        rounds, rounds == 1 ? "" : "s"
    print "the last line each malloc's geometric mean, over the best peer's; ! is beyond the mean that is wanted."
    table("cpu", "CPU time, user and system, seconds")
    table("wall", "time by the clock, seconds")
    table("peak", "peak resident memory of the largest process, MiB")
    print "\nTargets"
    judge("cpu", "CPU time")
    judge("peak", "peak memory")
}
