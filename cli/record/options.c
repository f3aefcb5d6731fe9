/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <stdio.h>
#include <string.h>

#include <buddyslab/version.h>

#include "../common/arguments.h"

/* What GOption fills before the values are looked at. */
struct raw_options {
    char *output, *duration, *max_events, *min_size, *buffer_size;
    gboolean kernel;
    gboolean no_pack, no_follow, quiet, version;
};

static void raw_clear(struct raw_options *raw)
{
    g_free(raw->output);
    g_free(raw->duration);
    g_free(raw->max_events);
    g_free(raw->min_size);
    g_free(raw->buffer_size);
}

static gboolean parse_events(const char *text, guint64 *events, GError **error)
{
    if (text == NULL || g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64, events, NULL))
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--max-events=%s: give a whole number from 1 on", text);
    return FALSE;
}

static gboolean parse_duration(const char *text, guint64 *ns, GError **error)
{
    if (text == NULL || !parse_time("duration", text, ns, error))
        return text == NULL;
    if (*ns > 0)
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--duration=%s: nothing would be recorded; give a longer time, or leave it out to "
                "record to the end",
                text);
    return FALSE;
}

/* What the recording of programs has, and that of the kernel has not, and the other way round. */
static gboolean check_kernel(const struct raw_options *raw, GError **error)
{
    const char *option = !raw->kernel     ? (raw->buffer_size != NULL ? "--buffer-size" : NULL)
                         : raw->no_follow ? "--no-follow"
                         : raw->no_pack   ? "--no-pack"
                                          : NULL;
    if (option == NULL)
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                raw->kernel ? "%s is not for --kernel; leave it out" : "%s is for --kernel",
                option);
    return FALSE;
}

static gboolean convert(const struct raw_options *raw, struct record_options *options,
                        char **command, GError **error)
{
    if (!parse_duration(raw->duration, &options->duration_ns, error) ||
        !parse_events(raw->max_events, &options->max_events, error) ||
        !parse_bytes("min-size", raw->min_size, PARSE_SIZE_MOST, &options->min_size, error) ||
        !parse_bytes("buffer-size", raw->buffer_size, PARSE_SIZE_MOST, &options->buffer_bytes,
                     error) ||
        !check_kernel(raw, error))
        return FALSE;
    if (raw->output != NULL && raw->output[0] == '\0') {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-o needs the name of a file");
        return FALSE;
    }
    if (command[0] == NULL && !(raw->kernel && options->duration_ns > 0)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "no COMMAND given; name a program and its arguments, as in: bsa-record -- ls");
        return FALSE;
    }
    options->command = command[0] != NULL ? g_strdupv(command) : NULL;
    options->kernel = raw->kernel;
    options->output = g_strdup(raw->output);
    options->pack = !raw->no_pack;
    options->follow = !raw->no_follow;
    options->quiet = raw->quiet;
    return TRUE;
}

static GOptionContext *make_context(const GOptionEntry *entries)
{
    GOptionContext *context = g_option_context_new("[--] COMMAND [ARGUMENT...]");
    g_option_context_set_summary(
        context, "Runs COMMAND and records what it allocates and frees, with threads, CPUs and\n"
                 "times, in a trace for bsa-replay and bsa-trace: a file for each process.");
    g_option_context_set_description(
        context, "TIME is in seconds, or has ns, us, ms, s, min or h behind it; SIZE is in bytes,\n"
                 "or has K, M or G.\n"
                 "Exit status: the command's, 128 and its number when a signal killed it; 2 wrong\n"
                 "usage, 125 the recording failed, 126 COMMAND cannot be run or recorded, 127\n"
                 "there is none.\n"
                 "Manual: man bsa-record");
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_strict_posix(context, TRUE); /* what is behind COMMAND is the command's */
    return context;
}

enum record_parse record_options_parse(struct record_options *options, int argc, char **argv,
                                       GError **error)
{
    struct raw_options raw = {0};
    const GOptionEntry entries[] = {
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &raw.output,
         "the trace (default: bsa-record.PROGRAM.PID.bsat)", "FILE"},
        {"kernel", 0, 0, G_OPTION_ARG_NONE, &raw.kernel,
         "record the kernel's allocations while COMMAND runs", NULL},
        {"buffer-size", 0, 0, G_OPTION_ARG_STRING, &raw.buffer_size,
         "of the kernel's buffer for each CPU, with --kernel", "SIZE"},
        {"duration", 0, 0, G_OPTION_ARG_STRING, &raw.duration,
         "end the recording after that; COMMAND goes on", "TIME"},
        {"max-events", 0, 0, G_OPTION_ARG_STRING, &raw.max_events,
         "end the recording of a process after that", "N"},
        {"min-size", 0, 0, G_OPTION_ARG_STRING, &raw.min_size, "leave out objects that are smaller",
         "SIZE"},
        {"no-follow", 0, 0, G_OPTION_ARG_NONE, &raw.no_follow,
         "do not record processes that COMMAND starts", NULL},
        {"no-pack", 0, 0, G_OPTION_ARG_NONE, &raw.no_pack,
         "leave the files as recorded, 16 bytes for most events", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &raw.quiet, "say nothing but errors", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &raw.version, "print the version and exit", NULL},
        G_OPTION_ENTRY_NULL,
    };
    *options = (struct record_options){.command = NULL};
    GOptionContext *context = make_context(entries);
    enum record_parse result = RECORD_PARSE_FAILED;
    char **words = g_new0(char *, (gsize)argc + 1);
    memcpy(words, argv, (gsize)argc * sizeof(char *));
    char **rest = words;
    if (g_option_context_parse(context, &argc, &rest, error)) {
        char **command = words + 1;
        if (*command != NULL && strcmp(*command, "--") == 0)
            command++;
        if (raw.version) {
            printf("bsa-record %d.%d.%d\n", BSA_VERSION_MAJOR, BSA_VERSION_MINOR,
                   BSA_VERSION_PATCH);
            result = RECORD_PARSE_DONE;
        } else if (convert(&raw, options, command, error)) {
            result = RECORD_PARSE_RUN;
        }
    }
    g_free(words);
    g_option_context_free(context);
    raw_clear(&raw);
    return result;
}

void record_options_clear(struct record_options *options)
{
    g_strfreev(options->command);
    g_free(options->output);
}
