/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include <gio/gio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../replay/error.h"
#include "../replay/interrupt.h"
#include "../replay/jobs.h"
#include "../report/report.h"
#include "../view/model.h"
#include "../view/write.h"

#define LOOK_MS 200 /* how soon an interrupt is seen */
#define SAYS "bsa-replay: "

struct child {
    struct sweep_pool *pool;
    GPtrArray *running; /* of struct child: all that are under way */
    guint index;
    GSubprocess *process;
};

static void child_free(gpointer data)
{
    struct child *child = data;
    g_object_unref(child->process);
    g_free(child);
}

/* In the new process: it ends with its parent, and what a terminal sends to all is the parent's, so
 * that one of them decides. What it starts itself belongs to its group. */
static void settle(gpointer data)
{
    (void)data;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static gboolean no_process(GError **error, const char *what, const char *why)
{
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_MEMORY, "%s: %s", what, why);
    return FALSE;
}

/* What the program says on standard error, without its name and the line ends around. */
static char *message_of(GBytes *said, GSubprocess *process)
{
    gsize length = 0;
    const char *text = said == NULL ? NULL : g_bytes_get_data(said, &length);
    char *valid = g_strstrip(g_utf8_make_valid(text == NULL ? "" : text, (gssize)length));
    char *message;
    if (g_subprocess_get_if_signaled(process))
        message = g_strdup_printf("its process was ended by signal %d; is there memory enough?",
                                  g_subprocess_get_term_sig(process));
    else if (valid[0] == '\0')
        message = g_strdup_printf("its program ended with status %d",
                                  g_subprocess_get_exit_status(process));
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

static void on_end(GObject *object, GAsyncResult *result, gpointer data)
{
    struct child *child = data;
    struct sweep_run *run = &child->pool->run[child->index];
    GBytes *said = NULL;
    g_subprocess_communicate_finish(G_SUBPROCESS(object), result, NULL, &said, NULL);
    if (replay_interrupted() == 0 || g_subprocess_get_successful(child->process))
        run->state = g_subprocess_get_successful(child->process) ? SWEEP_DONE : SWEEP_FAILED;
    if (run->state == SWEEP_DONE)
        child->pool->events += events_of(child->pool, run);
    if (run->state == SWEEP_FAILED)
        run->message = message_of(said, child->process);
    if (said != NULL)
        g_bytes_unref(said);
    g_ptr_array_remove_fast(child->running, child);
}

/* Each has a descriptor, and with it a place in the file, of its own. */
static gboolean give_trace(GSubprocessLauncher *launcher, int trace, GError **error)
{
    if (trace < 0)
        return TRUE;
    char *path = g_strdup_printf("/proc/self/fd/%d", trace);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    g_free(path);
    if (fd < 0)
        return no_process(error, "the copy of standard input cannot be opened again",
                          g_strerror(errno));
    g_subprocess_launcher_take_stdin_fd(launcher, fd);
    return TRUE;
}

/* Nothing of an earlier sweep is left that could be taken for a result. */
static gboolean clear_folder(const char *folder, GError **error)
{
    return report_remove(folder, error) && view_remove(folder, error);
}

static gboolean start(struct sweep_pool *pool, GPtrArray *running, guint index, GError **error)
{
    GSubprocessLauncher *launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE |
                                                              G_SUBPROCESS_FLAGS_STDERR_PIPE);
    char *folder = g_build_filename(pool->directory, pool->run[index].folder, NULL);
    const char *const more[] = {"--quiet", "--progress=auto", "--jobs=1", "--output", folder, NULL};
    char **words = sweep_grid_words(pool->grid, index, more);
    GError *reason = NULL;
    GSubprocess *process = NULL;
    g_free(words[0]);
    words[0] = g_strdup("/proc/self/exe");
    g_subprocess_launcher_set_child_setup(launcher, settle, NULL, NULL);
    gboolean ok = clear_folder(folder, error) && give_trace(launcher, pool->trace, error);
    if (ok) {
        process = g_subprocess_launcher_spawnv(launcher, (const char *const *)words, &reason);
        ok = process != NULL || no_process(error, "cannot start a run", reason->message);
        g_clear_error(&reason);
    }
    if (process != NULL) {
        struct child *child = g_new(struct child, 1);
        *child = (struct child){pool, running, index, process};
        g_ptr_array_add(running, child);
        g_subprocess_communicate_async(process, NULL, NULL, on_end, child);
    }
    g_strfreev(words);
    g_free(folder);
    g_object_unref(launcher);
    return ok;
}

/* With all that they have started. */
static void end_all(GPtrArray *running)
{
    for (guint i = 0; i < running->len; i++) {
        struct child *child = g_ptr_array_index(running, i);
        const char *id = g_subprocess_get_identifier(child->process);
        if (id != NULL)
            kill(-(pid_t)g_ascii_strtoll(id, NULL, 10), SIGKILL);
    }
}

/* Half a report is none. */
static void drop_unfinished(struct sweep_pool *pool, guint started)
{
    for (guint i = 0; i < started; i++) {
        char *folder = g_build_filename(pool->directory, pool->run[i].folder, NULL);
        if (pool->run[i].state == SWEEP_NOT_RUN && clear_folder(folder, NULL))
            rmdir(folder);
        g_free(folder);
    }
}

static gboolean wake(gpointer data)
{
    (void)data;
    return G_SOURCE_CONTINUE;
}

gboolean sweep_pool_run(struct sweep_pool *pool, GError **error)
{
    GPtrArray *running = g_ptr_array_new_with_free_func(child_free);
    guint at_once = replay_jobs_at_once(), next = 0;
    guint timer = g_timeout_add(LOOK_MS, wake, NULL);
    gboolean ok = TRUE;
    while (running->len > 0 || (ok && next < pool->grid->runs && replay_interrupted() == 0)) {
        while (ok && replay_interrupted() == 0 && next < pool->grid->runs &&
               running->len < at_once) {
            ok = start(pool, running, next, error);
            next++;
        }
        if (!ok || replay_interrupted() != 0)
            end_all(running);
        if (running->len > 0)
            g_main_context_iteration(NULL, TRUE);
        progress_fraction(pool->progress, pool->events,
                          (double)(next - running->len) / (double)pool->grid->runs);
    }
    g_source_remove(timer);
    drop_unfinished(pool, next);
    g_ptr_array_unref(running);
    return ok;
}
