/* SPDX-License-Identifier: Apache-2.0 */
/* Index 0 is the empty name; the table holds index and hash, the text lies in a string chunk. */
#include "names.h"

#include <string.h>

#include "event.h"

struct entry {
    guint32 hash;
    guint32 index; /* TRACE_NO_NAME: nothing here */
};

struct trace_names {
    struct entry *table;
    guint32 mask;
    GPtrArray *texts; /* index -> text */
    GStringChunk *chunk;
    gsize bytes; /* of all texts */
};

trace_names *trace_names_new(void)
{
    trace_names *names = g_new0(trace_names, 1);
    names->mask = 1023;
    names->table = g_new0(struct entry, names->mask + 1);
    names->texts = g_ptr_array_new();
    names->chunk = g_string_chunk_new(16384);
    g_ptr_array_add(names->texts, g_string_chunk_insert(names->chunk, ""));
    return names;
}

static guint32 hash_text(const char *text, gsize length)
{
    guint64 hash = length * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    while (length >= 8) {
        guint64 word;
        memcpy(&word, text, 8);
        hash = (hash ^ word) * G_GUINT64_CONSTANT(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
        text += 8;
        length -= 8;
    }
    guint64 tail = 0;
    memcpy(&tail, text, length);
    hash = (hash ^ tail) * G_GUINT64_CONSTANT(0xc4ceb9fe1a85ec53);
    return (guint32)(hash >> 32);
}

static gboolean same_text(const char *name, const char *text, gsize length)
{
    return strncmp(name, text, length) == 0 && name[length] == '\0';
}

static void grow(trace_names *names)
{
    guint32 mask = names->mask * 2 + 1;
    struct entry *table = g_new0(struct entry, (gsize)mask + 1);
    for (guint32 i = 0; i <= names->mask; i++) {
        if (names->table[i].index != TRACE_NO_NAME) {
            guint32 at = names->table[i].hash & mask;
            while (table[at].index != TRACE_NO_NAME) {
                at = (at + 1) & mask;
            }
            table[at] = names->table[i];
        }
    }
    g_free(names->table);
    names->table = table;
    names->mask = mask;
}

guint32 trace_names_intern(trace_names *names, const char *text, gsize length)
{
    if (length == 0 || memchr(text, '\0', length) != NULL) {
        return TRACE_NO_NAME;
    }
    guint32 hash = hash_text(text, length);
    guint32 at = hash & names->mask;
    for (; names->table[at].index != TRACE_NO_NAME; at = (at + 1) & names->mask) {
        const struct entry *entry = &names->table[at];
        if (entry->hash == hash &&
            same_text(g_ptr_array_index(names->texts, entry->index), text, length)) {
            return entry->index;
        }
    }
    if (names->texts->len >= TRACE_NAMES_MAX || length > TRACE_NAMES_BYTES_MAX - names->bytes) {
        return TRACE_NO_NAME;
    }
    names->bytes += length;
    names->table[at] = (struct entry){hash, names->texts->len};
    g_ptr_array_add(names->texts, g_string_chunk_insert_len(names->chunk, text, (gssize)length));
    guint32 index = names->texts->len - 1;
    if (names->texts->len > names->mask / 2) {
        grow(names);
    }
    return index;
}

const char *trace_names_get(const trace_names *names, guint32 index)
{
    return index < names->texts->len ? g_ptr_array_index(names->texts, index) : "";
}

guint32 trace_names_count(const trace_names *names)
{
    return names->texts->len;
}

void trace_names_free(trace_names *names)
{
    if (names == NULL) {
        return;
    }
    g_string_chunk_free(names->chunk);
    g_ptr_array_free(names->texts, TRUE);
    g_free(names->table);
    g_free(names);
}
