/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a trace, for comparison with what was called: a line each, with threads and
 * objects numbered as they come. An address is one object until it is freed or moves away.
 */
#include <stdio.h>

#include "../../cli/trace/kinds.h"
#include "../../cli/trace/reader.h"

static GHashTable *objects; /* address -> number */
static GHashTable *threads;
static guint last_object, last_thread;

static guint number_of(GHashTable *table, guint64 key, guint *last)
{
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(table, GSIZE_TO_POINTER(key)));
    if (number == 0) {
        number = ++*last;
        g_hash_table_insert(table, GSIZE_TO_POINTER(key), GUINT_TO_POINTER(number));
    }
    return number;
}

static void show(const struct trace_record *record)
{
    printf("t%u %s", number_of(threads, record->thread, &last_thread),
           trace_kind_name(record->kind));
    if (record->kind <= TRACE_REALLOC || record->kind == TRACE_REALLOC_BEGIN ||
        record->kind == TRACE_LOST)
        printf(" %" G_GUINT64_FORMAT, record->size);
    if (record->kind == TRACE_ALIGNED_ALLOC)
        printf(" aligned %" G_GUINT64_FORMAT, record->align);
    if (record->address != 0)
        printf(" #%u", number_of(objects, record->address, &last_object));
    if ((record->flags & TRACE_FAILED) != 0)
        printf(" failed");
    printf("\n");
    if (record->kind == TRACE_FREE || record->kind == TRACE_REALLOC_BEGIN)
        g_hash_table_remove(objects, GSIZE_TO_POINTER(record->address));
}

int main(int argc, char **argv)
{
    const struct trace_options options = {.layer = TRACE_LAYER_ALL};
    const struct trace_record *record;
    GError *error = NULL;
    int got = -1;
    objects = g_hash_table_new(NULL, NULL);
    threads = g_hash_table_new(NULL, NULL);
    trace_reader *reader = argc == 2 ? trace_open_records(argv[1], &options, &error) : NULL;
    if (reader != NULL) {
        while ((got = trace_next_record(reader, &record, &error)) > 0)
            show(record);
        trace_close(reader);
    }
    if (got < 0)
        fprintf(stderr, "show: %s\n", error != NULL ? error->message : "name one trace");
    g_clear_error(&error);
    g_hash_table_destroy(objects);
    g_hash_table_destroy(threads);
    return got == 0 ? 0 : 1;
}
