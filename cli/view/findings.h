/* SPDX-License-Identifier: Apache-2.0 */
/* What stands out in a report, in sentences. */
#ifndef BSA_CLI_VIEW_FINDINGS_H
#define BSA_CLI_VIEW_FINDINGS_H

#include "model.h"

#define FINDINGS_SHOWN 3u

struct view_finding {
    double bytes; /* what it is about, in bytes at peak: what findings are ordered by */
    char *text;
};

/* The most telling ones first, at least one and at most FINDINGS_SHOWN of struct view_finding; to
 * be g_ptr_array_unref'd. */
GPtrArray *view_findings(JsonObject *report);

#endif
