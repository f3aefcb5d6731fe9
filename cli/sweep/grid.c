/* SPDX-License-Identifier: Apache-2.0 */
#include "grid.h"

#include <string.h>

#define FOLDER_MAX 200u /* bytes of a name; file systems have room for 255 */

/* Options that say how the runs are made, and not what they do; and other allocators, of which
 * there are no figures to compare. */
static const char *const not_swept[] = {"output",  "format",   "term",  "progress", "sweep",
                                        "jobs",    "max-runs", "tune",  "tune-for", "check",
                                        "backend", "against",  "rounds"};

static gboolean is_one_of(const char *name, const char *const *names, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    GError *wrong = g_error_new_valist(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, arguments);
    va_end(arguments);
    g_propagate_error(error, wrong);
    return FALSE;
}

/* Length of a word that gives the option of that name: "--name" or "--name=..."; 0: it does not. */
static gsize gives(const char *word, const char *name)
{
    gsize length = strlen(name) + 2;
    gboolean same = g_str_has_prefix(word, "--") && strncmp(word + 2, name, length - 2) == 0 &&
                    (word[length] == '\0' || word[length] == '=');
    return same ? length : 0;
}

static char **without_sweep(char **words)
{
    GStrvBuilder *left = g_strv_builder_new();
    gboolean options = TRUE;
    for (guint i = 0; words[i] != NULL; i++) {
        gsize length = options ? gives(words[i], "sweep") : 0;
        options = options && strcmp(words[i], "--") != 0;
        if (length == 0)
            g_strv_builder_add(left, words[i]);
        else if (words[i][length] == '\0' && words[i + 1] != NULL)
            i++; /* its value is the next word */
    }
    char **list = g_strv_builder_end(left);
    g_strv_builder_unref(left);
    return list;
}

static gboolean check_name(const struct sweep_grid *grid, const char *name, GError **error)
{
    char **known = replay_options_names();
    GString *names = g_string_new(NULL);
    gboolean found = FALSE;
    for (guint i = 0; known[i] != NULL; i++) {
        if (is_one_of(known[i], not_swept, G_N_ELEMENTS(not_swept)))
            continue;
        found = found || strcmp(known[i], name) == 0;
        g_string_append_printf(names, "%s%s", names->len == 0 ? "" : ", ", known[i]);
    }
    if (!found)
        fail(error,
             "--sweep %s=...: that is no option with a value that a run can have; there are %s",
             name, names->str);
    g_string_free(names, TRUE);
    g_strfreev(known);
    for (guint i = 0; found && grid->words[i] != NULL && strcmp(grid->words[i], "--") != 0; i++) {
        if (gives(grid->words[i], name) > 0)
            return fail(error, "--%s is given, and swept by --sweep %s=...; give one of them", name,
                        name);
    }
    for (guint i = 0; found && i < grid->keys->len; i++) {
        if (strcmp(sweep_grid_key(grid, i)->name, name) == 0)
            return fail(error, "--sweep %s=... is given twice; give all values in one list", name);
    }
    return found;
}

/* Values with commas in them have semicolons between; one at the end tells a list of one. */
static gboolean split(struct sweep_key *key, const char *text, GError **error)
{
    const char *separator = strchr(text, ';') != NULL ? ";" : ",";
    key->values = g_strsplit(text, separator, -1);
    key->count = g_strv_length(key->values);
    if (key->count > 1 && separator[0] == ';' && key->values[key->count - 1][0] == '\0')
        g_clear_pointer(&key->values[--key->count], g_free);
    for (guint i = 0; i < key->count; i++) {
        if (key->values[i][0] == '\0')
            return fail(error, "--sweep %s=%s: a value is empty; give KEY=A,B,... or KEY=A;B;...",
                        key->name, text);
        if (is_one_of(key->values[i], (const char *const *)key->values, i))
            return fail(error, "--sweep %s=%s: %s stands twice", key->name, text, key->values[i]);
    }
    return key->count > 0 ||
           fail(error, "--sweep %s=: give values, as %s=A,B,C", key->name, key->name);
}

static void key_clear(gpointer data)
{
    struct sweep_key *key = data;
    g_free(key->name);
    g_strfreev(key->values);
}

static gboolean add_key(struct sweep_grid *grid, const char *text, GError **error)
{
    const char *equals = strchr(text, '=');
    struct sweep_key key = {.name = NULL};
    if (equals == NULL || equals == text)
        return fail(error, "--sweep %s: give the name of an option and its values, as cpus=1,2,4",
                    text);
    key.name = g_strndup(text, (gsize)(equals - text));
    if (check_name(grid, key.name, error) && split(&key, equals + 1, error)) {
        g_array_append_val(grid->keys, key);
        return TRUE;
    }
    key_clear(&key);
    return FALSE;
}

