/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

/* Colours are Okabe and Ito's, which the colour-blind can tell apart. Free memory is not drawn: it
 * tells how large a region was asked for. */
const struct view_part view_parts[] = {
    {"requested", "requested", "#0072B2"},
    {"class_rounding", "class rounding", "#56B4E9"},
    {"block_rounding", "block rounding", "#999999"},
    {"free_slots", "free slots in slabs", "#E69F00"},
    {"empty_slabs", "empty slabs kept", "#F0E442"},
    {"cached", "magazines, page lists", "#009E73"},
    {"remote_pending", "remote frees pending", "#000000"},
    {"slab_records", "slab records, slab ends", "#D55E00"},
    {"metadata", "metadata, CPU state", "#CC79A7"},
    {"free", "free", NULL},
};
const guint view_part_count = G_N_ELEMENTS(view_parts);
