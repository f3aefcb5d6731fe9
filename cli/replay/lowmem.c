/* SPDX-License-Identifier: Apache-2.0 */
#include "lowmem.h"

#include "../trace/gfp.h"

void replay_lowmem_init(struct replay_lowmem *low, const trace_reader *reader, gboolean served)
{
    *low = (struct replay_lowmem){.names = trace_name_count(reader), .served = served};
    for (guint32 i = 0; i < low->names; i++) {
        if (!trace_gfp_is_low(trace_name(reader, i)))
            continue;
        if (low->name == NULL)
            low->name = g_new0(guint8, low->names);
        low->name[i] = 1;
    }
}

void replay_lowmem_clear(struct replay_lowmem *low)
{
    g_free(low->name);
    low->name = NULL;
}
