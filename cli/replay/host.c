/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include "error.h"
#include "interrupt.h"

void replay_watch_begin(struct replay_watch *watch, guint seconds)
{
    *watch = (struct replay_watch){.seconds = seconds};
}

gboolean replay_watch_stands(struct replay_watch *watch, guint64 progress)
{
    if (progress != watch->progress)
        watch->looks = 0;
    watch->progress = progress;
    return (guint64)watch->looks++ * REPLAY_WATCH_MS >= (guint64)watch->seconds * 1000;
}

gboolean replay_watch_look(struct replay_watch *watch, const struct replay_batch *batch,
                           GError **error)
{
    guint64 progress = 0;
    gboolean pausing = FALSE;
    if (replay_interrupted())
        atomic_store(&batch->shared->stop, 1);
    for (guint i = 0; i < batch->shared->terms.runners; i++) {
        const struct replay_runner *runner = &batch->runner[i];
        progress += atomic_load(&runner->done);
        pausing = pausing || atomic_load(&runner->wait) == REPLAY_WAITS_TIME;
    }
    if (pausing)
        watch->looks = 0;
    if (!replay_watch_stands(watch, progress))
        return TRUE;
    char *who = replay_batch_describe(batch);
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_STUCK,
                "nothing has moved for %u s (--watchdog):%s", watch->seconds, who);
    g_free(who);
    return FALSE;
}

static gboolean run_here(struct replay_host *host, const struct replay_batch *batch, GError **error)
{
    struct replay_here *here = (struct replay_here *)host;
    replay_watch_begin(&here->watch, here->watch.seconds);
    if (replay_crew_start(&here->crew)) {
        while (!replay_crew_wait(&here->crew, REPLAY_WATCH_MS)) {
            if (replay_watch_look(&here->watch, batch, error))
                continue;
            here->stuck = TRUE;
            return FALSE;
        }
    }
    if (batch->shared->error[0] == '\0')
        return TRUE;
    g_set_error_literal(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR, batch->shared->error);
    return FALSE;
}

void replay_here_open(struct replay_here *here, const struct replay_batch *batch,
                      struct replay_backend *backend, struct replay_regions *regions,
                      guint watchdog)
{
    here->host = (struct replay_host){.run = run_here};
    here->watch.seconds = watchdog;
    here->stuck = FALSE;
    replay_crew_open(&here->crew, batch, backend, regions);
}

void replay_here_close(struct replay_here *here)
{
    replay_crew_close(&here->crew);
}
