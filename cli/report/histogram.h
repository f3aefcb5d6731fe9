/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and lifetimes by powers of two, as report.json and the tables have them. */
#ifndef BSA_CLI_REPORT_HISTOGRAM_H
#define BSA_CLI_REPORT_HISTOGRAM_H

#include "objects.h"

/* Sizes from 2^power to 2^(power+1) - 1, objects and page blocks together. */
struct size_power {
    struct object_live asked, at_peak, at_end;
};
void histogram_sizes(const struct objects *objects, struct size_power power[OBJECTS_POWERS]);

/* The sum over all sizes. */
struct size_power histogram_sum(const struct objects *objects);

/* The sizes of objects that come first by a measure, which is above 0: rows of objects->size; how
 * many. */
guint histogram_first(const struct objects *objects,
                      guint64 (*measure)(const struct object_size *size), guint *row, guint room);
guint histogram_distinct(const struct objects *objects);

/* First and last power that is not empty; false: all are. */
gboolean histogram_size_range(const struct size_power power[OBJECTS_POWERS], guint *first,
                              guint *last);
gboolean histogram_lifetime_range(const struct object_lifetimes power[OBJECTS_POWERS], guint *first,
                                  guint *last);

#endif
