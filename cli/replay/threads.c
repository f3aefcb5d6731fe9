/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict schedule on one thread per CPU.
 *
 * The thread that has the turn reads events and runs them as long as they are its CPU's; at the first
 * event of another CPU it leaves the event in the baton and wakes that CPU's thread. Everything but the
 * turn itself belongs to whoever has the turn; the mutex around it orders one thread's work before the
 * next one's. A CPU's thread starts when the CPU has its first event.
 */
#include "execute.h"

struct worker {
    struct baton *baton;
    GThread *thread; /* NULL: not started */
    GCond wake;
    guint cpu;
};

struct baton {
    GMutex lock;
    guint turn;     /* lock: whose it is */
    gboolean over;  /* lock: all events done, or failed */
    GCond finished; /* lock */
    struct worker *worker;
    struct trace_event event; /* turn: the next one to run */
    gboolean ok;              /* turn */
    GError **error;           /* turn */
    struct replay_execution *execution;
};

static gpointer worker_main(gpointer data);

static void end(struct baton *baton, gboolean ok)
{
    baton->ok = ok;
    g_mutex_lock(&baton->lock);
    baton->over = TRUE;
    for (guint cpu = 0; cpu < baton->execution->cpus; cpu++) {
        if (baton->worker[cpu].thread != NULL)
            g_cond_signal(&baton->worker[cpu].wake);
    }
    g_cond_signal(&baton->finished);
    g_mutex_unlock(&baton->lock);
}

/* Gives the turn to a CPU's thread, which is started if need be. */
static gboolean pass_to(struct baton *baton, guint cpu)
{
    struct worker *worker = &baton->worker[cpu];
    gboolean started = TRUE;
    g_mutex_lock(&baton->lock);
    baton->turn = cpu;
    if (worker->thread == NULL) {
        worker->thread = g_thread_try_new("cpu", worker_main, worker, baton->error);
        started = worker->thread != NULL;
        if (!started)
            g_prefix_error(baton->error,
                           "starting the thread of CPU %u (--threads=no needs none): ", cpu);
    } else {
        g_cond_signal(&worker->wake);
    }
    g_mutex_unlock(&baton->lock);
    return started;
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
        int more = trace_next(execution->reader, &baton->event, baton->error);
        if (more != 1) {
            end(baton, more == 0);
            return;
        }
        next = replay_schedule_cpu(execution->schedule, &baton->event);
    }
    if (!pass_to(baton, next))
        end(baton, FALSE);
}

static gpointer worker_main(gpointer data)
{
    struct worker *self = data;
    struct baton *baton = self->baton;
    for (;;) {
        g_mutex_lock(&baton->lock);
        while (baton->turn != self->cpu && !baton->over)
            g_cond_wait(&self->wake, &baton->lock);
        gboolean over = baton->over;
        g_mutex_unlock(&baton->lock);
        if (over)
            return NULL;
        run_turn(baton, self->cpu);
    }
}

gboolean replay_run_threads(struct replay_execution *execution, GError **error)
{
    struct baton baton = {.turn = G_MAXUINT, .error = error, .execution = execution};
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
    if (!pass_to(&baton, replay_schedule_cpu(execution->schedule, &baton.event)))
        end(&baton, FALSE);

    g_mutex_lock(&baton.lock);
    while (!baton.over)
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
