/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_write.h"

#include "command.h"
#include "kernel_decode.h"
#include "kernel_proc.h"
#include "../trace/map.h"

#define LOOK_EVERY 65536u /* events, for a signal */

/* The next record of one CPU. */
struct head {
    kernel_stream *stream; /* NULL: at its end */
    struct trace_record record;
    guint64 lost; /* that its records have told */
};

struct merge {
    struct kernel_recording *recording;
    kernel_decoder *decoder;
    struct head *heads;     /* of each CPU */
    struct trace_map small; /* addresses of live objects that were left out */
    guint64 taken;          /* records from all streams */
    guint64 events;         /* of them written */
    guint64 last_ns;
};

/* FALSE and error; the stream ends in either case. */
static gboolean advance(struct head *head, GError **error)
{
    int got = kernel_stream_next(head->stream, &head->record, error);
    if (got <= 0) {
        kernel_stream_free(head->stream);
        head->stream = NULL;
    }
    return got >= 0;
}

/* At the same time a free comes before the allocation that may get its address. */
static gboolean before(const struct trace_record *a, const struct trace_record *b)
{
    if (a->time_ns != b->time_ns) {
        return a->time_ns < b->time_ns;
    }
    return trace_kind_is_free(a->kind) && !trace_kind_is_free(b->kind);
}

static struct head *first(const struct merge *merge)
{
    struct head *found = NULL;
    for (guint cpu = 0; cpu < merge->recording->cpus; cpu++) {
        struct head *head = &merge->heads[cpu];
        if (head->stream != NULL && (found == NULL || before(&head->record, &found->record))) {
            found = head;
        }
    }
    return found;
}

/* --min-size: a small object goes with its free; a free of what is older than the recording stays.
 */
static gboolean is_small(struct merge *merge, const struct trace_record *record)
{
    guint64 least = merge->recording->options->min_size;
    guint32 ignored;
    if (least == 0 || trace_kind_is_page(record->kind) || !trace_kind_has_slot(record->kind) ||
        (record->flags & TRACE_FAILED) != 0) {
        return FALSE;
    }
    gboolean was = trace_map_remove(&merge->small, record->address, &ignored);
    if (record->kind == TRACE_FREE) {
        return was;
    }
    if (record->size < least) {
        trace_map_insert(&merge->small, record->address, 0);
        return TRUE;
    }
    return FALSE;
}

static gboolean put(struct merge *merge, const struct trace_record *record, GError **error)
{
    struct kernel_written *written = &merge->recording->written;
    merge->last_ns = record->time_ns;
    if (is_small(merge, record)) {
        written->small++;
        return TRUE;
    }
    if (record->kind == TRACE_LOST) {
        merge->heads[record->cpu].lost += record->size;
        written->lost += record->size;
    } else {
        merge->events++;
        *(trace_kind_is_page(record->kind) ? &written->page : &written->slab) += 1;
    }
    return trace_writer_record(merge->recording->writer, record, error);
}

static gboolean put_all(struct merge *merge, GError **error)
{
    guint64 most = merge->recording->options->max_events;
    struct head *head;
    while ((most == 0 || merge->events < most) && (head = first(merge)) != NULL) {
        if (merge->taken++ % LOOK_EVERY == 0 && record_interrupted()) {
            g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED,
                        "a signal came before the trace was written; there is none");
            return FALSE;
        }
        if (!put(merge, &head->record, error) || !advance(head, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* What the kernel lost and no page told. */
static gboolean put_rest(struct merge *merge, GError **error)
{
    const struct kernel_counts *counts = merge->recording->counts;
    for (guint cpu = 0; cpu < merge->recording->cpus; cpu++) {
        struct trace_record record = TRACE_RECORD_INIT;
        if (counts[cpu].overrun > merge->heads[cpu].lost) {
            record.kind = TRACE_LOST;
            record.cpu = (guint16)cpu;
            record.time_ns = merge->last_ns;
            record.size = counts[cpu].overrun - merge->heads[cpu].lost;
            if (!put(merge, &record, error)) {
                return FALSE;
            }
        }
    }
    return TRUE;
}

static void tell(const struct merge *merge, gboolean functions)
{
    const struct kernel_written *written = &merge->recording->written;
    trace_meta *meta = merge->recording->meta;
    trace_meta_set_number(meta, "dropped", written->lost);
    for (guint cpu = 0; cpu < merge->recording->cpus; cpu++) {
        if (merge->heads[cpu].lost > 0) {
            char *key = g_strdup_printf("dropped.cpu%u", cpu);
            trace_meta_set_number(meta, key, merge->heads[cpu].lost);
            g_free(key);
        }
    }
    trace_meta_set_number(meta, "hygiene.null_frees", written->null_frees);
    if (!functions) {
        trace_meta_set_text(meta, "kernel.call-sites", "addresses: /proc/kallsyms tells none");
    }
    if (written->not_understood > 0) {
        trace_meta_set_number(meta, "hygiene.ignored_lines", written->not_understood);
    }
    if (merge->recording->options->min_size > 0) {
        trace_meta_set_number(meta, "min-size", merge->recording->options->min_size);
        trace_meta_set_number(meta, "min-size.left-out", written->small);
    }
}

static gboolean start_streams(struct merge *merge, GError **error)
{
    for (guint cpu = 0; cpu < merge->recording->cpus; cpu++) {
        kernel_pages *pages = kernel_readers_pages(merge->recording->readers, cpu);
        if (pages != NULL) {
            merge->heads[cpu].stream = kernel_stream_new(merge->decoder, cpu, pages);
            if (!advance(&merge->heads[cpu], error)) {
                return FALSE;
            }
        }
    }
    return TRUE;
}

gboolean kernel_write(struct kernel_recording *recording, GError **error)
{
    char *functions = kernel_functions();
    kernel_symbols *symbols = kernel_symbols_new(recording->formats, functions, recording->names);
    struct merge merge = {.recording = recording};
    recording->written = (struct kernel_written){0};
    merge.decoder = kernel_decoder_new(recording->formats, symbols);
    merge.heads = g_new0(struct head, recording->cpus);
    trace_map_init(&merge.small);
    gboolean good =
        start_streams(&merge, error) && put_all(&merge, error) && put_rest(&merge, error);
    recording->written.null_frees = kernel_decoder_skipped(merge.decoder)->null_frees;
    recording->written.not_understood = kernel_decoder_skipped(merge.decoder)->bad;
    tell(&merge, kernel_symbols_known(symbols));
    for (guint cpu = 0; cpu < recording->cpus; cpu++) {
        if (merge.heads[cpu].stream != NULL) {
            kernel_stream_free(merge.heads[cpu].stream);
        }
    }
    trace_map_destroy(&merge.small);
    g_free(merge.heads);
    kernel_decoder_free(merge.decoder);
    kernel_symbols_free(symbols);
    g_free(functions);
    return good;
}
