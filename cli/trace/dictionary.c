/* SPDX-License-Identifier: Apache-2.0 */
#include "dictionary.h"

#include <string.h>

/* More keys than anybody writes, so that looking for one stays quick. */
#define KEYS_MAX 4096u
/* And more text: a small compressed file may hold any number of bytes. */
#define META_BYTES_MAX ((gsize)64 << 20)

void trace_dictionary_init(struct trace_dictionary *dictionary, trace_names *names,
                           trace_meta *meta)
{
    guint32 none = 0;
    *dictionary = (struct trace_dictionary){.names = names, .meta = meta};
    dictionary->numbers = g_array_new(FALSE, FALSE, sizeof(guint32));
    g_array_append_val(dictionary->numbers, none);
}

void trace_dictionary_destroy(struct trace_dictionary *dictionary)
{
    g_array_free(dictionary->numbers, TRUE);
}

const guint32 *trace_dictionary_names(const struct trace_dictionary *dictionary, guint32 *count)
{
    *count = dictionary->numbers->len;
    return (const guint32 *)(gconstpointer)dictionary->numbers->data;
}

static const char *take_names(struct trace_dictionary *dictionary, const char *text, gsize bytes)
{
    while (bytes > 0) {
        const char *zero = memchr(text, '\0', bytes);
        if (zero == NULL) {
            return "its last name has no end";
        }
        if (dictionary->numbers->len >= TRACE_NAMES_MAX) {
            return "there are more names than a trace may have";
        }
        gsize length = (gsize)(zero - text);
        guint32 number = trace_names_intern(dictionary->names, text, length);
        g_array_append_val(dictionary->numbers, number);
        text += length + 1;
        bytes -= length + 1;
    }
    return NULL;
}

static const char *take_meta(struct trace_dictionary *dictionary, const char *text, gsize bytes)
{
    dictionary->bytes += bytes;
    if (dictionary->bytes > META_BYTES_MAX) {
        return "there is more metadata than a trace may have";
    }
    while (bytes > 0) {
        const char *zero = memchr(text, '\0', bytes);
        guint32 length;
        if (zero == NULL || zero == text) {
            return "a key of the metadata is empty or has no end";
        }
        bytes -= (gsize)(zero + 1 - text);
        if (bytes < sizeof length) {
            return "a value of the metadata goes beyond its end";
        }
        memcpy(&length, zero + 1, sizeof length);
        length = GUINT32_FROM_LE(length);
        bytes -= sizeof length;
        if (length > bytes) {
            return "a value of the metadata goes beyond its end";
        }
        if (trace_meta_count(dictionary->meta) >= KEYS_MAX) {
            return "there are more keys in the metadata than a trace may have";
        }
        trace_meta_set(dictionary->meta, text, zero + 1 + sizeof length, length);
        text = zero + 1 + sizeof length + length;
        bytes -= length;
    }
    return NULL;
}

gboolean trace_dictionary_take(struct trace_dictionary *dictionary, trace_file *file,
                               const struct trace_chunk *chunk, struct trace_content *content,
                               GError **error)
{
    gboolean names = chunk->header.type == TRACE_CHUNK_NAMES;
    if (!names && chunk->header.type != TRACE_CHUNK_META) {
        return TRUE;
    }
    if (!trace_file_content(file, chunk, content, error)) {
        return FALSE;
    }
    const char *text = (const char *)content->bytes;
    const char *wrong = names ? take_names(dictionary, text, chunk->header.content_bytes)
                              : take_meta(dictionary, text, chunk->header.content_bytes);
    return wrong == NULL || trace_file_spoilt(file, chunk, 0, wrong, error);
}
