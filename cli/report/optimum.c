/* SPDX-License-Identifier: Apache-2.0 */
#include "optimum.h"

#include <math.h>
#include <string.h>

/* Steps that are looked at; beyond, alignments are raised until there are fewer. */
#define MOST_WORK 5e8

/* What the load asks for at one alignment: its sizes, ascending. */
struct level {
    guint units[DEMAND_SIZES]; /* each a multiple of the alignment */
    guint count;
    double before[DEMAND_SIZES + 1]; /* objects of the sizes before */
    double pages[DEMAND_SIZES + 1];  /* bytes of pages if it and all behind it have no class */
    guint shift;                     /* the alignment is DEMAND_UNIT << shift */
    guint stride;                    /* in the number of a state */
};

/* How a state was reached: the class, and the step before. */
struct step {
    guint units, before;
};

struct search {
    const struct class_cost *cost;
    guint most;
    double objects[DEMAND_LEVELS][DEMAND_SIZES];
    guint reach; /* the alignment that OPTIMUM_REACH is asked for at; DEMAND_LEVELS: it is not */
    guint levels;
    struct level level[DEMAND_LEVELS]; /* those that are asked for */
    guint candidates;
    guint candidate[DEMAND_SIZES]; /* class sizes in units, ascending */
    guint states;
    guint16 *served; /* of each state, of each level */
    double *least;   /* of each state, of each count of classes */
    guint *last;     /* likewise: a step */
    GArray *step;
};

static guint round_units(guint units, guint shift)
{
    guint mask = (1u << shift) - 1;
    return (units + mask) & ~mask;
}

static void fill_level(const struct search *search, struct level *level, guint shift)
{
    double objects[DEMAND_SIZES] = {0.0}, pages[DEMAND_SIZES] = {0.0};
    gboolean wanted[DEMAND_SIZES] = {FALSE};
    for (guint units = 1; units < DEMAND_SIZES; units++) {
        guint at = round_units(units, shift);
        double here = search->objects[shift][units];
        if (here <= 0.0)
            continue;
        wanted[at] = TRUE;
        objects[at] += here;
        pages[at] += here * class_cost_pages(search->cost, units);
    }
    if (shift == search->reach) {
        wanted[OPTIMUM_REACH / DEMAND_UNIT] = TRUE;
        pages[OPTIMUM_REACH / DEMAND_UNIT] = INFINITY;
    }
    *level = (struct level){.shift = shift};
    for (guint units = 1; units < DEMAND_SIZES; units++) {
        guint i = level->count;
        if (!wanted[units])
            continue;
        level->units[i] = units;
        level->before[i + 1] = level->before[i] + objects[units];
        level->count++;
    }
    for (guint i = level->count; i-- > 0;)
        level->pages[i] = level->pages[i + 1] + pages[level->units[i]];
}

