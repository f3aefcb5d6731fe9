/* SPDX-License-Identifier: Apache-2.0 */
#include "options_heap.h"

#include <string.h>

#include <buddyslab.h>

#include "../common/arguments.h"
#include "error.h"

#define CLASSES_WANTED                                                                             \
    "give nine, kmalloc or fine, or ascending multiples of 8 up to 8192 as 16,32,48,64, or a "     \
    "file of them as @FILE"

static const char *const set_names[] = {"nine", "kmalloc", "fine"};
static const char *const cache_names[] = {"named", "general"};

void replay_heap_entries(struct replay_heap_raw *raw, GOptionContext *context)
{
    const GOptionEntry entries[] = {
        {"classes", 0, 0, G_OPTION_ARG_STRING, &raw->classes,
         "nine (default), kmalloc, fine, sizes, or @FILE", "TABLE"},
        {"caches", 0, 0, G_OPTION_ARG_STRING, &raw->caches,
         "the kernel's: named (default), or general", "MODE"},
        {"magazine", 0, 0, G_OPTION_ARG_STRING, &raw->magazine,
         "objects that a CPU keeps of a class, or none", "N"},
        {"page-lists", 0, 0, G_OPTION_ARG_STRING, &raw->page_lists,
         "pages that a CPU keeps on its lists, or none", "N"},
        {"keep-empty", 0, 0, G_OPTION_ARG_STRING, &raw->keep_empty,
         "empty slabs kept of a class (default: 1), or none", "N"},
        {"low", 0, 0, G_OPTION_ARG_STRING, &raw->low,
         "memory below 4 GiB, for requests that need it", "SIZE"},
        G_OPTION_ENTRY_NULL,
    };
    g_option_context_add_main_entries(context, entries, NULL);
}

static gboolean bad_classes(GError **error, const char *text)
{
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--classes=%s: %s", text,
                CLASSES_WANTED);
    return FALSE;
}

/* The next size of the table; what: why it cannot be. */
static gboolean take_size(const char *word, struct replay_heap_options *options, GString *what)
{
    guint64 size = 0;
    guint count = options->class_count;
    if (!g_ascii_string_to_unsigned(word, 10, 8, BSA_MAX_CLASS_SIZE, &size, NULL) || size % 8 != 0)
        g_string_printf(what, "'%s' is no multiple of 8 from 8 to %u", word, BSA_MAX_CLASS_SIZE);
    else if (count > 0 && size <= options->class_size[count - 1])
        g_string_printf(what, "%s comes after %u; sizes ascend", word,
                        options->class_size[count - 1]);
    else if (count == REPLAY_MAX_CLASSES)
        g_string_printf(what, "%s is one size too many; a table has at most %u", word,
                        REPLAY_MAX_CLASSES);
    else
        options->class_size[options->class_count++] = (guint)size;
    return what->len == 0;
}

/* Takes sizes, one after the other, with commas and white space between them. */
static gboolean take_sizes(const char *sizes, struct replay_heap_options *options, GString *what)
{
    char **words = g_strsplit_set(sizes, ", \t\r", -1);
    gboolean good = TRUE;
    for (guint i = 0; good && words[i] != NULL; i++)
        good = words[i][0] == '\0' || take_size(words[i], options, what);
    g_strfreev(words);
    return good;
}

static gboolean take_list(const char *text, struct replay_heap_options *options, GError **error)
{
    GString *what = g_string_new(NULL);
    gboolean good = take_sizes(text, options, what);
    if (!good)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--classes=%s: %s; %s", text,
                    what->str, CLASSES_WANTED);
    g_string_free(what, TRUE);
    return good;
}

/* Of each line, what stands before a '#'. */
static gboolean take_lines(const char *name, const char *text, struct replay_heap_options *options,
                           GError **error)
{
    char **lines = g_strsplit(text, "\n", -1);
    GString *what = g_string_new(NULL);
    gboolean good = TRUE;
    for (guint i = 0; good && lines[i] != NULL; i++) {
        lines[i][strcspn(lines[i], "#")] = '\0';
        good = take_sizes(lines[i], options, what);
        if (!good)
            g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_CLASSES,
                        "--classes=@%s, line %u: %s", name, i + 1, what->str);
    }
    if (good && options->class_count == 0) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_CLASSES,
                    "--classes=@%s: there is no size in it; it wants ascending multiples of 8 up "
                    "to %u",
                    name, BSA_MAX_CLASS_SIZE);
        good = FALSE;
    }
    g_string_free(what, TRUE);
    g_strfreev(lines);
    return good;
}

