/* SPDX-License-Identifier: Apache-2.0 */
#include "result.h"

#include <buddyslab/version.h>

#include "../trace/hygiene.h"
#include "output.h"

gboolean result_open(struct result *result, const struct tool *tool, enum trace_level level,
                     const struct trace_summary *like, const trace_names *names, GError **error)
{
    if (!output_allowed(tool, TRUE, error))
        return FALSE;
    struct trace_writer_options writing = {
        .level = level,
        .kernel = like->kernel,
        .page_size = like->page_size,
        .addresses = tool->addresses,
        .compression = (gint)tool->level,
        .names = names,
    };
    result->writer = trace_writer_open(tool->output, &writing, error);
    if (result->writer == NULL)
        return FALSE;
    result->meta = trace_meta_new();
    result->size = g_array_new(FALSE, TRUE, sizeof(guint64));
    trace_tally_init(&result->tally, &result->summary, &result->hygiene, like->page_size);
    return TRUE;
}

/* The size of the object in the event's slot before it, which is its own from now on. */
static guint64 exchange_size(struct result *result, const struct trace_event *event)
{
    if (event->slot == TRACE_NO_SLOT)
        return 0;
    if (event->slot >= result->size->len)
        g_array_set_size(result->size, MAX(event->slot + 1, result->size->len * 2));
    guint64 *size = &g_array_index(result->size, guint64, event->slot), former = *size;
    if ((event->flags & TRACE_FAILED) == 0)
        *size = event->size;
    return former;
}

gboolean result_event(struct result *result, const struct trace_event *event, GError **error)
{
    struct trace_summary *summary = &result->summary;
    gboolean failed = (event->flags & TRACE_FAILED) != 0;
    guint64 former = exchange_size(result, event);
    trace_tally_events(&result->tally, event, &former, 1);
    if (trace_kind_is_alloc(event->kind) && !failed)
        result->live++;
    else if (trace_kind_is_free(event->kind))
        result->live--;
    summary->peak_slots = MAX(summary->peak_slots, result->live);
    return trace_writer_event(result->writer, event, error);
}

static void meta_set(struct result *result, const char *key, const struct trace_meta_entry *entry)
{
    gsize bytes;
    gconstpointer value = g_bytes_get_data(entry->value, &bytes);
    trace_meta_set(result->meta, key, value, bytes);
}

gboolean result_meta_is_own(const char *key)
{
    return g_str_has_prefix(key, "hygiene.") || g_str_has_prefix(key, "summary.");
}

void result_meta_copy(struct result *result, const trace_meta *meta)
{
    for (guint i = 0; i < trace_meta_count(meta); i++) {
        const struct trace_meta_entry *entry = trace_meta_nth(meta, i);
        meta_set(result, entry->key, entry);
    }
}

void result_meta_copy_whole(struct result *result, const trace_meta *meta)
{
    for (guint i = 0; i < trace_meta_count(meta); i++) {
        const struct trace_meta_entry *entry = trace_meta_nth(meta, i);
        char *key = g_strconcat(result_meta_is_own(entry->key) ? "whole." : "", entry->key, NULL);
        meta_set(result, key, entry);
        g_free(key);
    }
}

void result_meta_chain(struct result *result, const struct tool_command *command)
{
    char *before = trace_meta_text(result->meta, "tool");
    char *chain = g_strdup_printf("%s%sbsa-trace %s %d.%d.%d", before != NULL ? before : "",
                                  before != NULL ? "; " : "", command->name, BSA_VERSION_MAJOR,
                                  BSA_VERSION_MINOR, BSA_VERSION_PATCH);
    trace_meta_set_text(result->meta, "tool", chain);
    g_free(before);
    g_free(chain);
}

gboolean result_meta_number(const trace_meta *meta, const char *key, guint64 *value)
{
    char *text = trace_meta_text(meta, key);
    gboolean good =
        text != NULL && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, value, NULL);
    g_free(text);
    return good;
}

void result_meta_hygiene(struct result *result, const struct trace_hygiene *hygiene)
{
    for (guint i = 0; i < trace_hygiene_field_count; i++) {
        const struct trace_hygiene_field *field = &trace_hygiene_fields[i];
        guint64 value = trace_hygiene_get(hygiene, field);
        char *key = g_strconcat("hygiene.", field->key, NULL);
        if (value > 0 || trace_meta_get(result->meta, key) != NULL)
            trace_meta_set_number(result->meta, key, value);
        g_free(key);
    }
}

/* So that bsa-trace info need not read the events. */
static void meta_summary(struct result *result)
{
    const struct trace_summary *summary = &result->summary;
    trace_meta_set_number(result->meta, "summary.cpus", summary->cpus);
    trace_meta_set_number(result->meta, "summary.threads", summary->threads);
    trace_meta_set_number(result->meta, "summary.peak_slots", summary->peak_slots);
    trace_meta_set_number(result->meta, "summary.peak_live_bytes", summary->peak_live_bytes);
    trace_meta_set_number(result->meta, "summary.peak_live_pages", summary->peak_live_pages);
    trace_meta_set_number(result->meta, "summary.max_size", summary->max_size);
}

gboolean result_close(struct result *result, gboolean good, GError **error)
{
    if (result->writer == NULL)
        return FALSE;
    trace_tally_finish(&result->tally, TRACE_LAYER_ALL);
    if (good && result->summary.events > 0)
        meta_summary(result);
    good = good && trace_writer_meta(result->writer, result->meta, error);
    if (good)
        good = trace_writer_close(result->writer, error);
    else
        trace_writer_abandon(result->writer);
    trace_tally_destroy(&result->tally);
    trace_meta_free(result->meta);
    g_array_free(result->size, TRUE);
    *result = (struct result){.writer = NULL};
    return good;
}
