/* SPDX-License-Identifier: Apache-2.0 */
#include "gfp.h"

#include "scan.h"

/* Where the kernel does not name a flag it prints its bits: these have been the same in all. */
#define GFP_DMA_BIT G_GUINT64_CONSTANT(0x1)
#define GFP_DMA32_BIT G_GUINT64_CONSTANT(0x4)

static gboolean is_low(const char *flag, const char *end)
{
    guint64 bits;
    if (TRACE_BEGINS(flag, end, "__"))
        flag += 2;
    if (TRACE_BEGINS(flag, end, "0x"))
        return trace_scan_number(flag, end, &bits) && (bits & (GFP_DMA_BIT | GFP_DMA32_BIT)) != 0;
    return TRACE_IS(flag, end, "GFP_DMA") || TRACE_IS(flag, end, "GFP_DMA32");
}

gboolean trace_gfp_is_low(const char *flags)
{
    for (;;) {
        const char *end = flags + strcspn(flags, "|");
        if (is_low(flags, end))
            return TRUE;
        if (*end == '\0')
            return FALSE;
        flags = end + 1;
    }
}
