/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

void trace_import_init(struct trace_import *import)
{
    *import = (struct trace_import){0};
    import->cpu_first = g_array_new(FALSE, FALSE, sizeof(guint64));
    import->first_ns = G_MAXUINT64;
    trace_map_init(&import->threads);
}

void trace_import_destroy(struct trace_import *import)
{
    g_array_free(import->cpu_first, TRUE);
    trace_map_destroy(&import->threads);
}

void trace_import_seen(struct trace_import *import, guint32 cpu, guint64 time_ns)
{
    static const guint64 never = G_MAXUINT64;
    while (cpu >= import->cpu_first->len) {
        g_array_append_val(import->cpu_first, never);
    }
    guint64 *first = &g_array_index(import->cpu_first, guint64, cpu);
    if (*first == never) {
        *first = time_ns;
    }
}

/* More than Linux can number; further ones are not counted. */
#define THREADS_MAX ((gsize)1 << 22)

static void note_thread(struct trace_import *import, guint32 thread)
{
    if (import->threads.count > 0 && thread == import->last_thread) {
        return;
    }
    import->last_thread = thread;
    if (import->threads.count < THREADS_MAX && trace_map_find(&import->threads, thread) == NULL) {
        trace_map_insert(&import->threads, thread, 0);
    }
}

gboolean trace_import_note(struct trace_import *import, const struct trace_record *record)
{
    if (trace_kind_has_slot(record->kind)) {
        gboolean page = trace_kind_is_page(record->kind);
        *(page ? &import->page_records : &import->slab_records) += 1;
    }
    if (trace_import_leaves_out(import->options, record)) {
        import->hygiene->other_layer++;
        return FALSE;
    }
    if (record->kind != TRACE_LOST) {
        note_thread(import, record->thread);
    }
    import->cpus = MAX(import->cpus, (guint32)record->cpu + 1);
    if (record->time_ns < import->last_ns) {
        import->hygiene->out_of_order++;
    }
    import->last_ns = record->time_ns;
    import->first_ns = MIN(import->first_ns, record->time_ns);
    import->records++;
    return TRUE;
}

gboolean trace_import_add(struct trace_import *import, const struct trace_record *record,
                          GError **error)
{
    return !trace_import_note(import, record) || trace_spool_append(import->spool, record, error);
}

gboolean trace_import_realloc(struct trace_import *import, const struct trace_record *record,
                              guint64 from, GError **error)
{
    struct trace_record part = *record;
    if (from == 0) {
        part.kind = TRACE_ALLOC;
        return trace_import_add(import, &part, error);
    }
    part.kind = TRACE_REALLOC_BEGIN;
    part.address = from;
    part.size = 0;
    part.flags = 0;
    if (!trace_import_add(import, &part, error)) {
        return FALSE;
    }
    part = *record;
    part.kind = TRACE_REALLOC;
    return trace_import_add(import, &part, error);
}

void trace_import_untimed(struct trace_import *import)
{
    trace_meta_set_text(import->meta, "clock", TRACE_CLOCK_RECORDS);
}

guint64 trace_import_next_ns(const struct trace_import *import)
{
    return import->records;
}

void trace_import_ignore(struct trace_import *import, guint64 line)
{
    struct trace_hygiene *hygiene = import->hygiene;
    hygiene->ignored_lines++;
    if (hygiene->ignored_shown < G_N_ELEMENTS(hygiene->first_ignored)) {
        hygiene->first_ignored[hygiene->ignored_shown++] = line;
    }
}

void trace_import_progress(struct trace_import *import)
{
    const struct trace_options *options = import->options;
    if (options->progress != NULL && import->hygiene->lines % 65536 == 0) {
        options->progress(options->progress_data, import->records,
                          trace_input_fraction(import->input));
    }
}

int trace_import_line(struct trace_import *import, struct trace_line *line, GError **error)
{
    int got;
    while ((got = trace_input_line(import->input, line, error)) > 0) {
        import->hygiene->lines++;
        trace_import_progress(import);
        if (!line->cut) {
            break;
        }
        trace_import_ignore(import, line->number);
    }
    return got;
}
