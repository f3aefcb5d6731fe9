/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the recorder can get into a program: asked before it is started. */
#ifndef BSA_CLI_RECORD_RECORDABLE_H
#define BSA_CLI_RECORD_RECORDABLE_H

#include <glib.h>

/* As execvp would find it; g_free'd. NULL and RECORD_ERROR_MISSING. */
char *record_find_program(const char *name, GError **error);

/* FALSE and RECORD_ERROR_COMMAND: it is linked statically, setuid, of another machine ... */
gboolean record_check_program(const char *path, GError **error);

#endif
