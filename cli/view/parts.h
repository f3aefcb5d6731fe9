/* SPDX-License-Identifier: Apache-2.0 */
/* The parts into which a report splits the regions, as they are shown: from what was asked for to
 * what is free. Each has a member of its key in "split" and a column in timeline.csv. */
#ifndef BSA_CLI_VIEW_PARTS_H
#define BSA_CLI_VIEW_PARTS_H

#include <glib.h>

struct view_part {
    const char *key, *title;
    const char *colour; /* NULL: not drawn */
};

extern const struct view_part view_parts[];
extern const guint view_part_count;

#endif
