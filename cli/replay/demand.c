/* SPDX-License-Identifier: Apache-2.0 */
#include "demand.h"

guint demand_level(guint64 size, guint64 align)
{
    guint level = 1;
    if (size > BSA_MAX_CLASS_SIZE || align > BSA_MAX_CLASS_SIZE)
        return 0;
    while (((guint64)DEMAND_UNIT << (level - 1)) < align)
        level++;
    return level;
}

static struct demand_cell *cell_of(struct demand *demand, guint level, guint64 size)
{
    return &demand->cell[level - 1][demand_units(size)];
}

/* The sums get what was alive after each event since they were last touched. */
static void bring_up(struct demand_cell *cell, guint64 events)
{
    double passed = (double)(events - cell->since);
    cell->sum_live += (double)cell->live * passed;
    cell->sum_requested += (double)cell->requested * passed;
    cell->since = events;
}

void demand_add(struct demand *demand, guint level, guint64 size, guint64 events)
{
    struct demand_cell *cell = cell_of(demand, level, size);
    bring_up(cell, events);
    cell->live++;
    cell->requested += size;
}

void demand_remove(struct demand *demand, guint level, guint64 size, guint64 events)
{
    struct demand_cell *cell = cell_of(demand, level, size);
    bring_up(cell, events);
    cell->live--;
    cell->requested -= size;
}

void demand_peak(struct demand *demand)
{
    for (guint level = 0; level < DEMAND_LEVELS; level++) {
        for (guint units = 0; units < DEMAND_SIZES; units++) {
            struct demand_cell *cell = &demand->cell[level][units];
            cell->peak_live = cell->live;
            cell->peak_requested = cell->requested;
        }
    }
}

void demand_finish(struct demand *demand, guint64 events)
{
    demand->events = events;
    for (guint level = 0; level < DEMAND_LEVELS; level++) {
        for (guint units = 0; units < DEMAND_SIZES; units++)
            bring_up(&demand->cell[level][units], events);
    }
}

void demand_load_add(struct demand_load *load, const struct demand *demand, enum demand_when when,
                     double weight)
{
    double events = (double)MAX(demand->events, 1);
    for (guint level = 0; level < DEMAND_LEVELS; level++) {
        for (guint units = 0; units < DEMAND_SIZES; units++) {
            const struct demand_cell *cell = &demand->cell[level][units];
            gboolean peak = when == DEMAND_PEAK;
            double objects = peak ? (double)cell->peak_live : cell->sum_live / events;
            double bytes = peak ? (double)cell->peak_requested : cell->sum_requested / events;
            load->objects[level][units] += weight * objects;
            load->bytes[level][units] += weight * bytes;
        }
    }
}

double demand_load_bytes(const struct demand_load *load)
{
    double bytes = 0.0;
    for (guint level = 0; level < DEMAND_LEVELS; level++) {
        for (guint units = 0; units < DEMAND_SIZES; units++)
            bytes += load->bytes[level][units];
    }
    return bytes;
}
