/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fragmentation figures over the size of the region.
 *
 * A figure for one region says little about another: the more room, the better the large blocks
 * fare. So the trace is replayed in one region after another, each so many times the most bytes
 * of pages that it has in use where memory is ample. Metadata comes out of the region. Requests
 * that fail are left out, as in any replay.
 */
#ifndef BSA_CLI_REPORT_CURVE_H
#define BSA_CLI_REPORT_CURVE_H

#include <glib.h>

#include "../replay/minimum.h"
#include "metrics.h"

#define CURVE_POINTS 5u

/* Plain numbers: it comes from another process. */
struct curve_point {
    guint percent; /* of the peak */
    gboolean started;
    guint64 region_bytes;
    guint64 managed;
    guint64 failed, failed_bytes;
    guint64 peak_requested, peak_occupied;
    struct internal_fragmentation internal;
    struct heap_ratios pages, addresses;
    struct external_fragmentation peak, end, drained, mean;
};

struct curve {
    guint count;  /* 0: not asked for */
    guint64 base; /* bytes of pages: 100 % */
    struct curve_point point[CURVE_POINTS];
};

/* peak_occupied: bytes of pages in use at most in an ample region. */
gboolean curve_compute(struct curve *curve, const struct replay_search *search,
                       guint64 peak_occupied, GError **error);

#endif
