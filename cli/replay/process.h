/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process under test: this program again, which runs batches and does nothing else, so that what
 * is measured of it is the allocator's. Where a library is to replace malloc, the program is
 * executed anew with it; else the process is a fork. It has nothing of its own on its heap between
 * two calls of the trace, and sees batches in memory that it shares with its parent.
 */
#ifndef BSA_CLI_REPLAY_PROCESS_H
#define BSA_CLI_REPLAY_PROCESS_H

#include <sys/types.h>

#include "allocators.h"
#include "host.h"

/* First argument of the program when it is executed as a process under test; no option of users. */
#define REPLAY_SUBJECT_ARGUMENT "--run-batches"

struct replay_process {
    struct replay_host host;
    struct replay_watch watch;
    const char *name; /* of the allocator, for messages */
    pid_t pid;        /* 0: none */
    int channel;
};

/* How a forked process starts its allocator; called in it. NULL and error when it cannot. */
struct replay_start {
    struct replay_backend *(*open)(gpointer data, GError **error);
    gpointer data;
    struct replay_regions *regions; /* NULL: none */
};

/* memory: a file that holds the batch. start: how to begin where nothing is executed anew. */
gboolean replay_process_open(struct replay_process *process, const char *name,
                             const struct replay_allocator *allocator,
                             const struct replay_batch *batch, int memory,
                             const struct replay_start *start, guint watchdog, GError **error);
void replay_process_close(struct replay_process *process);

/* The program executed as a process under test: argv as process_open made it. Exit status. */
int replay_subject_main(int argc, char **argv);

#endif
