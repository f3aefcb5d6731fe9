/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict schedule on one thread per CPU.
 *
 * The thread that has the turn reads events and runs them as long as they are its CPU's; at the
 * first event of another CPU it leaves the event in the baton, hands the turn over and wakes that
 * CPU's thread. Everything but the turn itself belongs to whoever has the turn. Handing over is a
 * release and taking over an acquire, so that all that was written before is seen after; the mutex
 * is there for sleeping and waking. A CPU's thread starts when the CPU has its first event.
 */
#include <stdatomic.h>

#include "execute.h"

#define NOBODY G_MAXUINT

struct worker {
    struct baton *baton;
    GThread *thread; /* turn; NULL: not started */
    GCond wake;
    guint cpu;
};

struct baton {
    GMutex lock;
    _Atomic guint turn; /* whose it is; changes under the lock */
    _Atomic int over;   /* all events done, or failed; changes under the lock */
    GCond finished;
    struct worker *worker;
    struct trace_event event; /* turn: the next one to run */
    gboolean ok;              /* turn */
    GError **error;           /* turn */
    struct replay_execution *execution;
};

static void end(struct baton *baton, gboolean ok)
{
    baton->ok = ok;
    g_mutex_lock(&baton->lock);
    atomic_store_explicit(&baton->over, TRUE, memory_order_release);
    for (guint cpu = 0; cpu < baton->execution->cpus; cpu++) {
        if (baton->worker[cpu].thread != NULL)
            g_cond_signal(&baton->worker[cpu].wake);
    }
    g_cond_signal(&baton->finished);
    g_mutex_unlock(&baton->lock);
}

static gpointer worker_main(gpointer data);

/* Gives the turn to a CPU's thread, which is started if need be. */
static void pass_to(struct baton *baton, guint cpu)
{
    struct worker *worker = &baton->worker[cpu];
    if (worker->thread == NULL)
        worker->thread = g_thread_try_new("cpu", worker_main, worker, baton->error);
    if (worker->thread == NULL) {
        g_prefix_error(baton->error,
                       "starting the thread of CPU %u (--threads=no needs none): ", cpu);
        end(baton, FALSE);
        return;
    }
    g_mutex_lock(&baton->lock);
    atomic_store_explicit(&baton->turn, cpu, memory_order_release);
    g_cond_signal(&worker->wake);
    g_mutex_unlock(&baton->lock);
}

/* Runs events until one belongs elsewhere, in whose favour the turn goes. */
static void run_turn(struct baton *baton, guint cpu)
{
    struct replay_execution *execution = baton->execution;
    guint next = cpu;
    while (next == cpu) {
        if (!replay_step(execution, &baton->event, cpu, baton->error)) {
            end(baton, FALSE);
            return;
        }
        int more = 0;
        if (replay_goes_on(execution))
            more = trace_next(execution->reader, &baton->event, baton->error);
        if (more != 1) {
            end(baton,
                more == 0 && (execution->partial || replay_check_left(execution, baton->error)));
            return;
        }
        next = replay_schedule_cpu(execution->schedule, &baton->event);
    }
    pass_to(baton, next);
}

static gboolean is_over(struct baton *baton)
{
    return atomic_load_explicit(&baton->over, memory_order_acquire);
}

static gboolean has_turn(struct baton *baton, guint cpu)
{
    return atomic_load_explicit(&baton->turn, memory_order_acquire) == cpu;
}

static gpointer worker_main(gpointer data)
{
    struct worker *self = data;
    struct baton *baton = self->baton;
    for (;;) {
        g_mutex_lock(&baton->lock);
        while (!has_turn(baton, self->cpu) && !is_over(baton))
            g_cond_wait(&self->wake, &baton->lock);
        g_mutex_unlock(&baton->lock);
        if (is_over(baton))
            return NULL;
        run_turn(baton, self->cpu);
    }
}

gboolean replay_run_threads(struct replay_execution *execution, GError **error)
{
    struct baton baton = {.turn = NOBODY, .error = error, .execution = execution};
    int more = trace_next(execution->reader, &baton.event, error);
    if (more != 1)
        return more == 0;
    g_mutex_init(&baton.lock);
    g_cond_init(&baton.finished);
    baton.worker = g_new0(struct worker, execution->cpus);
    for (guint cpu = 0; cpu < execution->cpus; cpu++) {
        baton.worker[cpu].baton = &baton;
        baton.worker[cpu].cpu = cpu;
        g_cond_init(&baton.worker[cpu].wake);
    }
    pass_to(&baton, replay_schedule_cpu(execution->schedule, &baton.event));

    g_mutex_lock(&baton.lock);
    while (!is_over(&baton))
        g_cond_wait(&baton.finished, &baton.lock);
    g_mutex_unlock(&baton.lock);
    for (guint cpu = 0; cpu < execution->cpus; cpu++) {
        if (baton.worker[cpu].thread != NULL)
            g_thread_join(baton.worker[cpu].thread);
        g_cond_clear(&baton.worker[cpu].wake);
    }
    g_free(baton.worker);
    g_cond_clear(&baton.finished);
    g_mutex_clear(&baton.lock);
    return baton.ok;
}
