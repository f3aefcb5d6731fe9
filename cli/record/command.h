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
 * From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT do not end this process, nor threads that it
 * starts, but wait to be taken. Commands do not inherit this.
 */
void record_signals_hold(void);

/* Whether one of them is there, or comes within the time: it is taken. */
gboolean record_signal_take(gint64 timeout_ns);

/*
 * Starts command with environment, NULL: this process's. From now on those signals are held, and
 * passed on to it by those who wait for it. FALSE and a RECORD_ERROR
 * whose code says whether there is no such command or it cannot be run.
 */
gboolean record_command_start(struct record_command *command, char *const *argv,
                              char *const *environment, GError **error);

/* Waits until it has ended, at most for so many nanoseconds (negative: without end); TRUE: it has.
 */
gboolean record_command_wait(struct record_command *command, gint64 timeout_ns);

/* What bsa-record's own exit status is then: its own, or 128 + the signal that killed it. */
int record_command_status(const struct record_command *command);

/* Whether one of the signals waits, as after the command has ended: somebody wants to go home. */
gboolean record_interrupted(void);

#endif
