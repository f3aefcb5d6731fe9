/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of bsa-replay that look at reports: each parses its words, does its work, and says
 * how it ended. */
#ifndef BSA_CLI_VIEW_COMMAND_H
#define BSA_CLI_VIEW_COMMAND_H

#include <glib.h>

/* Exit statuses of all programs. */
enum { VIEW_DONE = 0, VIEW_FAILED = 1, VIEW_USAGE = 2 };

/* argv[0] is the command's name. */
int view_command_diff(int argc, char **argv);
int view_command_show(int argc, char **argv);

/* Prints memory in use as wide as the terminal that it goes to. */
gboolean view_print_terminal(const char *folder, GError **error);

#endif
