/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for memory below 4 GiB, which a kernel makes for devices: its zones DMA and DMA32. They
 * are counted in any case, and served from low memory where there is some (--low).
 */
#ifndef BSA_CLI_REPLAY_LOWMEM_H
#define BSA_CLI_REPLAY_LOWMEM_H

#include <glib.h>

#include "../trace/reader.h"

struct replay_lowmem {
    guint8 *name; /* by the trace's names: is it a flag that asks for low memory? NULL: none is */
    guint32 names;
    gboolean served;       /* regions have low memory; else these requests are as all others */
    guint64 asked, failed; /* requests */
};

void replay_lowmem_init(struct replay_lowmem *low, const trace_reader *reader, gboolean served);
void replay_lowmem_clear(struct replay_lowmem *low);

/* event: an allocation. */
static inline gboolean replay_lowmem_asks(const struct replay_lowmem *low,
                                          const struct trace_event *event)
{
    return low->name != NULL && event->gfp < low->names && low->name[event->gfp] != 0 &&
           trace_kind_is_alloc(event->kind);
}

/* Is low memory to serve the event? */
static inline gboolean replay_lowmem_serves(const struct replay_lowmem *low,
                                            const struct trace_event *event)
{
    return low->served && replay_lowmem_asks(low, event);
}

#endif
