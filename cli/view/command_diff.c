/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-replay diff A B. */
#include <stdio.h>

#include "command.h"
#include "diff.h"
#include "error.h"

struct diff_options {
    gboolean json;
    char **fail_if, **rest;
};

static GOptionContext *make_context(struct diff_options *options)
{
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, "print JSON instead of a table", NULL},
        {"fail-if", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->fail_if,
         "exit with 1 when it holds; repeatable", "CONDITION"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->rest, NULL, "A B"},
        G_OPTION_ENTRY_NULL,
    };
    GString *text = g_string_new(
        "CONDITION is KEY OP [+|-]NUMBER[K|M|G|T|%], OP one of <, <=, >, >=, = and !=.\n"
        "With a sign it is about the change from A to B, else about B; with % in\n"
        "hundredths of A. peak_occupied>+5%: B's pages exceed A's by more than 5 %.\n\n"
        "KEY is one of\n");
    view_diff_keys(text);
    g_string_truncate(text, text->len - 1); /* its line's end is GOption's */
    GOptionContext *context = g_option_context_new(NULL);
    g_set_prgname("bsa-replay diff"); /* in the first line of --help */
    g_option_context_set_summary(context,
                                 "bsa-replay diff compares two reports, folders or report.json "
                                 "files: what got\nworse and what better from A to B.");
    g_option_context_set_description(context, text->str);
    g_option_context_add_main_entries(context, entries, NULL);
    g_string_free(text, TRUE);
    return context;
}

static void clear_condition(gpointer data)
{
    view_condition_clear(data);
}

static gboolean parse_conditions(char **texts, GArray *conditions, GError **error)
{
    for (guint i = 0; texts != NULL && texts[i] != NULL; i++) {
        struct view_condition condition;
        if (!view_condition_parse(&condition, texts[i], error))
            return FALSE;
        g_array_append_val(conditions, condition);
    }
    return TRUE;
}

/* Prints the comparison; conditions that hold go to standard error. */
static int compare(const struct diff_options *options, JsonObject *a, JsonObject *b,
                   GArray *conditions, GError **error)
{
    GArray *changes = view_diff(a, b);
    gboolean *holds = g_new0(gboolean, conditions->len + 1);
    int status = VIEW_DONE;
    for (guint i = 0; i < conditions->len; i++) {
        const struct view_condition *condition =
            &g_array_index(conditions, struct view_condition, i);
        if (!view_condition_test(condition, changes, &holds[i], error))
            status = VIEW_FAILED;
        if (*error != NULL)
            break;
        if (holds[i]) {
            fprintf(stderr, "bsa-replay diff: %s holds\n", condition->text);
            status = VIEW_FAILED;
        }
    }
    if (options->json) {
        char *json = view_diff_json(changes, conditions, holds);
        fputs(json, stdout);
        g_free(json);
    } else {
        GString *text = g_string_new(NULL);
        view_diff_text(a, b, changes, text);
        fputs(text->str, stdout);
        g_string_free(text, TRUE);
    }
    g_free(holds);
    g_array_unref(changes);
    return status;
}

static int run(const struct diff_options *options, GArray *conditions, GError **error)
{
    JsonNode *a = view_load(options->rest[0], error);
    JsonNode *b = a == NULL ? NULL : view_load(options->rest[1], error);
    int status = VIEW_FAILED;
    if (b != NULL)
        status =
            compare(options, json_node_get_object(a), json_node_get_object(b), conditions, error);
    g_clear_pointer(&a, json_node_unref);
    g_clear_pointer(&b, json_node_unref);
    return status;
}

int view_command_diff(int argc, char **argv)
{
    struct diff_options options = {.json = FALSE};
    GArray *conditions = g_array_new(FALSE, FALSE, sizeof(struct view_condition));
    GOptionContext *context = make_context(&options);
    GError *error = NULL;
    int status = VIEW_USAGE;
    g_array_set_clear_func(conditions, clear_condition);
    if (g_option_context_parse(context, &argc, &argv, &error) &&
        parse_conditions(options.fail_if, conditions, &error)) {
        if (options.rest == NULL || g_strv_length(options.rest) != 2)
            g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "give two reports, folders or report.json files: bsa-replay diff A B");
        else
            status = run(&options, conditions, &error);
    }
    if (error != NULL)
        fprintf(stderr, "bsa-replay diff: %s\n%s", error->message,
                status == VIEW_USAGE ? "Try 'bsa-replay diff --help'.\n" : "");
    g_clear_error(&error);
    g_array_unref(conditions);
    g_option_context_free(context);
    g_strfreev(options.fail_if);
    g_strfreev(options.rest);
    return status;
}
