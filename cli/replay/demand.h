/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a replay asks of the size classes: how many objects of each size and alignment are alive,
 * summed up after every event, and when most is requested. It takes the same memory for any trace.
 *
 * An object counts that a class of some table could serve: not what a named cache or low memory
 * serves, nor page blocks, nor what is larger than the largest class that there can be.
 */
#ifndef BSA_CLI_REPLAY_DEMAND_H
#define BSA_CLI_REPLAY_DEMAND_H

#include <glib.h>

#include <buddyslab.h>

#define DEMAND_UNIT 8u /* class sizes are multiples of it */
#define DEMAND_SIZES (BSA_MAX_CLASS_SIZE / DEMAND_UNIT + 1)
#define DEMAND_LEVELS 11u /* alignments of 8, 16 ... 8192 bytes */

/* Objects of one alignment and of sizes that one class size serves, and no smaller one. */
struct demand_cell {
    guint64 live, requested; /* objects, and the bytes that they ask for */
    guint64 since;           /* events that the sums have */
    double sum_live, sum_requested;
    guint64 peak_live, peak_requested; /* when most is requested */
};

struct demand {
    guint64 events; /* after all of them */
    struct demand_cell cell[DEMAND_LEVELS][DEMAND_SIZES];
};

/* Sums over events, or the moment when most is requested. */
enum demand_when { DEMAND_TIME, DEMAND_PEAK, DEMAND_WHENS };

/* The same as weights: objects alive, and the bytes that they ask for. */
struct demand_load {
    double objects[DEMAND_LEVELS][DEMAND_SIZES];
    double bytes[DEMAND_LEVELS][DEMAND_SIZES];
};

/* The level of an alignment, from 1 on; 0: no class can serve the request. */
guint demand_level(guint64 size, guint64 align);
/* The smallest class size that suffices, in units. */
static inline guint demand_units(guint64 size)
{
    return size == 0 ? 1 : (guint)((size + DEMAND_UNIT - 1) / DEMAND_UNIT);
}

/* An object comes, or goes, at an event; events: those before it. level is not 0. */
void demand_add(struct demand *demand, guint level, guint64 size, guint64 events);
void demand_remove(struct demand *demand, guint level, guint64 size, guint64 events);
/* What is alive now is what is alive when most is requested. */
void demand_peak(struct demand *demand);
/* After the last event. */
void demand_finish(struct demand *demand, guint64 events);

/* Means over the events, or the peak; added to load with a weight. */
void demand_load_add(struct demand_load *load, const struct demand *demand, enum demand_when when,
                     double weight);
/* Bytes asked for. */
double demand_load_bytes(const struct demand_load *load);

#endif
