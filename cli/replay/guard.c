/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include <stdio.h>
#include <stdlib.h>

#include <unistd.h>

static gpointer watch(gpointer data)
{
    struct replay_guard *guard = data;
    g_mutex_lock(&guard->lock);
    while (!atomic_load(&guard->over)) {
        guint64 done = atomic_load_explicit(&guard->execution->beat, memory_order_relaxed);
        if (replay_watch_stands(&guard->watch, done)) {
            fprintf(stderr,
                    "bsa-replay: nothing has moved for %u s (--watchdog): event %" G_GUINT64_FORMAT
                    ": the allocator does not return\n",
                    guard->watch.seconds, done + 1);
            _exit(EXIT_FAILURE);
        }
        g_cond_wait_until(&guard->wake, &guard->lock,
                          g_get_monotonic_time() + REPLAY_WATCH_MS * 1000);
    }
    g_mutex_unlock(&guard->lock);
    return NULL;
}

void replay_guard_begin(struct replay_guard *guard, struct replay_execution *execution,
                        guint seconds)
{
    guard->execution = execution;
    atomic_init(&guard->over, FALSE);
    replay_watch_begin(&guard->watch, seconds);
    g_mutex_init(&guard->lock);
    g_cond_init(&guard->wake);
    guard->thread = g_thread_new("guard", watch, guard);
}

void replay_guard_end(struct replay_guard *guard)
{
    g_mutex_lock(&guard->lock);
    atomic_store(&guard->over, TRUE);
    g_cond_signal(&guard->wake);
    g_mutex_unlock(&guard->lock);
    g_thread_join(guard->thread);
    g_cond_clear(&guard->wake);
    g_mutex_clear(&guard->lock);
}