/* Sizes of a level that a class of so many units serves, if it has the alignment. */
static guint served_by(const struct level *level, guint units)
{
    guint low = 0, high = level->count;
    while (low < high) {
        guint middle = (low + high) / 2;
        if (level->units[middle] <= units)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The levels whose alignment a class of so many units has: the first so many. */
static guint levels_of(const struct search *search, guint units)
{
    guint levels = 0;
    while (levels < search->levels && units % (1u << search->level[levels].shift) == 0)
        levels++;
    return levels;
}

/*
 * Is there a smaller class size that serves the same, has the same alignments, and costs no more
 * than it or any size between them? Then a table with this one is as good with that one.
 */
static gboolean is_spare(const struct search *search, guint units)
{
    guint levels = levels_of(search, units), any = 0;
    double floor = search->cost->object[units];
    for (guint i = 0; i < levels; i++)
        any += served_by(&search->level[i], units);
    if (any == 0)
        return TRUE;
    for (guint other = units - 1; other > 0; other--) {
        for (guint i = 0; i < levels; i++) {
            if (served_by(&search->level[i], other) != served_by(&search->level[i], units))
                return FALSE;
        }
        if (search->cost->object[other] <= floor && levels_of(search, other) >= levels)
            return TRUE;
        floor = MIN(floor, search->cost->object[other]);
    }
    return FALSE;
}

static void find_candidates(struct search *search)
{
    search->candidates = 0;
    for (guint units = 1; units < DEMAND_SIZES; units++) {
        if (!is_spare(search, units))
            search->candidate[search->candidates++] = units;
    }
}

static void fill_levels(struct search *search)
{
    search->levels = 0;
    for (guint shift = 0; shift < DEMAND_LEVELS; shift++) {
        struct level *level = &search->level[search->levels];
        fill_level(search, level, shift);
        search->levels += level->count > 0 ? 1 : 0;
    }
    find_candidates(search);
}

static double work_of(const struct search *search)
{
    double states = 1.0;
    for (guint i = 0; i < search->levels; i++)
        states *= search->level[i].count + 1.0;
    return states * search->candidates * search->most;
}

/* Objects of the alignment that fewest have, but for the largest, get the next one. */
static void raise_alignment(struct search *search)
{
    guint i = 0;
    for (guint k = 1; k + 1 < search->levels; k++) {
        const struct level *level = &search->level[k], *rarest = &search->level[i];
        i = level->before[level->count] < rarest->before[rarest->count] ? k : i;
    }
    guint from = search->level[i].shift, to = search->level[i + 1].shift;
    for (guint units = 1; units < DEMAND_SIZES; units++) {
        search->objects[to][round_units(units, to)] += search->objects[from][units];
        search->objects[from][units] = 0.0;
    }
    search->reach = search->reach == from ? to : search->reach;
    fill_levels(search);
}

/* Levels and candidates, no more than can be looked at; whether alignments are as they are. */
static gboolean prepare(struct search *search, const struct demand_load *load, gboolean reach)
{
    gboolean exact = TRUE;
    memcpy(search->objects, load->objects, sizeof(search->objects));
    search->reach = DEMAND_LEVELS;
    if (reach)
        search->reach = demand_level(OPTIMUM_REACH, OPTIMUM_REACH_ALIGN) - 1;
    for (fill_levels(search); search->levels > 1 && work_of(search) > MOST_WORK; exact = FALSE)
        raise_alignment(search);
    return exact;
}

static void number_states(struct search *search)
{
    guint states = 1;
    for (guint i = 0; i < search->levels; i++) {
        search->level[i].stride = states;
        states *= search->level[i].count + 1;
    }
    search->states = states;
    search->served = g_new(guint16, (gsize)states * MAX(search->levels, 1));
    for (guint state = 0; state < states; state++) {
        for (guint i = 0; i < search->levels; i++)
            search->served[(gsize)state * search->levels + i] =
                (guint16)(state / search->level[i].stride % (search->level[i].count + 1));
    }
}

/* From a state, which has been reached by smaller classes, by a class that serves more. */
static void take_step(struct search *search, guint from, guint to, guint units, double cost)
{
    gsize row = search->most + 1;
    const double *before = &search->least[from * row];
    double *after = &search->least[to * row];
    for (guint count = 0; count < search->most; count++) {
        double total = before[count] + cost;
        if (total >= after[count + 1])
            continue;
        struct step step = {units, search->last[from * row + count]};
        after[count + 1] = total;
        search->last[to * row + count + 1] = search->step->len;
        g_array_append_val(search->step, step);
    }
}

/* A class changes no state that it has led to: so each state is left once for each class. */
static void try_class(struct search *search, guint units)
{
    guint levels = levels_of(search, units), reached[DEMAND_LEVELS];
    for (guint i = 0; i < levels; i++)
        reached[i] = served_by(&search->level[i], units);
    for (guint state = 0; state < search->states; state++) {
        const guint16 *served = &search->served[(gsize)state * search->levels];
        guint to = state;
        double objects = 0.0;
        gboolean before = TRUE;
        for (guint i = 0; i < levels; i++) {
            const struct level *level = &search->level[i];
            before = before && served[i] <= reached[i];
            if (!before)
                break;
            to += (reached[i] - served[i]) * level->stride;
            objects += level->before[reached[i]] - level->before[served[i]];
        }
        if (before && to != state)
            take_step(search, state, to, units, objects * search->cost->object[units]);
    }
}

/* Bytes of pages for what a state has not served. */
static double rest_of(const struct search *search, guint state)
{
    double bytes = 0.0;
    for (guint i = 0; i < search->levels; i++)
        bytes += search->level[i].pages[search->served[(gsize)state * search->levels + i]];
    return bytes;
}

/* The classes of the steps that led there, the last one first. */
static void read_back(const struct search *search, guint last, struct class_table *table)
{
    guint count = 0;
    for (guint i = last; i != 0; i = g_array_index(search->step, struct step, i).before)
        count++;
    table->count = count;
    for (guint i = last; i != 0; i = g_array_index(search->step, struct step, i).before)
        table->size[--count] = g_array_index(search->step, struct step, i).units * DEMAND_UNIT;
}

static void read_tables(const struct search *search, struct optimum *optimum)
{
    gsize row = search->most + 1;
    double best = INFINITY;
    optimum->table[0].count = 0;
    for (guint count = 0; count <= search->most; count++) {
        guint last = G_MAXUINT;
        for (guint state = 0; state < search->states; state++) {
            double total = search->least[state * row + count] + rest_of(search, state);
            if (total < best) {
                best = total;
                last = search->last[state * row + count];
            }
        }
        if (last != G_MAXUINT)
            read_back(search, last, &optimum->table[count]);
        else if (count > 0)
            optimum->table[count] = optimum->table[count - 1];
    }
}

void optimum_find(struct optimum *optimum, const struct demand_load *load,
                  const struct class_cost *cost, guint most, gboolean reach)
{
    struct search *search = g_new0(struct search, 1);
    struct step none = {0, 0};
    search->cost = cost;
    search->most = most;
    *optimum = (struct optimum){.most = most};
    optimum->exact = prepare(search, load, reach);
    number_states(search);
    gsize cells = (gsize)search->states * (most + 1);
    search->least = g_new(double, cells);
    search->last = g_new0(guint, cells);
    search->step = g_array_new(FALSE, FALSE, sizeof(struct step));
    g_array_append_val(search->step, none);
    for (gsize i = 0; i < cells; i++)
        search->least[i] = INFINITY;
    search->least[0] = 0.0;
    for (guint i = 0; i < search->candidates; i++)
        try_class(search, search->candidate[i]);
    read_tables(search, optimum);
    g_array_unref(search->step);
    g_free(search->last);
    g_free(search->least);
    g_free(search->served);
    g_free(search);
}

gboolean optimum_reaches(const struct class_table *table)
{
    for (guint i = 0; i < table->count; i++) {
        if (table->size[i] >= OPTIMUM_REACH && table->size[i] % OPTIMUM_REACH_ALIGN == 0)
            return TRUE;
    }
    return FALSE;
}
