/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bsa-record for programs: the command runs with the recorder preloaded, which writes a file for
 * each process by itself. Large files are packed while they grow, into files that have no name yet,
 * and all when the command has ended. So whatever becomes of bsa-record in between, the command and
 * the files are not concerned.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../common/figures.h"
#include "command.h"
#include "describe.h"
#include "environment.h"
#include "files.h"
#include "follow.h"
#include "pack.h"
#include "record.h"
#include "recordable.h"

enum {
    PACKERS = 2,      /* files that are packed at once */
    LINES = 10,       /* of the summary */
    GRACE_US = 10000, /* processes that are about to end have some time */
    GRACE_ATTEMPTS = 20
};

struct session {
    const struct record_options *options;
    struct record_place place;
    struct record_command command;
    record_follower *follower; /* NULL: nothing is packed */
    trace_meta *about;         /* for the metadata of all files, */
    trace_meta *about_main;    /*   and of the command's own, which knows its exit status */
};

/* One file, on its way. */
struct job {
    const struct session *session;
    const struct record_file *file;
    const char *target;
    const trace_meta *about;
    record_packer *packer; /* that has begun with it, or NULL */
    struct record_counts counts;
    GError *error;
};

/* The recorder: named by the environment, beside this program where it was built, or installed. */
static char *find_library(GError **error)
{
    char *self = g_file_read_link("/proc/self/exe", NULL);
    char *folder = g_path_get_dirname(self != NULL ? self : "/");
    char *base = g_path_get_basename(folder);
    if (strcmp(base, ".libs") == 0) { /* libtool's place for programs not installed yet */
        char *parent = g_path_get_dirname(folder);
        g_free(folder);
        folder = parent;
    }
    char *built = g_build_filename(folder, "record", ".libs", RECORD_LIBRARY, NULL);
    const char *named = g_getenv("BSA_RECORD_LIBRARY");
    char *path = named != NULL ? g_canonicalize_filename(named, NULL)
                 : g_file_test(built, G_FILE_TEST_EXISTS)
                     ? g_strdup(built)
                     : g_build_filename(RECORD_LIBRARY_DIRECTORY, RECORD_LIBRARY, NULL);
    g_free(built);
    g_free(base);
    g_free(folder);
    g_free(self);
    if (access(path, R_OK) == 0 && strpbrk(path, " :") == NULL)
        return path;
    g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED,
                access(path, R_OK) != 0
                    ? "the recorder %s is not there; install it, or name it in BSA_RECORD_LIBRARY"
                    : "the dynamic linker takes no path with a space or colon, as %s; "
                      "install the recorder elsewhere, or name a copy in BSA_RECORD_LIBRARY",
                path);
    g_free(path);
    return NULL;
}

static char **set_number(char **environment, const char *name, guint64 value)
{
    char text[24];
    g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, value);
    return g_environ_setenv(environment, name, text, TRUE);
}

static char **make_environment(const struct session *session, const char *library)
{
    const struct record_options *options = session->options;
    char **environment = g_get_environ();
    const char *others = g_environ_getenv(environment, "LD_PRELOAD");
    char *preload = others != NULL && others[0] != '\0' ? g_strconcat(library, ":", others, NULL)
                                                        : g_strdup(library);
    environment = g_environ_setenv(environment, "LD_PRELOAD", preload, TRUE);
    g_free(preload);
    environment = g_environ_setenv(environment, RECORD_ENV_STEM, session->place.stem, TRUE);
    environment = g_environ_setenv(environment, RECORD_ENV_SUFFIX, session->place.suffix, TRUE);
    environment = g_environ_setenv(environment, RECORD_ENV_SESSION, session->place.session, TRUE);
    if (options->duration_ns > 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        environment = set_number(environment, RECORD_ENV_UNTIL,
                                 (guint64)now.tv_sec * 1000000000u + (guint64)now.tv_nsec +
                                     options->duration_ns);
    }
    if (options->max_events > 0)
        environment = set_number(environment, RECORD_ENV_MAX_EVENTS, options->max_events);
    if (options->min_size > 0)
        environment = set_number(environment, RECORD_ENV_MIN_SIZE, options->min_size);
    if (!options->follow)
        environment = g_environ_setenv(environment, RECORD_ENV_NO_FOLLOW, "1", TRUE);
    if (options->quiet)
        environment = g_environ_setenv(environment, RECORD_ENV_QUIET, "1", TRUE);
    return environment;
}

