/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's allocation flags, which events have as text. */
#ifndef BSA_CLI_TRACE_GFP_H
#define BSA_CLI_TRACE_GFP_H

#include <glib.h>

/* Do flags as "GFP_KERNEL|__GFP_DMA32", or as a number "0x4", ask for memory that devices with few
 * address lines reach: the zones DMA and DMA32? */
gboolean trace_gfp_is_low(const char *flags);

#endif
