/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of size classes fitted to a load: the search against all tables there are, what a table
 * wastes against the library itself, and demand against sums made by hand. */
#include <math.h>
#include <string.h>

#include "../support.h"
#include "report/fit.h"

#define PAGE 4096u

static struct class_cost cost;

static void ask_costs(void)
{
    GError *error = NULL;
    ck_assert_msg(class_cost_ask(&cost, PAGE, 64u << 20, &error), "%s",
                  error == NULL ? "" : error->message);
}

/* Demand. */

START_TEST(demand_by_hand)
{
    struct demand *demand = g_new0(struct demand, 1);
    struct demand_load *load = g_new0(struct demand_load, 1);
    guint level8 = demand_level(100, 8), level16 = demand_level(100, 16);
    ck_assert_uint_eq(level8, 1);
    ck_assert_uint_eq(level16, 2);
    ck_assert_uint_eq(demand_level(1, 1), 1);
    ck_assert_uint_eq(demand_level(8192, 8192), 11);
    ck_assert_uint_eq(demand_level(8193, 8), 0);
    ck_assert_uint_eq(demand_level(8, 16384), 0);
    demand_add(demand, level8, 100, 0);
    demand_add(demand, level8, 97, 1);
    demand_add(demand, level16, 0, 2);
    demand_peak(demand);
    demand_remove(demand, level8, 100, 5);
    demand_finish(demand, 10);
    demand_load_add(load, demand, DEMAND_TIME, 2.0);
    /* of 100 bytes 5 events, of 97 bytes 9 events, of 10 */
    ck_assert(load->objects[0][13] == 2.0 * (5.0 + 9.0) / 10.0);
    ck_assert(load->bytes[0][13] == 2.0 * (500.0 + 873.0) / 10.0);
    ck_assert(load->objects[1][1] == 2.0 * 8.0 / 10.0);
    demand_load_add(load, demand, DEMAND_PEAK, 1.0);
    ck_assert(load->objects[0][13] == 2.8 + 2.0);
    ck_assert(load->bytes[1][1] == 0.0);
    g_free(load);
    g_free(demand);
}
END_TEST

/* Waste. */

START_TEST(waste_by_hand)
{
    struct demand_load *load = g_new0(struct demand_load, 1);
    struct class_table table = {2, {24, 32}};
    load->objects[0][3] = 4.0; /* of up to 24 bytes */
    load->bytes[0][3] = 80.0;
    load->objects[1][3] = 2.0; /* the same, at multiples of 16: 24 will not do */
    load->bytes[1][3] = 40.0;
    load->objects[0][5] = 1.0; /* 33 bytes: pages */
    load->bytes[0][5] = 33.0;
    struct class_waste waste = class_waste_of(load, &cost, &table);
    ck_assert(waste.requested == 153.0);
    ck_assert(waste.rounding == 4.0 * 24.0 - 80.0 + 2.0 * 32.0 - 40.0);
    ck_assert(waste.page_rounding == PAGE - 33.0);
    double ends = 4.0 * (cost.object[3] - 24.0) + 2.0 * (cost.object[4] - 32.0);
    ck_assert(fabs(waste.slab_ends - ends) < 1e-9);
    ck_assert(fabs(waste.total - waste.rounding - waste.page_rounding - waste.slab_ends) < 1e-9);
    g_free(load);
}
END_TEST

/* A slab's bytes are those of its pages and record, whatever its size, and near the object's. */
START_TEST(costs_are_near_sizes)
{
    for (guint units = 1; units < DEMAND_SIZES; units++) {
        double size = units * DEMAND_UNIT;
        ck_assert_msg(cost.object[units] > size, "%u", units);
        ck_assert_msg(cost.object[units] < size * 1.35, "%u: %f", units, cost.object[units]);
    }
    /* 2048 bytes: eight of them in four pages, and a record. */
    ck_assert(cost.object[256] > 2048.0 && cost.object[256] < 2048.0 + 64.0);
}
END_TEST

/* The search. */

/* Class sizes from which brute force chooses: all that a load of sizes up to MOST_UNITS can need.
 */
#define MOST_UNITS 14u

struct brute {
    const struct demand_load *load;
    struct class_table table;
    double best[4];
};

static void try_all(struct brute *brute, guint from)
{
    double total = class_waste_of(brute->load, &cost, &brute->table).total;
    for (guint count = brute->table.count; count < G_N_ELEMENTS(brute->best); count++)
        brute->best[count] = MIN(brute->best[count], total);
    if (brute->table.count + 1 == G_N_ELEMENTS(brute->best))
        return;
    for (guint units = from; units <= MOST_UNITS + 6; units++) {
        brute->table.size[brute->table.count++] = units * DEMAND_UNIT;
        try_all(brute, units + 1);
        brute->table.count--;
    }
}

