/* SPDX-License-Identifier: Apache-2.0 */
/* What people look at, in the folder that holds the data: report.txt, scripts, pictures,
 * report.html. */
#ifndef BSA_CLI_VIEW_WRITE_H
#define BSA_CLI_VIEW_WRITE_H

#include "plot.h"

/* Removes what an earlier report left, so that all that lies there is of one run. */
gboolean view_remove(const char *folder, GError **error);

/* report.txt and the scripts. formats: what the scripts draw, a set of enum view_format. */
gboolean view_write(const char *folder, JsonObject *report, guint formats, GError **error);

#endif
