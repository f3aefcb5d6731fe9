/* SPDX-License-Identifier: Apache-2.0 */
/* The table as C and as a list, for those who use it. */
#include <string.h>

#include <buddyslab.h>

#include "tune.h"

static void append_sizes(const struct class_table *table, const char *between, GString *out)
{
    for (guint i = 0; i < table->count; i++)
        g_string_append_printf(out, "%s%u", i == 0 ? "" : between, table->size[i]);
}

void tune_option_string(const struct tune *tune, GString *out)
{
    const struct tune_limits *limit = &tune->limit[tune->limits_best];
    g_string_append(out, "--classes=");
    append_sizes(tune_made(tune), ",", out);
    if (limit->magazine != 0) {
        char *text = replay_limit_text(limit->magazine);
        g_string_append_printf(out, " --magazine=%s", text);
        g_free(text);
    }
    if (limit->keep_empty != 0) {
        char *text = replay_limit_text(limit->keep_empty);
        g_string_append_printf(out, " --keep-empty=%s", text);
        g_free(text);
    }
}

/* Names of files come from anywhere: nothing of them may end a comment or a line. */
static void append_name(const char *name, GString *out)
{
    for (; *name != '\0'; name++)
        g_string_append_c(out, (guchar)*name < ' ' || strchr("*/\\?", *name) != NULL ? '_' : *name);
}

/* "bsa-replay --tune=9 --tune-for=peak a.bsat", a line for each trace. */
static void append_origin(const struct tune *tune, const char *start, GString *out)
{
    const struct replay_tune_options *options = &tune->options->tune;
    g_string_append_printf(out, "%sMade by bsa-replay --tune=%u --tune-for=%s for\n", start,
                           options->classes, replay_tune_when_name(options->when));
    for (guint i = 0; i < tune->traces; i++) {
        if (tune->trace[i].check)
            continue;
        g_string_append_printf(out, "%s    ", start);
        append_name(tune->trace[i].name, out);
        g_string_append_c(out, '\n');
    }
}

static void append_limit(const char *name, unsigned limit, GString *out)
{
    if (limit == BSA_NONE)
        g_string_append_printf(out, "#define %s BSA_NONE\n", name);
    else
        g_string_append_printf(out, "#define %s %uu\n", name, limit);
}

void tune_header(const struct tune *tune, GString *out)
{
    const struct tune_limits *limit = &tune->limit[tune->limits_best];
    g_string_append(out, "/*\n");
    append_origin(tune, " * ", out);
    g_string_append(out, " *\n"
                         " *     struct bsa_heap_config config = BSA_HEAP_CONFIG_INIT;\n"
                         " *     config.classes = &tuned_classes;\n"
                         " *     config.magazine_objects = TUNED_MAGAZINE_OBJECTS;\n"
                         " *     config.keep_empty = TUNED_KEEP_EMPTY;\n"
                         " */\n"
                         "#ifndef TUNED_CLASSES_H\n"
                         "#define TUNED_CLASSES_H\n\n"
                         "#include <buddyslab/types.h>\n\n"
                         "/* 0: the library's own choice. */\n");
    append_limit("TUNED_MAGAZINE_OBJECTS", limit->magazine, out);
    append_limit("TUNED_KEEP_EMPTY", limit->keep_empty, out);
    g_string_append(out, "\nstatic const unsigned tuned_object_sizes[] = {");
    for (guint i = 0; i < tune_made(tune)->count; i++)
        g_string_append_printf(out, "%s%u,", i % 12 == 0 ? "\n    " : " ",
                               tune_made(tune)->size[i]);
    g_string_append(out, "\n};\n"
                         "static const struct bsa_class_table tuned_classes = {\n"
                         "    sizeof(struct bsa_class_table),\n"
                         "    sizeof(tuned_object_sizes) / sizeof(tuned_object_sizes[0]),\n"
                         "    tuned_object_sizes,\n"
                         "};\n\n"
                         "#endif\n");
}

void tune_list(const struct tune *tune, GString *out)
{
    append_origin(tune, "# ", out);
    append_sizes(tune_made(tune), "\n", out);
    g_string_append_c(out, '\n');
}
