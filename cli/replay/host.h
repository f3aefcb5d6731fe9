/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who runs batches: threads of this process (here), or a process of its own (process), which an
 * allocator that replaces malloc needs, and measurements beside other allocators.
 *
 * Both are watched: where no runner gets any further for so long, the replay ends with a message
 * that says who waits for whom. A pause of a paced replay is no standstill.
 */
#ifndef BSA_CLI_REPLAY_HOST_H
#define BSA_CLI_REPLAY_HOST_H

#include "batches.h"
#include "crew.h"

#define REPLAY_WATCH_MS 50u /* between two looks */

/* Looks are counted, not time: a program that was stopped for a while has not stood still. */
struct replay_watch {
    guint64 progress; /* as seen last, */
    guint looks;      /*   so many times */
    guint seconds;    /* patience */
};

void replay_watch_begin(struct replay_watch *watch, guint seconds);

/* One look; true when there have been too many without progress. */
gboolean replay_watch_stands(struct replay_watch *watch, guint64 progress);

/* While runners run: notes the user's interrupt; false and the message when all stand still. */
gboolean replay_watch_look(struct replay_watch *watch, const struct replay_batch *batch,
                           GError **error);

struct replay_here {
    struct replay_host host;
    struct replay_crew crew;
    struct replay_watch watch;
    gboolean stuck; /* runners still use the batch and the allocator, and always will */
};

void replay_here_open(struct replay_here *here, const struct replay_batch *batch,
                      struct replay_backend *backend, struct replay_regions *regions,
                      guint watchdog);
/* Not when it is stuck. */
void replay_here_close(struct replay_here *here);

#endif
