/* SPDX-License-Identifier: Apache-2.0 */
#include "hygiene.h"

#include "error.h"

#define FIELD(name, text)                                                                          \
    {                                                                                              \
#name, text, G_STRUCT_OFFSET(struct trace_hygiene, name), FALSE                            \
    }
#define ODD(name, text)                                                                            \
    {                                                                                              \
#name, text, G_STRUCT_OFFSET(struct trace_hygiene, name), TRUE                             \
    }

const struct trace_hygiene_field trace_hygiene_fields[] = {
    FIELD(lines, "lines or records read"),
    FIELD(events, "events"),
    FIELD(allocs, "objects allocated"),
    FIELD(frees, "objects freed, implicit frees included"),
    FIELD(reallocs, "reallocs"),
    FIELD(page_allocs, "page blocks allocated"),
    FIELD(page_frees, "page blocks freed, implicit frees included"),
    ODD(null_frees, "frees of NULL (no event)"),
    FIELD(failed_allocs, "requests that failed when recorded (not replayed)"),
    ODD(orphan_frees, "orphan frees: object older than the trace, or lost (no event)"),
    ODD(orphan_page_frees, "orphan page frees (no event)"),
    ODD(orphan_reallocs, "orphan reallocs: the object begins with them"),
    ODD(open_reallocs, "reallocs that never ended"),
    ODD(implicit_frees, "implicit frees: address handed out again without a free"),
    ODD(implicit_page_frees, "implicit page frees"),
    FIELD(batched_repeats, "mm_page_free_batched lines that repeat a free (no event)"),
    FIELD(slab_page_allocs, "page blocks of the recorded slabs, left out"),
    FIELD(slab_page_frees, "frees of page blocks of the recorded slabs, left out"),
    ODD(lost_events, "events that the recorder lost"),
    ODD(lost_reports, "reports of lost events"),
    FIELD(incomplete_start, "events before all CPUs recorded"),
    FIELD(out_of_order, "events out of order in time"),
    ODD(cut_bytes, "bytes at the end of a file that was cut off"),
    FIELD(other_events, "events of other kinds"),
    FIELD(other_layer, "events of the layer that was not asked for"),
    FIELD(filler_lines, "empty lines, comments, call chains"),
    ODD(ignored_lines, "lines not understood"),
    FIELD(never_freed, "objects never freed (censored, not leaked)"),
    FIELD(never_freed_bytes, "  their bytes, page blocks apart"),
    FIELD(pages_never_freed, "pages never freed (censored, not leaked)"),
};
const guint trace_hygiene_field_count = G_N_ELEMENTS(trace_hygiene_fields);

guint64 trace_hygiene_get(const struct trace_hygiene *hygiene,
                          const struct trace_hygiene_field *field)
{
    return G_STRUCT_MEMBER(guint64, hygiene, field->offset);
}

void trace_hygiene_set(struct trace_hygiene *hygiene, const struct trace_hygiene_field *field,
                       guint64 value)
{
    G_STRUCT_MEMBER(guint64, hygiene, field->offset) = value;
}

static void first_ignored(const struct trace_hygiene *hygiene, GString *out)
{
    for (guint64 i = 0; i < hygiene->ignored_shown; i++) {
        g_string_append_printf(out, "%s %" G_GUINT64_FORMAT, i == 0 ? "line" : ",",
                               hygiene->first_ignored[i]);
    }
    if (hygiene->ignored_lines > hygiene->ignored_shown) {
        g_string_append(out, " ...");
    }
}

void trace_hygiene_text(const struct trace_hygiene *hygiene, GString *out)
{
    for (guint i = 0; i < trace_hygiene_field_count; i++) {
        const struct trace_hygiene_field *field = &trace_hygiene_fields[i];
        guint64 value = trace_hygiene_get(hygiene, field);
        if (value > 0 || field->odd) {
            g_string_append_printf(out, "%-64s%14" G_GUINT64_FORMAT "\n", field->text, value);
        }
    }
    if (hygiene->ignored_shown > 0) {
        g_string_append(out, "  not understood: ");
        first_ignored(hygiene, out);
        g_string_append_c(out, '\n');
    }
}

gboolean trace_hygiene_clean(const struct trace_hygiene *hygiene, const char *name, GError **error)
{
    GString *odd = g_string_new(NULL);
    for (guint i = 0; i < trace_hygiene_field_count; i++) {
        const struct trace_hygiene_field *field = &trace_hygiene_fields[i];
        guint64 value = trace_hygiene_get(hygiene, field);
        if (value > 0 && field->odd) {
            g_string_append_printf(odd, "%s%s = %" G_GUINT64_FORMAT, odd->len > 0 ? ", " : "",
                                   field->key, value);
        }
    }
    if (hygiene->ignored_shown > 0) {
        g_string_append(odd, " (");
        first_ignored(hygiene, odd);
        g_string_append_c(odd, ')');
    }
    gboolean clean = odd->len == 0;
    if (!clean) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_HYGIENE,
                    "%s: not all that happened is in this trace: %s", name, odd->str);
    }
    g_string_free(odd, TRUE);
    return clean;
}
