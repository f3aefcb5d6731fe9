/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A harness over the files of its corpus: fuzz_NAME reads corpus-NAME, or the files that are named.
 * What begins with good- is taken, what begins with bad- is refused. Prints TAP.
 */
#include <string.h>

#include "fuzz.h"

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The paths of a corpus, in order. */
static GPtrArray *corpus(const char *program)
{
    const char *source = g_getenv("BSA_SRCDIR");
    char *name = g_path_get_basename(program);
    char *folder = g_strconcat("corpus-", strstr(name, "fuzz_") + strlen("fuzz_"), NULL);
    char *path = g_build_filename(source != NULL ? source : ".", "tests", "fuzz", folder, NULL);
    GPtrArray *files = g_ptr_array_new();
    GError *error = NULL;
    GDir *dir = g_dir_open(path, 0, &error);
    if (dir == NULL) {
        printf("Bail out! %s\n", error->message);
        exit(1);
    }
    for (const char *file = g_dir_read_name(dir); file != NULL; file = g_dir_read_name(dir)) {
        g_ptr_array_add(files, g_build_filename(path, file, NULL));
    }
    g_ptr_array_sort(files, by_name);
    g_dir_close(dir);
    g_free(path);
    g_free(folder);
    g_free(name);
    return files;
}

static gboolean try_file(const char *path, const char *name)
{
    GError *error = NULL;
    char *bytes;
    gsize length;
    if (!g_file_get_contents(path, &bytes, &length, &error)) {
        printf("Bail out! %s\n", error->message);
        exit(1);
    }
    gboolean taken = fuzz_one((const uint8_t *)bytes, length);
    g_free(bytes);
    return taken == g_str_has_prefix(name, "good-");
}

int main(int count, char **arguments)
{
    GPtrArray *files = count > 1 ? g_ptr_array_new() : corpus(arguments[0]);
    guint tests = 0, failed = 0;
    for (int i = 1; i < count; i++) {
        g_ptr_array_add(files, g_strdup(arguments[i]));
    }
    for (guint i = 0; i < files->len; i++) {
        char *path = g_ptr_array_index(files, i);
        char *name = g_path_get_basename(path);
        if (g_str_has_prefix(name, "good-") || g_str_has_prefix(name, "bad-")) {
            gboolean right = try_file(path, name);
            failed += right ? 0 : 1;
            printf("%s %u - %s\n", right ? "ok" : "not ok", ++tests, name);
            fflush(stdout);
        }
        g_free(name);
        g_free(path);
    }
    printf("1..%u\n", tests);
    g_ptr_array_free(files, TRUE);
    return failed > 0 || tests == 0 ? 1 : 0;
}
