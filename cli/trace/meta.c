/* SPDX-License-Identifier: Apache-2.0 */
#include "meta.h"

#include <string.h>

struct trace_meta {
    GArray *entries; /* struct trace_meta_entry; a few dozen, so that a search is a walk */
};

static void clear_entry(gpointer data)
{
    struct trace_meta_entry *entry = data;
    g_free(entry->key);
    g_bytes_unref(entry->value);
}

trace_meta *trace_meta_new(void)
{
    trace_meta *meta = g_new0(trace_meta, 1);
    meta->entries = g_array_new(FALSE, FALSE, sizeof(struct trace_meta_entry));
    g_array_set_clear_func(meta->entries, clear_entry);
    return meta;
}

static struct trace_meta_entry *find(const trace_meta *meta, const char *key)
{
    for (guint i = 0; i < meta->entries->len; i++) {
        struct trace_meta_entry *entry = &g_array_index(meta->entries, struct trace_meta_entry, i);
        if (strcmp(entry->key, key) == 0) {
            return entry;
        }
    }
    return NULL;
}

void trace_meta_set(trace_meta *meta, const char *key, gconstpointer value, gsize bytes)
{
    struct trace_meta_entry *known = find(meta, key);
    if (known != NULL) {
        g_bytes_unref(known->value);
        known->value = g_bytes_new(value, bytes);
        return;
    }
    struct trace_meta_entry entry = {g_strdup(key), g_bytes_new(value, bytes)};
    g_array_append_val(meta->entries, entry);
}

void trace_meta_set_text(trace_meta *meta, const char *key, const char *text)
{
    trace_meta_set(meta, key, text, strlen(text));
}

void trace_meta_set_number(trace_meta *meta, const char *key, guint64 number)
{
    char text[24];
    g_snprintf(text, sizeof text, "%" G_GUINT64_FORMAT, number);
    trace_meta_set_text(meta, key, text);
}

GBytes *trace_meta_get(const trace_meta *meta, const char *key)
{
    const struct trace_meta_entry *entry = find(meta, key);
    return entry == NULL ? NULL : entry->value;
}

char *trace_meta_text(const trace_meta *meta, const char *key)
{
    GBytes *value = trace_meta_get(meta, key);
    if (value == NULL) {
        return NULL;
    }
    gsize bytes;
    const char *text = g_bytes_get_data(value, &bytes);
    return g_strndup(text, bytes);
}

guint trace_meta_count(const trace_meta *meta)
{
    return meta->entries->len;
}

const struct trace_meta_entry *trace_meta_nth(const trace_meta *meta, guint index)
{
    return &g_array_index(meta->entries, struct trace_meta_entry, index);
}

void trace_meta_free(trace_meta *meta)
{
    if (meta != NULL) {
        g_array_free(meta->entries, TRUE);
        g_free(meta);
    }
}
