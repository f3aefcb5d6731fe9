/* SPDX-License-Identifier: Apache-2.0 */
/* Results come back through memory that both processes see; a job has a share of it. */
#include "jobs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/child.h"
#include "error.h"

static guint limit; /* 0: none was set */

void replay_jobs_limit(guint jobs)
{
    limit = jobs;
}

guint replay_jobs_at_once(void)
{
    return limit != 0 ? limit : MAX(g_get_num_processors(), 1);
}

struct share {
    pid_t pid;       /* 0: not started, or waited for */
    int code;        /* of the error; its domain is the replay's */
    char error[512]; /* empty: none */
    guint64 result[];
};

struct pool {
    char *memory; /* count shares */
    gsize share_bytes, result_bytes;
    guint count;
};

static struct share *share_of(const struct pool *pool, guint index)
{
    return (struct share *)(gpointer)(pool->memory + index * pool->share_bytes);
}

static gboolean pool_open(struct pool *pool, guint count, gsize result_bytes, GError **error)
{
    pool->count = count;
    pool->result_bytes = result_bytes;
    pool->share_bytes = (sizeof(struct share) + result_bytes + 63) & ~(gsize)63;
    void *memory = mmap(NULL, count * pool->share_bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pool->memory = memory;
    if (memory != MAP_FAILED)
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
                "no memory for the results of %u replays: %s", count, g_strerror(errno));
    return FALSE;
}

/* In the new process, which does not return, and does not outlive its parent: what it has of that
 * one's files and memory is the parent's to flush and to free. */
static void work(pid_t parent, struct share *share, replay_job job, gconstpointer data, guint index)
{
    GError *error = NULL;
    child_ends_with(parent);
    if (!job(data, index, share->result, &error)) {
        share->code = error->code;
        g_strlcpy(share->error, error->message, sizeof(share->error));
    }
    _exit(0);
}

static gboolean start(struct pool *pool, replay_job job, gconstpointer data, guint index,
                      GError **error)
{
    struct share *share = share_of(pool, index);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        work(parent, share, job, data, index);
    share->pid = MAX(pid, 0);
    if (pid > 0)
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
                "cannot start a process for a replay: %s", g_strerror(errno));
    return FALSE;
}

static gboolean finish(struct pool *pool, guint index, GError **error)
{
    struct share *share = share_of(pool, index);
    int status = 0;
    pid_t got;
    do
        got = waitpid(share->pid, &status, 0);
    while (got < 0 && errno == EINTR);
    share->pid = 0;
    if (got > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && share->error[0] == '\0')
        return TRUE;
    if (share->error[0] != '\0')
        g_set_error_literal(error, REPLAY_ERROR_DOMAIN, share->code, share->error);
    else
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY,
                    "the process of a replay was ended (%s %d); is there memory enough?",
                    WIFSIGNALED(status) ? "signal" : "status",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return FALSE;
}

gboolean replay_jobs_run(replay_job job, gconstpointer data, guint count, gpointer results,
                         gsize result_size, GError **error)
{
    struct pool pool;
    guint at_once = replay_jobs_at_once();
    gboolean ok = pool_open(&pool, count, result_size, error);
    guint started = 0;
    if (!ok)
        return FALSE;
    for (guint done = 0; done < started || (ok && done < count); done++) {
        while (ok && started < count && started < done + at_once) {
            ok = start(&pool, job, data, started, error);
            started += ok ? 1 : 0;
        }
        /* After an error the rest is waited for, and what it says is not heard. */
        if (done < started)
            ok = finish(&pool, done, ok ? error : NULL) && ok;
    }
    for (guint i = 0; ok && i < count; i++)
        memcpy((char *)results + i * result_size, share_of(&pool, i)->result, result_size);
    munmap(pool.memory, count * pool.share_bytes);
    return ok;
}