static gboolean count_runs(struct sweep_grid *grid, guint most, GError **error)
{
    guint64 runs = 1;
    for (guint i = 0; i < grid->keys->len; i++) {
        if (!g_uint64_checked_mul(&runs, runs, sweep_grid_key(grid, i)->count))
            runs = G_MAXUINT64;
    }
    grid->runs = (guint)MIN(runs, most);
    return runs <= most ||
           fail(error,
                "the grid has %" G_GUINT64_FORMAT " runs, and more than %u are not made unasked; "
                "give fewer values, or --max-runs=%" G_GUINT64_FORMAT,
                runs, most, runs);
}

static gboolean check_run(const struct replay_options *options, GError **error)
{
    const struct replay_engine_options *engine = &options->engine;
    if (options->output.terminal)
        return fail(error,
                    "--term draws one run; bsa-replay show --term=dumb draws one of a sweep");
    if (engine->against != NULL || engine->recorded || strcmp(engine->backend, "buddyslab") != 0)
        return fail(error,
                    "--%s does not go with --sweep, which compares runs of libbuddyslab; give it "
                    "in a run of its own",
                    strcmp(engine->backend, "buddyslab") != 0 ? "backend" : "against");
    return TRUE;
}

/* Before the first of them begins. */
static gboolean check_runs(const struct sweep_grid *grid, GError **error)
{
    gboolean ok = TRUE;
    for (guint run = 0; ok && run < grid->runs; run++) {
        struct replay_options options;
        ok = sweep_grid_options(grid, run, &options, error) && check_run(&options, error);
        replay_options_clear(&options);
    }
    return ok;
}

gboolean sweep_grid_open(struct sweep_grid *grid, const struct replay_sweep_options *options,
                         char **words, GError **error)
{
    gboolean ok = TRUE;
    grid->keys = g_array_new(FALSE, FALSE, sizeof(struct sweep_key));
    g_array_set_clear_func(grid->keys, key_clear);
    grid->words = without_sweep(words);
    for (guint i = 0; ok && options->grid[i] != NULL; i++)
        ok = add_key(grid, options->grid[i], error);
    return ok && count_runs(grid, options->max_runs, error) && check_runs(grid, error);
}

void sweep_grid_clear(struct sweep_grid *grid)
{
    g_clear_pointer(&grid->keys, g_array_unref);
    g_clear_pointer(&grid->words, g_strfreev);
}

const struct sweep_key *sweep_grid_key(const struct sweep_grid *grid, guint key)
{
    return &g_array_index(grid->keys, struct sweep_key, key);
}

const char *sweep_grid_value(const struct sweep_grid *grid, guint run, guint key)
{
    guint stride = 1;
    for (guint i = key + 1; i < grid->keys->len; i++)
        stride *= sweep_grid_key(grid, i)->count;
    return sweep_grid_key(grid, key)->values[run / stride % sweep_grid_key(grid, key)->count];
}

char *sweep_grid_name(const struct sweep_grid *grid, guint run)
{
    GString *name = g_string_new(NULL);
    for (guint i = 0; i < grid->keys->len; i++)
        g_string_append_printf(name, "%s%s=%s", i == 0 ? "" : ",", sweep_grid_key(grid, i)->name,
                               sweep_grid_value(grid, run, i));
    return g_string_free(name, FALSE);
}

/* A value may be a path, or long. */
char *sweep_grid_folder(const struct sweep_grid *grid, guint run)
{
    char *name = sweep_grid_name(grid, run);
    char *folder = g_uri_escape_string(name, "=,;@:+!", TRUE);
    g_free(name);
    if (strlen(folder) <= FOLDER_MAX)
        return folder;
    g_free(folder);
    return g_strdup_printf("run-%u", run + 1);
}

/* What is given last counts, and options end at "--". */
char **sweep_grid_words(const struct sweep_grid *grid, guint run, const char *const *more)
{
    GStrvBuilder *all = g_strv_builder_new();
    guint end = 0;
    while (grid->words[end] != NULL && strcmp(grid->words[end], "--") != 0)
        g_strv_builder_add(all, grid->words[end++]);
    for (guint i = 0; i < grid->keys->len; i++) {
        char *word = g_strdup_printf("--%s=%s", sweep_grid_key(grid, i)->name,
                                     sweep_grid_value(grid, run, i));
        g_strv_builder_add(all, word);
        g_free(word);
    }
    for (guint i = 0; more[i] != NULL; i++)
        g_strv_builder_add(all, more[i]);
    g_strv_builder_addv(all, (const char **)&grid->words[end]);
    char **list = g_strv_builder_end(all);
    g_strv_builder_unref(all);
    return list;
}

gboolean sweep_grid_options(const struct sweep_grid *grid, guint run,
                            struct replay_options *options, GError **error)
{
    static const char *const nothing[] = {NULL};
    char **words = sweep_grid_words(grid, run, nothing);
    int count = (int)g_strv_length(words);
    /* The parser moves the words about. */
    char **moved = g_memdup2(words, ((gsize)count + 1) * sizeof(*words)), **left = moved;
    gboolean ok = replay_options_parse(options, &count, &left, error) == REPLAY_PARSE_RUN;
    if (!ok)
        g_prefix_error(error, "--sweep: ");
    g_free(moved);
    g_strfreev(words);
    return ok;
}
