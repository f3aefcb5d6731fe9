/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of size classes that waste least of a load, by dynamic programming.
 *
 * Class sizes are chosen in ascending order. What is served so far is told by one number for each
 * alignment that the load has: how many of its sizes, from the smallest on, have a class. A class
 * serves all sizes up to its own of the alignments that it has; what is served by none in the end
 * takes pages. So a step costs what it newly serves, and the least cost of every (served, count of
 * classes) is the least over the last steps. Loads have one or two alignments with many sizes, and
 * few sizes of others: there are hardly more states than sizes.
 */
#ifndef BSA_CLI_REPORT_OPTIMUM_H
#define BSA_CLI_REPORT_OPTIMUM_H

#include "class_cost.h"

/* The tables that the library brings end here. */
#define OPTIMUM_REACH 2048u
#define OPTIMUM_REACH_ALIGN 16u

struct optimum {
    guint most; /* classes */
    /* The best of up to so many classes; it has fewer where more gain nothing. */
    struct class_table table[BSA_MAX_CLASSES + 1];
    gboolean exact; /* else some objects were taken to need a larger alignment than they do */
};

/*
 * Fills optimum for up to most classes. reach: a table has to serve OPTIMUM_REACH bytes at
 * OPTIMUM_REACH_ALIGN, asked for or not, so that requests of sizes that the load has not do not
 * take a page each; most is at least 1.
 */
void optimum_find(struct optimum *optimum, const struct demand_load *load,
                  const struct class_cost *cost, guint most, gboolean reach);

/* Whether a table serves what reach asks for. */
gboolean optimum_reaches(const struct class_table *table);

#endif
