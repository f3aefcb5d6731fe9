/* SPDX-License-Identifier: Apache-2.0 */
/* What people look at, in the folder that holds the data: report.txt, scripts, pictures,
 * report.html. */
#ifndef BSA_CLI_VIEW_WRITE_H
#define BSA_CLI_VIEW_WRITE_H

#include "plot.h"

/* Removes what an earlier report left, so that all that lies there is of one run. */
gboolean view_remove(const char *folder, GError **error);

/* All of it, from the data in the folder. formats: of pictures, a set of enum picture_format;
 * plots: draw them, else there are scripts only. */
gboolean view_make(const char *folder, guint formats, gboolean plots, GError **error);

#endif
