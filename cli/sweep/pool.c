/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/child.h"
#include "../replay/error.h"
#include "../replay/interrupt.h"
#include "../replay/jobs.h"
#include "../report/report.h"
#include "../view/model.h"
#include "../view/write.h"

#define LOOK_US 10000 /* how soon an end, or an interrupt, is seen */
#define SAID_MAX 4096 /* bytes of a message */
#define SAYS "bsa-replay: "

struct child {
    guint index;
    GPid pid;
    int said; /* a file that takes what it says on standard error */
};

/* In the new process: it ends with its parent, and what a terminal sends to all is the parent's, so
 * that one of them decides. What it starts itself belongs to its group. */
static void settle(gpointer data)
{
    const pid_t *parent = data;
    setpgid(0, 0);
    child_ends_with(*parent);
}

static gboolean no_process(GError **error, const char *what, const char *why)
{
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY, "%s: %s", what, why);
    return FALSE;
}

/* What the program says on standard error, without its name and the line ends around. */
static char *message_of(int said, int status)
{
    char text[SAID_MAX];
    ssize_t length = pread(said, text, sizeof(text), 0);
    char *valid = g_strstrip(g_utf8_make_valid(text, MAX(length, 0)));
    char *message;
    if (WIFSIGNALED(status))
        message = g_strdup_printf("its process was ended by signal %d; is there memory enough?",
                                  WTERMSIG(status));
    else if (valid[0] == '\0')
        message = g_strdup_printf("its program ended with status %d", WEXITSTATUS(status));
    else
        message = g_strdup(valid + (g_str_has_prefix(valid, SAYS) ? strlen(SAYS) : 0));
    g_free(valid);
    return message;
}

static guint64 events_of(const struct sweep_pool *pool, const struct sweep_run *run)
{
    char *folder = g_build_filename(pool->directory, run->folder, NULL);
    JsonNode *report = view_load(folder, NULL);
    guint64 events = report == NULL ? 0 : view_count(json_node_get_object(report), "result.events");
    g_clear_pointer(&report, json_node_unref);
    g_free(folder);
    return events;
}

static void end(struct sweep_pool *pool, const struct child *child, int status)
{
    struct sweep_run *run = &pool->run[child->index];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        run->state = SWEEP_DONE;
    else if (replay_interrupted() == 0)
        run->state = SWEEP_FAILED;
    if (run->state == SWEEP_DONE)
        pool->events += events_of(pool, run);
    if (run->state == SWEEP_FAILED)
        run->message = message_of(child->said, status);
    close(child->said);
}

/* Takes those that have ended out of the list. */
static void collect_ended(struct sweep_pool *pool, GArray *running)
{
    for (guint i = running->len; i-- > 0;) {
        const struct child *child = &g_array_index(running, struct child, i);
        int status = 0;
        if (waitpid(child->pid, &status, WNOHANG) != child->pid)
            continue;
        end(pool, child, status);
        g_array_remove_index_fast(running, i);
    }
}

/* Each has a descriptor, and with it a place in the file, of its own; -1 where there is none. */
static gboolean open_trace(int trace, int *fd, GError **error)
{
    char path[40];
    *fd = -1;
    if (trace < 0)
        return TRUE;
    g_snprintf(path, sizeof(path), "/proc/self/fd/%d", trace);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 || no_process(error, "the copy of standard input cannot be opened again",
                                  g_strerror(errno));
}

/* Nothing of an earlier sweep is left that could be taken for a result. */
static gboolean clear_folder(const char *folder, GError **error)
{
    return report_remove(folder, error) && view_remove(folder, error);
}

static gboolean spawn(char **words, int trace, struct child *child, GError **error)
{
    GError *reason = NULL;
    pid_t parent = getpid();
    int input = -1;
    if (!open_trace(trace, &input, error))
        return FALSE;
    child->said = memfd_create("bsa-replay", MFD_CLOEXEC);
    gboolean ok = child->said >= 0 &&
                  g_spawn_async_with_fds(
                      NULL, words, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
                      settle, &parent, &child->pid, input, -1, child->said, &reason);
    if (!ok)
        no_process(error, "cannot start a run",
                   reason != NULL ? reason->message : g_strerror(errno));
    if (!ok && child->said >= 0)
        close(child->said);
    if (input >= 0)
        close(input);
    g_clear_error(&reason);
    return ok;
}

static gboolean start(struct sweep_pool *pool, GArray *running, guint index, GError **error)
{
    char *folder = g_build_filename(pool->directory, pool->run[index].folder, NULL);
    const char *const more[] = {"--quiet", "--progress=auto", "--jobs=1", "--output", folder, NULL};
    char **words = sweep_grid_words(pool->grid, index, more);
    struct child child = {.index = index};
    g_free(words[0]);
    words[0] = g_strdup("/proc/self/exe");
    gboolean ok = clear_folder(folder, error) && spawn(words, pool->trace, &child, error);
    if (ok)
        g_array_append_val(running, child);
    g_strfreev(words);
    g_free(folder);
    return ok;
}

/* With all that they have started. */
static void end_all(GArray *running)
{
    for (guint i = 0; i < running->len; i++)
        kill(-g_array_index(running, struct child, i).pid, SIGKILL);
}

/* Half a report is none. */
static void drop_unfinished(struct sweep_pool *pool, guint started)
{
    for (guint i = 0; i < started; i++) {
        const struct sweep_run *run = &pool->run[i];
        char *folder = g_build_filename(pool->directory, run->folder, NULL);
        gboolean there = run->state != SWEEP_NOT_RUN && view_lies_in(folder, "report.json");
        pool->reports += there ? 1 : 0;
        if (!there && clear_folder(folder, NULL))
            rmdir(folder);
        g_free(folder);
    }
}

gboolean sweep_pool_run(struct sweep_pool *pool, GError **error)
{
    GArray *running = g_array_new(FALSE, FALSE, sizeof(struct child));
    guint at_once = replay_jobs_at_once(), next = 0;
    gboolean ok = TRUE;
    while (running->len > 0 || (ok && next < pool->grid->runs && replay_interrupted() == 0)) {
        while (ok && replay_interrupted() == 0 && next < pool->grid->runs &&
               running->len < at_once) {
            ok = start(pool, running, next, error);
            next++;
        }
        if (!ok || replay_interrupted() != 0)
            end_all(running);
        collect_ended(pool, running);
        if (running->len > 0)
            g_usleep(LOOK_US);
        progress_fraction(pool->progress, pool->events,
                          (double)(next - running->len) / (double)pool->grid->runs);
    }
    drop_unfinished(pool, next);
    g_array_unref(running);
    return ok;
}
