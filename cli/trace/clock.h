/* SPDX-License-Identifier: Apache-2.0 */
/* From the ticks of a recorder's clock to nanoseconds: straight lines between moments that are
 * known. */
#ifndef BSA_CLI_TRACE_CLOCK_H
#define BSA_CLI_TRACE_CLOCK_H

#include <glib.h>

#include "meta.h"

struct trace_moment {
    guint64 ticks, ns;
};

struct trace_clock {
    GArray *moments; /* struct trace_moment, in order once it is ready */
    gboolean is_ns;  /* a tick is a nanosecond */
    /* The line for the ticks that were asked for last. */
    guint near; /* the moment that it begins with */
    gboolean drawn;
    struct trace_moment from, to;
    double rate;
    guint64 length; /* ticks on it from its first moment on; 0: too many for trace_clock_ns, or none
                     */
};

void trace_clock_init(struct trace_clock *clock);
void trace_clock_destroy(struct trace_clock *clock);
void trace_clock_add(struct trace_clock *clock, guint64 ticks, guint64 ns);

/* All moments are known; the metadata names the clock and may have its first moment. */
void trace_clock_ready(struct trace_clock *clock, const trace_meta *meta);
/* Then, where records are read while others are written: a moment behind all that are known, which
 * changes nothing before the last of these. One that is not behind them is passed over. */
void trace_clock_extend(struct trace_clock *clock, guint64 ticks, guint64 ns);
guint64 trace_clock_ns_elsewhere(struct trace_clock *clock, guint64 ticks);

static inline guint64 trace_clock_ns(struct trace_clock *clock, guint64 ticks)
{
    guint64 behind = ticks - clock->from.ticks;
    return behind < clock->length
               ? clock->from.ns + (guint64)(gint64)((double)(gint64)behind * clock->rate)
               : trace_clock_ns_elsewhere(clock, ticks);
}

#endif
