/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runners: threads that run the ops of a batch on an allocator, in the process under test.
 *
 * Nothing here takes memory from the process's heap once the threads are there, as the allocator
 * under test may be that heap.
 */
#ifndef BSA_CLI_REPLAY_CREW_H
#define BSA_CLI_REPLAY_CREW_H

#include <pthread.h>

#include "backend.h"
#include "op.h"
#include "regions.h"

struct replay_crew {
    struct replay_batch batch;
    struct replay_backend *backend;
    struct replay_regions *regions; /* more memory where it is short; NULL: none */
    pthread_mutex_t lock;           /* of what follows, and of regions */
    pthread_cond_t go, ended;
    guint running;       /* runners that have not ended the batch */
    gboolean over;       /* threads are to leave */
    gint64 paced_ns;     /* paced: when time 0 of the batch's first op was */
    guint64 paced_first; /*   and its recorded time */
    guint threads;
    struct replay_thread_of *thread; /* one for each runner that has ever had an op */
};

/* The batch, its terms and the backend are there; nothing runs yet. */
void replay_crew_open(struct replay_crew *crew, const struct replay_batch *batch,
                      struct replay_backend *backend, struct replay_regions *regions);

/*
 * Starts the batch as the runners' first and count say; they end at its end, or after stop was set.
 * With shared->error where a thread cannot be had, the allocator contradicts itself, or an object
 * is not as it was left. False: nothing has started.
 */
gboolean replay_crew_start(struct replay_crew *crew);
/* So long at most; do all runners stand? */
gboolean replay_crew_wait(struct replay_crew *crew, guint ms);

/* Both, and a single runner is the calling thread. */
void replay_crew_run(struct replay_crew *crew);

/* All runners stand. */
void replay_crew_close(struct replay_crew *crew);

#endif
