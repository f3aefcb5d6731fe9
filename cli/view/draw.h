/* SPDX-License-Identifier: Apache-2.0 */
/* gnuplot, run on the scripts in a report's folder. */
#ifndef BSA_CLI_VIEW_DRAW_H
#define BSA_CLI_VIEW_DRAW_H

#include "plot.h"

/* Runs gnuplot on each script, of which there is one for each picture that is wanted. What has been
 * written stays, whatever happens here. */
gboolean view_draw(const char *folder, JsonObject *report, guint formats, GError **error);

/* Memory in use as characters, which are g_free'd; NULL and error. */
char *view_draw_terminal(const char *folder, JsonObject *report, guint columns, guint lines,
                         GError **error);

#endif
