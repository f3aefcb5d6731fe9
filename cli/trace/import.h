/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a format is to the reader: it recognises its first bytes, and it turns
 * the input into records. Everything behind the records - identity, layers,
 * summary - is the same for all formats.
 */
#ifndef BSA_CLI_TRACE_IMPORT_H
#define BSA_CLI_TRACE_IMPORT_H

#include <glib.h>

#include "input.h"
#include "map.h"
#include "names.h"
#include "reader.h"
#include "spool.h"

/* Records with a higher CPU number are not believed. */
#define TRACE_CPUS_MAX 65536u

/* Where the records go, and what is counted on the way. */
struct trace_import {
    trace_input *input;
    trace_names *names;
    trace_meta *meta;
    trace_spool *spool;
    struct trace_hygiene *hygiene;
    const struct trace_options *options;
    GArray *cpu_first; /* guint64 per CPU: its first time stamp, G_MAXUINT64 before */
    struct trace_map threads;
    guint32 last_thread;  /* most records come from the thread of the one before */
    guint32 cpus;         /* highest CPU of a record + 1 */
    guint64 first_ns;     /* smallest time of a record */
    guint64 last_ns;      /* time of the last record */
    guint64 records;      /* that the spool has, or its source */
    guint64 slab_records; /* told apart so that an empty layer can be named */
    guint64 page_records;
    gboolean chunks; /* the input has no lines; whole ones count, and an index tells its end */
    gboolean ended;  /* the input says itself that it is whole, even if it holds nothing */
    /* What a format finds out of the input. */
    gboolean kernel;             /* begins as the format's */
    guint32 page_size;           /* 0: not told */
    struct trace_stream *stream; /* the events themselves, instead of records */
};

struct trace_format {
    const char *name;
    gboolean kernel;
    gboolean numbered; /* its addresses are numbers of objects */
    /* Whether an input that begins so is of this format; the last line may be cut. */
    gboolean (*probe)(const char *bytes, gsize length);
    /* Reads the whole input. FALSE and error when it cannot be read to its end. */
    gboolean (*import)(struct trace_import *import, GError **error);
};

extern const struct trace_format trace_format_native;
extern const struct trace_format trace_format_perf_script;
extern const struct trace_format trace_format_trace_cmd;
extern const struct trace_format trace_format_tracefs;
extern const struct trace_format trace_format_mtrace;
extern const struct trace_format trace_format_rep;
extern const struct trace_format trace_format_heaptrack;
extern const struct trace_format trace_format_valgrind;

void trace_import_init(struct trace_import *import);
void trace_import_destroy(struct trace_import *import);

/* A time stamp of any kind of event: tells when the CPU's buffer begins. cpu < TRACE_CPUS_MAX. */
void trace_import_seen(struct trace_import *import, guint32 cpu, guint64 time_ns);

gboolean trace_import_add(struct trace_import *import, const struct trace_record *record,
                          GError **error);

/* The record is of the layer that is not asked for. */
static inline gboolean trace_import_leaves_out(const struct trace_options *options,
                                               const struct trace_record *record)
{
    return trace_kind_has_slot(record->kind) &&
           options->layer ==
               (trace_kind_is_page(record->kind) ? TRACE_LAYER_SLAB : TRACE_LAYER_PAGE);
}

/* What trace_import_add counts, of a record that the spool has from a source. FALSE: it is left
 * out. */
gboolean trace_import_note(struct trace_import *import, const struct trace_record *record);

/* The two records of a realloc that moved from an address to the record's; from nowhere it is an
 * allocation. */
gboolean trace_import_realloc(struct trace_import *import, const struct trace_record *record,
                              guint64 from, GError **error);

/* For formats without times: metadata that says so, and a nanosecond for each record. */
void trace_import_untimed(struct trace_import *import);
guint64 trace_import_next_ns(const struct trace_import *import);

/* A line (or record) that is not understood. */
void trace_import_ignore(struct trace_import *import, guint64 line);

/* To be called for each line (or record): shows the progress now and then. */
void trace_import_progress(struct trace_import *import);

/* The next line that is whole, counted: 1, 0 at the end, -1 and error. */
int trace_import_line(struct trace_import *import, struct trace_line *line, GError **error);

/* What a foreign input looks like and what to do with it; never NULL. */
const char *trace_describe_foreign(const char *bytes, gsize length);

#endif
