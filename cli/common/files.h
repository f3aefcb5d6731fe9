/* SPDX-License-Identifier: Apache-2.0 */
/* Files in a folder of results: written whole or not at all. Errors name the file and what to do;
 * their domain is G_FILE_ERROR. */
#ifndef BSA_CLI_COMMON_FILES_H
#define BSA_CLI_COMMON_FILES_H

#include <glib.h>

/* Makes the folder where it is missing, and tries that it can be written to: before the work, not
 * after. */
gboolean files_prepare(const char *folder, GError **error);

/* A temporary file in the same folder takes the name when all of it is written. */
gboolean files_write(const char *folder, const char *name, const char *text, gsize length,
                     GError **error);
/* The same; text is gone. */
gboolean files_write_string(const char *folder, const char *name, GString *text, GError **error);

/* One that is not there is removed already. */
gboolean files_remove(const char *folder, const char *name, const char *suffix, GError **error);

#endif
