/* SPDX-License-Identifier: Apache-2.0 */
/* The command that is recorded: started, waited for, with the signals that it should have. */
#ifndef BSA_CLI_RECORD_COMMAND_H
#define BSA_CLI_RECORD_COMMAND_H

#include <glib.h>
#include <sys/types.h>

struct record_command {
    pid_t pid;
    int status; /* as waitpid has it, when it has ended */
    gboolean ended;
};

/*
 * Starts command with environment, NULL: this process's. From now on SIGINT, SIGTERM, SIGHUP and
 * SIGQUIT that come here are passed on to it and do not end this process. FALSE and a RECORD_ERROR
 * whose code says whether there is no such command or it cannot be run.
 */
gboolean record_command_start(struct record_command *command, char *const *argv,
                              char *const *environment, GError **error);

/* Waits until it has ended, at most for so many nanoseconds (negative: without end); TRUE: it has.
 */
gboolean record_command_wait(struct record_command *command, gint64 timeout_ns);

/* What bsa-record's own exit status is then: its own, or 128 + the signal that killed it. */
int record_command_status(const struct record_command *command);

/* Whether one of those signals has come since it ended: then somebody wants to go home. */
gboolean record_interrupted(void);

#endif