START_TEST(as_good_as_all_tables)
{
    struct rng rng = rng_for("as_good_as_all_tables");
    struct optimum *optimum = g_new(struct optimum, 1);
    struct demand_load *load = g_new(struct demand_load, 1);
    for (guint round = 0; round < 20; round++) {
        guint sizes = 1 + (guint)rng_below(&rng, 12), levels = 1 + round % 4;
        memset(load, 0, sizeof(*load));
        for (guint i = 0; i < sizes; i++) {
            guint units = 1 + (guint)rng_below(&rng, MOST_UNITS);
            guint level = (guint)rng_below(&rng, levels);
            double objects = 1.0 + (double)rng_below(&rng, 50);
            load->objects[level][units] += objects;
            load->bytes[level][units] += objects * units * DEMAND_UNIT;
        }
        struct brute brute = {.load = load, .best = {INFINITY, INFINITY, INFINITY, INFINITY}};
        try_all(&brute, 1);
        optimum_find(optimum, load, &cost, 3, FALSE);
        ck_assert(optimum->exact);
        for (guint count = 0; count <= 3; count++) {
            const struct class_table *table = &optimum->table[count];
            double total = class_waste_of(load, &cost, table).total;
            ck_assert_uint_le(table->count, count);
            ck_assert_msg(fabs(total - brute.best[count]) <= 1e-9 * (1.0 + total),
                          "round %u, %u classes: %f, all tables %f", round, count, total,
                          brute.best[count]);
        }
    }
    g_free(load);
    g_free(optimum);
}
END_TEST

static void random_load(struct demand_load *load, struct rng *rng, guint sizes, guint levels)
{
    memset(load, 0, sizeof(*load));
    for (guint i = 0; i < sizes; i++) {
        guint units = 1 + (guint)rng_below(rng, DEMAND_SIZES - 1);
        guint level = (guint)rng_below(rng, levels);
        double objects = (double)(1 + rng_below(rng, 1000));
        units = MAX(units >> rng_below(rng, 8), 1);
        load->objects[level][units] += objects;
        load->bytes[level][units] += objects * (units * DEMAND_UNIT - 3.0);
    }
}

static gboolean is_sound(const struct class_table *table)
{
    for (guint i = 0; i < table->count; i++) {
        if (table->size[i] % DEMAND_UNIT != 0 || table->size[i] > BSA_MAX_CLASS_SIZE ||
            table->size[i] == 0 || (i > 0 && table->size[i] <= table->size[i - 1]))
            return FALSE;
    }
    return TRUE;
}

/* Never worse than a table that the library brings, nor with more classes than with fewer. */
START_TEST(no_worse_than_the_librarys)
{
    static const enum bsa_class_set sets[] = {BSA_CLASSES_NINE, BSA_CLASSES_KMALLOC,
                                              BSA_CLASSES_FINE};
    struct rng rng = rng_for("no_worse_than_the_librarys");
    struct optimum *optimum = g_new(struct optimum, 1);
    struct demand_load *load = g_new(struct demand_load, 1);
    for (guint round = 0; round < 6; round++) {
        random_load(load, &rng, 1u << (2 + round), 1 + round % 3);
        optimum_find(optimum, load, &cost, 28, TRUE);
        ck_assert(optimum->exact);
        double before = INFINITY;
        for (guint count = 1; count <= 28; count++) {
            double total = class_waste_of(load, &cost, &optimum->table[count]).total;
            ck_assert(is_sound(&optimum->table[count]));
            ck_assert(optimum_reaches(&optimum->table[count]));
            ck_assert(total <= before);
            before = total;
        }
        for (guint i = 0; i < G_N_ELEMENTS(sets); i++) {
            struct class_table standard = class_table_standard(sets[i]);
            double total = class_waste_of(load, &cost, &optimum->table[standard.count]).total;
            ck_assert(total <= class_waste_of(load, &cost, &standard).total * (1.0 + 1e-12));
        }
    }
    g_free(load);
    g_free(optimum);
}
END_TEST

/* All sizes at all alignments are more than can be looked at: a sound table all the same. */
START_TEST(too_much_to_look_at)
{
    struct optimum *optimum = g_new(struct optimum, 1);
    struct demand_load *load = g_new0(struct demand_load, 1);
    struct class_table nine = class_table_standard(BSA_CLASSES_NINE);
    for (guint level = 0; level < DEMAND_LEVELS; level++) {
        for (guint units = 1; units < DEMAND_SIZES; units++) {
            load->objects[level][units] = level == 0 ? 100.0 : 1.0;
            load->bytes[level][units] = load->objects[level][units] * units * DEMAND_UNIT;
        }
    }
    optimum_find(optimum, load, &cost, 9, TRUE);
    ck_assert(!optimum->exact);
    ck_assert(is_sound(&optimum->table[9]));
    ck_assert(class_waste_of(load, &cost, &optimum->table[9]).total <
              class_waste_of(load, &cost, &nine).total);
    g_free(load);
    g_free(optimum);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tune");
    TCase *tcase = tcase_create("fit");
    tcase_add_unchecked_fixture(tcase, ask_costs, NULL);
    tcase_add_test(tcase, demand_by_hand);
    tcase_add_test(tcase, waste_by_hand);
    tcase_add_test(tcase, costs_are_near_sizes);
    tcase_add_test(tcase, as_good_as_all_tables);
    tcase_add_test(tcase, no_worse_than_the_librarys);
    tcase_add_test(tcase, too_much_to_look_at);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