static gboolean start(struct session *session, GError **error)
{
    char *path = record_find_program(session->options->command[0], error);
    char *library = path != NULL && record_check_program(path, error) ? find_library(error) : NULL;
    gboolean ok = FALSE;
    if (library != NULL && record_place_init(&session->place, session->options->output, error)) {
        char **environment = make_environment(session, library);
        record_describe_machine(session->about);
        record_describe_machine(session->about_main);
        record_describe_command(session->about_main, session->options->command);
        ok = record_command_start(&session->command, session->options->command, environment, error);
        g_strfreev(environment);
    }
    g_free(library);
    g_free(path);
    return ok;
}

/* What the processes of the command have written. Those that run on are given some time. */
static GArray *find_files(const struct session *session)
{
    for (int attempt = 0;; attempt++) {
        GArray *files = record_files_find(&session->place, 0);
        gboolean running = FALSE;
        for (guint i = 0; i < files->len; i++)
            running = running || g_array_index(files, struct record_file, i).running;
        if (!running || attempt == GRACE_ATTEMPTS)
            return files;
        g_array_free(files, TRUE);
        g_usleep(GRACE_US);
    }
}

/* Of several programs that the command's process ran one after the other, the last. */
static const struct record_file *find_main(const struct session *session, const GArray *files)
{
    const struct record_file *found = NULL;
    for (guint i = 0; i < files->len; i++) {
        const struct record_file *file = &g_array_index(files, struct record_file, i);
        if (file->pid == session->command.pid)
            found = file;
    }
    return found;
}

/* What stays as it was recorded is counted all the same. */
static void count_raw(struct job *job)
{
    record_packer *packer = record_packer_new(job->file->path, TRUE, NULL);
    if (packer == NULL ||
        !record_packer_finish(packer, job->file->path, job->about, &job->counts, NULL))
        return;
    char *message = g_strdup_printf("%s; it has %" G_GUINT64_FORMAT
                                    " events, and %" G_GUINT64_FORMAT " were lost",
                                    job->error->message, job->counts.events, job->counts.lost);
    g_free(job->error->message);
    job->error->message = message;
}

static void pack(gpointer data, gpointer unused)
{
    struct job *job = data;
    (void)unused;
    gboolean counting = !job->session->options->pack || job->file->running;
    record_packer *packer = job->packer;
    if (packer == NULL)
        packer = record_packer_new(job->file->path, counting, &job->error);
    if (packer != NULL &&
        record_packer_finish(packer, job->target, job->about, &job->counts, &job->error) &&
        counting && !job->file->running)
        record_rename(job->file->path, job->target, &job->error);
    if (job->error != NULL)
        count_raw(job);
}

static void print_summary(const struct job *job)
{
    const struct record_counts *counts = &job->counts;
    GString *line = g_string_new("bsa-record: ");
    g_string_append_printf(
        line,
        "%s: %s (process %d), %" G_GUINT64_FORMAT " events of %" G_GUINT64_FORMAT " thread%s, ",
        job->file->running ? job->file->path : job->target, job->file->program, (int)job->file->pid,
        counts->events, counts->threads, counts->threads == 1 ? "" : "s");
    append_bytes(line, counts->bytes);
    if (counts->lost > 0)
        g_string_append_printf(line, ", %" G_GUINT64_FORMAT " events lost", counts->lost);
    if (job->file->running)
        g_string_append(line, "; it runs on, and its file stays as it is recorded");
    else if (counts->end == RECORD_END_LIMIT)
        g_string_append_printf(line, "; %s ended it, what came then is left out",
                               job->session->options->max_events == 0    ? "--duration"
                               : job->session->options->duration_ns == 0 ? "--max-events"
                                                                         : "a limit");
    else if (counts->end == RECORD_END_CUT && counts->lost == 0)
        g_string_append(line, "; it was killed, or could not write at its end: the last events of "
                              "each thread are missing");
    fprintf(stderr, "%s\n", line->str);
    g_string_free(line, TRUE);
}

/* The command's own first, then those that miss something, then by events. */
static gint by_interest(gconstpointer a, gconstpointer b)
{
    const struct job *first = *(const struct job *const *)a,
                     *second = *(const struct job *const *)b;
    gboolean main_first = first->about == first->session->about_main;
    gboolean main_second = second->about == second->session->about_main;
    gboolean less_first = first->counts.lost > 0 || first->counts.end == RECORD_END_CUT;
    gboolean less_second = second->counts.lost > 0 || second->counts.end == RECORD_END_CUT;
    if (main_first != main_second)
        return main_first ? -1 : 1;
    if (less_first != less_second)
        return less_first ? -1 : 1;
    return first->counts.events > second->counts.events   ? -1
           : first->counts.events < second->counts.events ? 1
                                                          : 0;
}

