/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

static void add(struct object_live *into, const struct object_live *from)
{
    into->count += from->count;
    into->bytes += from->bytes;
}

static void add_size(struct size_power *into, const struct object_size *from)
{
    add(&into->asked, &from->asked);
    add(&into->at_peak, &from->at_peak);
    add(&into->at_end, &from->live);
}

static guint power_of(guint64 value)
{
    return value <= 1 ? 0 : 63u - (guint)__builtin_clzll(value);
}

void histogram_sizes(const struct objects *objects, struct size_power power[OBJECTS_POWERS])
{
    for (guint i = 0; i < OBJECTS_POWERS; i++)
        power[i] = (struct size_power){{0, 0}, {0, 0}, {0, 0}};
    for (guint row = 0; row < OBJECTS_SIZES; row++) {
        guint64 low, high;
        objects_range(row, &low, &high);
        add_size(&power[power_of(high == 0 ? low : high)], &objects->size[row]);
    }
    /* The bytes of a block of an order depend on the page: its mean tells. */
    for (guint order = 0; order < OBJECTS_ORDERS; order++) {
        const struct object_size *blocks = &objects->order[order];
        if (blocks->asked.count > 0)
            add_size(&power[power_of(blocks->asked.bytes / blocks->asked.count)], blocks);
    }
}

struct size_power histogram_sum(const struct objects *objects)
{
    struct size_power power[OBJECTS_POWERS], sum = {{0, 0}, {0, 0}, {0, 0}};
    histogram_sizes(objects, power);
    for (guint i = 0; i < OBJECTS_POWERS; i++) {
        add(&sum.asked, &power[i].asked);
        add(&sum.at_peak, &power[i].at_peak);
        add(&sum.at_end, &power[i].at_end);
    }
    return sum;
}

guint histogram_first(const struct objects *objects,
                      guint64 (*measure)(const struct object_size *size), guint *row, guint room)
{
    guint count = 0;
    for (guint i = 0; i < OBJECTS_SIZES; i++) {
        guint64 value = measure(&objects->size[i]);
        guint at = count;
        while (at > 0 && measure(&objects->size[row[at - 1]]) < value)
            at--;
        if (value == 0 || at == room)
            continue;
        count = MIN(count + 1, room);
        for (guint k = count - 1; k > at; k--)
            row[k] = row[k - 1];
        row[at] = i;
    }
    return count;
}

guint histogram_distinct(const struct objects *objects)
{
    guint count = 0;
    for (guint i = 0; i < OBJECTS_SIZES; i++)
        count += objects->size[i].asked.count > 0 ? 1 : 0;
    return count;
}

gboolean histogram_size_range(const struct size_power power[OBJECTS_POWERS], guint *first,
                              guint *last)
{
    gboolean any = FALSE;
    for (guint i = 0; i < OBJECTS_POWERS; i++) {
        if (power[i].asked.count == 0)
            continue;
        *first = any ? *first : i;
        *last = i;
        any = TRUE;
    }
    return any;
}

gboolean histogram_lifetime_range(const struct object_lifetimes power[OBJECTS_POWERS], guint *first,
                                  guint *last)
{
    gboolean any = FALSE;
    for (guint i = 0; i < OBJECTS_POWERS; i++) {
        if (power[i].freed.count + power[i].censored.count == 0)
            continue;
        *first = any ? *first : i;
        *last = i;
        any = TRUE;
    }
    return any;
}
