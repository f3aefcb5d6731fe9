/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files without a name in the directory for temporary files, so that nothing is left behind however
 * the program ends. Messages say what to do when there is no room.
 */
#ifndef BSA_CLI_TRACE_TEMPORARY_H
#define BSA_CLI_TRACE_TEMPORARY_H

#include <glib.h>

/* A descriptor to be closed, or -1 and error. */
int trace_temporary_open(GError **error);

/* Appends. */
gboolean trace_temporary_write(int fd, gconstpointer data, gsize bytes, GError **error);

/* All of the bytes from offset on; fewer are an error. */
gboolean trace_temporary_read(int fd, gpointer data, gsize bytes, guint64 offset, GError **error);

#endif
