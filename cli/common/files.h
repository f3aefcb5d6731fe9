/* SPDX-License-Identifier: Apache-2.0 */
/* Files in a folder of results: written whole or not at all. Errors name the file and what to do;
 * their domain is G_FILE_ERROR. */
#ifndef BSA_CLI_COMMON_FILES_H
#define BSA_CLI_COMMON_FILES_H

#include <glib.h>

/* Before the work, not after: can files be made in the folder, or, where it is missing, in what it
 * will be made in? Leaves nothing behind, as there may be nothing to be put into it. */
gboolean files_try(const char *folder, GError **error);
/* Makes the folder where it is missing. */
gboolean files_make_folder(const char *folder, GError **error);

/* A temporary file in the same folder takes the name when all of it is written. */
gboolean files_write(const char *folder, const char *name, const char *text, gsize length,
                     GError **error);
/* The same; text is gone. */
gboolean files_write_string(const char *folder, const char *name, GString *text, GError **error);

/* One that is not there is removed already. */
gboolean files_remove(const char *folder, const char *name, const char *suffix, GError **error);

#endif