static void print_rest(const struct session *session, struct job *const *jobs, guint count)
{
    struct record_counts sum = {0};
    for (guint i = 0; i < count; i++) {
        sum.events += jobs[i]->counts.events;
        sum.bytes += jobs[i]->counts.bytes;
        sum.lost += jobs[i]->counts.lost;
    }
    GString *line = g_string_new("bsa-record: and ");
    g_string_append_printf(line, "%u more, %s.PROGRAM.PROCESS%s, %" G_GUINT64_FORMAT " events, ",
                           count, session->place.stem, session->place.suffix, sum.events);
    append_bytes(line, sum.bytes);
    if (sum.lost > 0)
        g_string_append_printf(line, ", %" G_GUINT64_FORMAT " events lost", sum.lost);
    fprintf(stderr, "%s\n", line->str);
    g_string_free(line, TRUE);
}

/* A script runs many programs: a line for each would hide what it prints itself. */
static void summarise(const struct session *session, struct job *jobs, guint count)
{
    GPtrArray *good = g_ptr_array_new();
    for (guint i = 0; i < count; i++) {
        if (jobs[i].error == NULL)
            g_ptr_array_add(good, &jobs[i]);
    }
    g_ptr_array_sort(good, by_interest);
    guint lines = good->len > LINES ? LINES - 1 : good->len;
    for (guint i = 0; i < lines; i++)
        print_summary(g_ptr_array_index(good, i));
    if (good->len > lines)
        print_rest(session, (struct job *const *)good->pdata + lines, good->len - lines);
    g_ptr_array_free(good, TRUE);
}

/* The first error is the caller's. */
static gboolean take_errors(struct job *jobs, guint count, GError **error)
{
    gboolean ok = TRUE;
    for (guint i = 0; i < count; i++) {
        if (jobs[i].error == NULL)
            continue;
        if (ok) {
            g_propagate_error(error, jobs[i].error);
        } else {
            fprintf(stderr, "bsa-record: %s\n", jobs[i].error->message);
            g_error_free(jobs[i].error);
        }
        ok = FALSE;
    }
    return ok;
}

/* Packs all, and says what they are. */
static gboolean finish(const struct session *session, const GArray *files, GError **error)
{
    const struct record_file *main_file = find_main(session, files);
    struct job *jobs = g_new0(struct job, files->len);
    GThreadPool *pool = g_thread_pool_new(pack, NULL, PACKERS, FALSE, NULL);
    for (guint i = 0; i < files->len; i++) {
        const struct record_file *file = &g_array_index(files, struct record_file, i);
        gboolean named = file == main_file && session->place.main != NULL;
        jobs[i] = (struct job){
            .session = session,
            .file = file,
            .target = named ? session->place.main : file->path,
            .about = file == main_file ? session->about_main : session->about,
            .packer = file->running ? NULL : record_follower_take(session->follower, file->path),
        };
        g_thread_pool_push(pool, &jobs[i], NULL);
    }
    g_thread_pool_free(pool, FALSE, TRUE);
    if (!session->options->quiet)
        summarise(session, jobs, files->len);
    gboolean ok = take_errors(jobs, files->len, error);
    g_free(jobs);
    return ok;
}

static gboolean collect(const struct session *session, GError **error)
{
    GArray *files = find_files(session);
    gboolean ok = FALSE;
    if (files->len > 0)
        ok = finish(session, files, error);
    else
        g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED,
                    "%s left no recording: its messages above may say why; else the dynamic linker "
                    "did not load the recorder",
                    session->options->command[0]);
    g_array_free(files, TRUE);
    return ok;
}

int record_program(const struct record_options *options, GError **error)
{
    struct session session = {
        .options = options,
        .about = trace_meta_new(),
        .about_main = trace_meta_new(),
    };
    int status = -1;
    if (start(&session, error)) {
        char text[16];
        signal(SIGXFSZ, SIG_IGN); /* too large a file is an error as others are */
        if (options->pack)
            session.follower = record_follower_start(&session.place);
        record_command_wait(&session.command, -1);
        record_follower_stop(session.follower);
        g_snprintf(text, sizeof(text), "%d", record_command_status(&session.command));
        trace_meta_set_text(session.about_main, "exit-status", text);
        if (collect(&session, error))
            status = record_command_status(&session.command);
    }
    record_follower_free(session.follower);
    trace_meta_free(session.about_main);
    trace_meta_free(session.about);
    record_place_clear(&session.place);
    return status;
}
