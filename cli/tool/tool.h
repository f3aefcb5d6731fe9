/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of bsa-trace have in common: a command line, traces that are read to their end
 * with a progress line, and an end with one message at most.
 */
#ifndef BSA_CLI_TOOL_TOOL_H
#define BSA_CLI_TOOL_TOOL_H

#include <glib.h>

#include "../common/progress.h"
#include "../trace/reader.h"

#define TOOL_ERROR tool_error_quark()
GQuark tool_error_quark(void);

enum tool_error {
    TOOL_ERROR_OUTPUT, /* what was to be written cannot be */
    TOOL_ERROR_INPUTS, /* traces that do not go together */
    TOOL_ERROR_CHECK   /* a trace that is wrong in itself */
};

/* One call of one command. */
struct tool {
    char **traces;                /* as named on the command line; "-" is standard input */
    char *output;                 /* "-" is standard output */
    struct trace_options reading; /* layer, page size, progress */
    struct progress progress;
    gboolean addresses; /* written beside the identities */
    guint level;        /* of compression, 0: a sensible one */
    gboolean quiet;
    gboolean strict; /* a trace in which something is missing is an error */
};

struct tool_command {
    const char *name;
    const char *arguments; /* behind the options, as in TRACE... */
    const char *summary;   /* a line */
    gboolean writes;       /* traces of the native format: has options for that */
    gboolean (*run)(struct tool *tool, int argc, char **argv, GError **error);
};

extern const struct tool_command tool_check, tool_convert, tool_cut, tool_dump, tool_info,
    tool_merge, tool_stats;

/*
 * The options of the command, which may be NULL, and those that all have; then from low to high
 * names of traces. A wrong command line is a G_OPTION_ERROR.
 */
gboolean tool_parse(struct tool *tool, const struct tool_command *command,
                    const GOptionEntry *entries, int argc, char **argv, guint low, guint high,
                    GError **error);
void tool_clear(struct tool *tool);

/* Opens with progress; --strict has its say. The names are for messages. */
trace_reader *tool_open(struct tool *tool, const char *path, GError **error);
trace_reader *tool_open_records(struct tool *tool, const char *path, GError **error);
const char *tool_trace_name(const char *path);

/* All events, one after the other, with progress. FALSE where take says so, or the reader. */
typedef gboolean (*tool_take)(gpointer data, const struct trace_event *event, GError **error);
gboolean tool_each(struct tool *tool, trace_reader *reader, const char *what, tool_take take,
                   gpointer data, GError **error);

/* The same, some at a time, as the reader has them. */
typedef gboolean (*tool_take_block)(gpointer data, const struct trace_event *events, guint32 count,
                                    GError **error);
gboolean tool_each_block(struct tool *tool, trace_reader *reader, const char *what,
                         tool_take_block take, gpointer data, GError **error);

/* A line for whoever watches, on standard error, unless --quiet. */
void tool_say(const struct tool *tool, const char *format, ...) G_GNUC_PRINTF(2, 3);

const char *tool_layer_name(enum trace_layer layer);

#endif
