/* SPDX-License-Identifier: Apache-2.0 */
#include "crew.h"

#include <errno.h>
#include <string.h>

#include <sys/mman.h>

#include "perform.h"

#define STACK_BYTES (256u * 1024u)

struct replay_thread_of {
    struct replay_crew *crew;
    pthread_t thread;
    guint runner;
    gboolean started;
    gboolean called; /* to a batch that it has not ended; the crew's lock */
};

/* Without the heap: the table is the crew's own mapping. */
void replay_crew_open(struct replay_crew *crew, const struct replay_batch *batch,
                      struct replay_backend *backend, struct replay_regions *regions)
{
    memset(crew, 0, sizeof(*crew));
    crew->batch = *batch;
    crew->backend = backend;
    crew->regions = regions;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->go, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&crew->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    void *table = mmap(NULL, batch->shared->terms.runners * sizeof(*crew->thread),
                       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    crew->thread = table == MAP_FAILED ? NULL : table;
}

static void *thread_main(void *data)
{
    struct replay_thread_of *self = data;
    struct replay_crew *crew = self->crew;
    pthread_mutex_lock(&crew->lock);
    for (;;) {
        while (!self->called && !crew->over)
            pthread_cond_wait(&crew->go, &crew->lock);
        if (crew->over)
            break;
        pthread_mutex_unlock(&crew->lock);
        replay_perform(crew, self->runner);
        pthread_mutex_lock(&crew->lock);
        self->called = FALSE;
        if (--crew->running == 0)
            pthread_cond_signal(&crew->ended);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Under the lock: the new thread first waits for it. */
static gboolean start_thread(struct replay_crew *crew, guint runner)
{
    struct replay_thread_of *self = &crew->thread[runner];
    pthread_attr_t attributes;
    *self = (struct replay_thread_of){
        .crew = crew,
        .runner = runner,
    };
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int failed = pthread_create(&self->thread, &attributes, thread_main, self);
    pthread_attr_destroy(&attributes);
    self->started = failed == 0;
    if (failed != 0)
        replay_break(&crew->batch, "cannot start the thread of CPU %u: %s; give fewer --cpus",
                     runner, g_strerror(failed));
    return failed == 0;
}

/* Threads for those that have ops and none yet. */
static gboolean man_runners(struct replay_crew *crew)
{
    const struct replay_batch *batch = &crew->batch;
    if (crew->thread == NULL)
        return replay_break(batch, "no memory for %u threads", batch->shared->terms.runners);
    gboolean ok = TRUE;
    for (guint i = 0; ok && i < batch->shared->terms.runners; i++) {
        if (batch->runner[i].count != 0 && !crew->thread[i].started)
            ok = start_thread(crew, i);
    }
    return ok;
}

/* The parent says what, as it would do it itself where it has the allocator. */
static gboolean prepare(struct replay_crew *crew)
{
    const struct replay_before *before = &crew->batch.shared->before;
    struct replay_backend *backend = crew->backend;
    guint64 bytes;
    while (crew->regions != NULL && crew->regions->used < before->regions) {
        if (replay_regions_hand_over(crew->regions, backend, crew->batch.shared->base) != REPLAY_OK)
            return replay_break(&crew->batch, "%s", backend->last_error);
    }
    if (before->reclaim != 0 && backend->ops->reclaim != NULL &&
        backend->ops->reclaim(backend, &bytes) != REPLAY_OK)
        return replay_break(&crew->batch, "%s", backend->last_error);
    return TRUE;
}

gboolean replay_crew_start(struct replay_crew *crew)
{
    const struct replay_batch *batch = &crew->batch;
    crew->paced_ns = replay_now_ns();
    crew->paced_first = batch->shared->first_ns;
    crew->backend->in_flight = TRUE;
    pthread_mutex_lock(&crew->lock);
    gboolean ok = man_runners(crew);
    for (guint i = 0; ok && i < batch->shared->terms.runners; i++) {
        if (batch->runner[i].count == 0)
            continue;
        crew->thread[i].called = TRUE;
        crew->running++;
    }
    if (crew->running != 0)
        pthread_cond_broadcast(&crew->go);
    pthread_mutex_unlock(&crew->lock);
    return ok;
}

gboolean replay_crew_wait(struct replay_crew *crew, guint ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&crew->lock);
    while (crew->running != 0 &&
           pthread_cond_timedwait(&crew->ended, &crew->lock, &until) != ETIMEDOUT)
        ;
    gboolean stand = crew->running == 0;
    pthread_mutex_unlock(&crew->lock);
    if (stand)
        crew->backend->in_flight = FALSE;
    return stand;
}

void replay_crew_run(struct replay_crew *crew)
{
    if (!prepare(crew))
        return;
    if (crew->batch.shared->terms.runners > 1) {
        if (replay_crew_start(crew)) {
            while (!replay_crew_wait(crew, 1000))
                ;
        }
        return;
    }
    crew->paced_ns = replay_now_ns();
    crew->paced_first = crew->batch.shared->first_ns;
    replay_perform(crew, 0);
}

void replay_crew_close(struct replay_crew *crew)
{
    guint runners = crew->batch.shared->terms.runners;
    pthread_mutex_lock(&crew->lock);
    crew->over = TRUE;
    pthread_cond_broadcast(&crew->go);
    pthread_mutex_unlock(&crew->lock);
    for (guint i = 0; crew->thread != NULL && i < runners; i++) {
        if (crew->thread[i].started)
            pthread_join(crew->thread[i].thread, NULL);
    }
    if (crew->thread != NULL)
        munmap(crew->thread, runners * sizeof(*crew->thread));
    pthread_cond_destroy(&crew->ended);
    pthread_cond_destroy(&crew->go);
    pthread_mutex_destroy(&crew->lock);
}
