/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a table of size classes wastes of a load: bytes that are neither asked for nor free.
 *
 *   class rounding   the class's size less the request
 *   slab ends        what a slab's end and its record take, divided among its objects
 *   page rounding    whole pages less the request, where no class serves it
 *
 * Free slots of slabs that are partly used, kept empties and magazines are not in it: they depend
 * on the order of calls, and a replay tells them.
 */
#ifndef BSA_CLI_REPORT_CLASS_COST_H
#define BSA_CLI_REPORT_CLASS_COST_H

#include <glib.h>

#include "../replay/backend.h"
#include "../replay/demand.h"

/* Bytes that an object takes, by its class's size in units: in its slab and of the slab's record.
 */
struct class_cost {
    guint64 page_size;
    double object[DEMAND_SIZES];
};

struct class_table {
    guint count;
    guint size[BSA_MAX_CLASSES]; /* ascending */
};

struct class_waste {
    double requested;
    double rounding, slab_ends, page_rounding;
    double total; /* sum of the three */
};

/* Asks the library how it would lay out slabs in a region of so many bytes. */
gboolean class_cost_ask(struct class_cost *cost, guint64 page_size, guint64 region_bytes,
                        GError **error);

/* Bytes of pages for an object of so many units. */
double class_cost_pages(const struct class_cost *cost, guint units);

struct class_waste class_waste_of(const struct demand_load *load, const struct class_cost *cost,
                                  const struct class_table *table);

/* What a replay is set up with; one of the library's own. */
struct class_table class_table_of(const struct replay_heap_options *heap);
struct class_table class_table_standard(enum bsa_class_set set);

#endif