static gboolean take_file(const char *name, struct replay_heap_options *options, GError **error)
{
    char *text = NULL;
    if (!g_file_get_contents(name, &text, NULL, error)) {
        g_prefix_error(error, "--classes=@%s: ", name);
        return FALSE;
    }
    gboolean good = take_lines(name, text, options, error);
    g_free(text);
    return good;
}

static gboolean take_classes(const char *text, struct replay_heap_options *options, GError **error)
{
    guint set = 0;
    if (text == NULL)
        text = set_names[0];
    options->classes = g_strdup(text);
    if (text[0] == '@')
        return take_file(text + 1, options, error);
    if (g_ascii_isdigit(text[0]))
        return take_list(text, options, error);
    while (set < G_N_ELEMENTS(set_names) && strcmp(text, set_names[set]) != 0)
        set++;
    if (set == G_N_ELEMENTS(set_names))
        return bad_classes(error, text);
    const struct bsa_class_table *table = bsa_standard_classes((enum bsa_class_set)set);
    for (unsigned i = 0; i < table->count; i++)
        options->class_size[i] = table->object_sizes[i];
    options->class_count = table->count;
    return TRUE;
}

/* A limit as the library's configuration has it: 0 where it is not given. */
static gboolean take_limit(const char *option, const char *text, guint64 most, unsigned *limit,
                           GError **error)
{
    guint64 value = 0;
    if (text == NULL)
        return TRUE;
    if (strcmp(text, "none") == 0 || strcmp(text, "0") == 0) {
        *limit = BSA_NONE;
        return TRUE;
    }
    if (!g_ascii_string_to_unsigned(text, 10, 1, most, &value, NULL)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--%s=%s: give none, or a number from 1 to %" G_GUINT64_FORMAT, option, text,
                    most);
        return FALSE;
    }
    *limit = (unsigned)value;
    return TRUE;
}

/* There are no more addresses below 4 GiB than that. */
static gboolean take_low(const char *text, guint page_size, guint64 *low, GError **error)
{
    if (!parse_bytes("low", text, G_GUINT64_CONSTANT(1) << 32, low, error))
        return FALSE;
    if (*low % page_size == 0)
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--low=%s: give whole pages, which have %u bytes", text, page_size);
    return FALSE;
}

gboolean replay_heap_convert(const struct replay_heap_raw *raw, guint page_size,
                             struct replay_heap_options *options, GError **error)
{
    guint caches = 0;
    *options = (struct replay_heap_options){.classes = NULL};
    gboolean good =
        parse_word("caches", raw->caches, cache_names, G_N_ELEMENTS(cache_names), &caches, error);
    options->general = caches == 1;
    return good && take_classes(raw->classes, options, error) &&
           take_limit("magazine", raw->magazine, 256, &options->magazine_objects, error) &&
           take_limit("page-lists", raw->page_lists, 1 << 20, &options->page_list_pages, error) &&
           take_limit("keep-empty", raw->keep_empty, 1 << 20, &options->keep_empty, error) &&
           take_low(raw->low, page_size, &options->low, error);
}

const char *replay_heap_given(const struct replay_heap_raw *raw)
{
    return raw->classes != NULL      ? "--classes"
           : raw->caches != NULL     ? "--caches"
           : raw->magazine != NULL   ? "--magazine"
           : raw->page_lists != NULL ? "--page-lists"
           : raw->keep_empty != NULL ? "--keep-empty"
           : raw->low != NULL        ? "--low"
                                     : NULL;
}

char *replay_limit_text(unsigned limit)
{
    return limit == 0          ? g_strdup("default")
           : limit == BSA_NONE ? g_strdup("none")
                               : g_strdup_printf("%u", limit);
}

void replay_heap_raw_clear(struct replay_heap_raw *raw)
{
    g_free(raw->classes);
    g_free(raw->caches);
    g_free(raw->magazine);
    g_free(raw->page_lists);
    g_free(raw->keep_empty);
    g_free(raw->low);
}
