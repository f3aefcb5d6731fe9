/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "files.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "../trace/dictionary.h"
#include "record.h"

#define DEFAULT_STEM "bsa-record"
#define DEFAULT_SUFFIX ".bsat"

/* A file can be made there: asked by making one, as rights are not everything that is in the way.
 */
static gboolean can_write(const char *directory, GError **error)
{
    char *name = g_build_filename(directory, ".bsa-record-XXXXXX", NULL);
    int fd = g_mkstemp(name);
    int failed = errno;
    if (fd >= 0) {
        close(fd);
        g_unlink(name);
    } else {
        g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED,
                    "cannot make a file in %s: %s; choose another place with -o", directory,
                    g_strerror(failed));
    }
    g_free(name);
    return fd >= 0;
}

gboolean record_place_init(struct record_place *place, const char *output, GError **error)
{
    char *path = g_canonicalize_filename(output != NULL ? output : DEFAULT_STEM, NULL);
    char *base = g_path_get_basename(path);
    const char *dot = output != NULL ? strrchr(base, '.') : NULL;
    gsize suffix = dot != NULL && dot != base ? strlen(dot) : 0;
    *place = (struct record_place){
        .directory = g_path_get_dirname(path),
        .stem = g_strndup(path, strlen(path) - suffix),
        .suffix = g_strdup(suffix > 0 ? dot : DEFAULT_SUFFIX),
        .session = g_strdup_printf("%d.%" G_GINT64_FORMAT, (int)getpid(), g_get_real_time()),
        .main = output != NULL ? g_strdup(path) : NULL,
    };
    g_free(base);
    g_free(path);
    if (place->main != NULL && g_file_test(place->main, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED,
                    "%s is a folder; name a file in it with -o", place->main);
        return FALSE;
    }
    /* It would be replaced: for root, a device of the whole system. */
    if (place->main != NULL && g_file_test(place->main, G_FILE_TEST_EXISTS) &&
        !g_file_test(place->main, G_FILE_TEST_IS_REGULAR)) {
        g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED,
                    "%s is no regular file, and would be replaced by one; name another with -o",
                    place->main);
        return FALSE;
    }
    return can_write(place->directory, error);
}

void record_place_clear(struct record_place *place)
{
    g_free(place->directory);
    g_free(place->stem);
    g_free(place->suffix);
    g_free(place->session);
    g_free(place->main);
}

/* A process that has ended and waits for its parent writes no more. */
static gboolean runs(pid_t pid)
{
    char *path = g_strdup_printf("/proc/%d/stat", (int)pid), *text = NULL;
    gboolean alive = FALSE;
    if (g_file_get_contents(path, &text, NULL, NULL)) {
        const char *end = strrchr(text, ')'); /* of the program's name, which may have any */
        alive = end != NULL && end[1] != '\0' && strchr("ZX", end[2]) == NULL;
    }
    g_free(text);
    g_free(path);
    return alive;
}

/* The metadata in the file's first chunk; NULL: it is no trace, or has none. */
static trace_meta *read_meta(const char *path)
{
    trace_input *input = trace_input_open(path, NULL);
    trace_file *file = input != NULL ? trace_file_open(input, NULL) : NULL;
    trace_meta *meta = NULL;
    struct trace_chunk chunk;
    if (file != NULL && trace_file_next(file, &chunk, NULL) > 0) {
        struct trace_content content = {.bytes = NULL};
        struct trace_dictionary dictionary;
        trace_names *names = trace_names_new();
        meta = trace_meta_new();
        trace_dictionary_init(&dictionary, names, meta);
        trace_dictionary_take(&dictionary, file, &chunk, &content, NULL);
        trace_dictionary_destroy(&dictionary);
        trace_content_free(&content);
        trace_names_free(names);
    }
    if (file != NULL)
        trace_file_close(file);
    if (input != NULL)
        trace_input_close(input);
    return meta;
}

static gboolean look_at(const struct record_place *place, const char *path, gint64 bytes,
                        struct record_file *file)
{
    struct stat known;
    if (stat(path, &known) != 0 || !S_ISREG(known.st_mode) || known.st_size < bytes)
        return FALSE;
    trace_meta *meta = read_meta(path);
    char *session = meta != NULL ? trace_meta_text(meta, "session") : NULL;
    gboolean ours = g_strcmp0(session, place->session) == 0;
    if (ours) {
        char *pid = trace_meta_text(meta, "pid");
        *file = (struct record_file){
            .path = g_strdup(path),
            .program = trace_meta_text(meta, "program"),
            .pid = pid != NULL ? (pid_t)g_ascii_strtoll(pid, NULL, 10) : 0,
            .changed = known.st_mtim.tv_sec * G_GINT64_CONSTANT(1000000000) + known.st_mtim.tv_nsec,
        };
        file->running = runs(file->pid);
        g_free(pid);
    }
    g_free(session);
    if (meta != NULL)
        trace_meta_free(meta);
    return ours;
}

static void clear_file(gpointer data)
{
    struct record_file *file = data;
    g_free(file->path);
    g_free(file->program);
}

static gint by_process(gconstpointer a, gconstpointer b)
{
    const struct record_file *first = a, *second = b;
    if (first->pid != second->pid)
        return first->pid < second->pid ? -1 : 1;
    return first->changed < second->changed ? -1 : first->changed > second->changed;
}

GArray *record_files_find(const struct record_place *place, gint64 bytes)
{
    GArray *files = g_array_new(FALSE, FALSE, sizeof(struct record_file));
    char *base = g_path_get_basename(place->stem);
    char *prefix = g_strconcat(base, ".", NULL);
    GDir *directory = g_dir_open(place->directory, 0, NULL);
    const char *name;
    g_array_set_clear_func(files, clear_file);
    while (directory != NULL && (name = g_dir_read_name(directory)) != NULL) {
        if (!g_str_has_prefix(name, prefix) || !g_str_has_suffix(name, place->suffix))
            continue;
        char *path = g_build_filename(place->directory, name, NULL);
        struct record_file file;
        if (look_at(place, path, bytes, &file))
            g_array_append_val(files, file);
        g_free(path);
    }
    if (directory != NULL)
        g_dir_close(directory);
    g_array_sort(files, by_process);
    g_free(prefix);
    g_free(base);
    return files;
}
