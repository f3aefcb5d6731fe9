/* SPDX-License-Identifier: Apache-2.0 */
/* The words for kinds and flags of events, wherever they are shown: one each, without spaces. */
#ifndef BSA_CLI_TRACE_KINDS_H
#define BSA_CLI_TRACE_KINDS_H

#include "event.h"

/* "alloc", "page_free" ...; "unknown" beyond TRACE_KINDS. */
const char *trace_kind_name(unsigned kind);

/* One of enum trace_flag: "implicit" ...; NULL where the bit has no meaning. */
const char *trace_flag_name(unsigned flag);

#endif
