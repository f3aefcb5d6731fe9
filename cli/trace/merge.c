/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heap of rows by the time of their next record. A row that has a chunk to be opened stands there
 * with the time of the chunk's first record, so that nothing is read before it is needed.
 */
#include "merge.h"

#include <string.h>

#include "columns.h"
#include "decode.h"
#include "fixed.h"
#include "map.h"

/* Bytes that are in memory of a chunk of fixed records that can be read in parts. */
#define WINDOW 4096u

/* Chunks of columns that overlap in time are open at once; a sensible writer's few do. */
#define OPEN_BYTES_MAX ((guint64)256 << 20)
#define ROWS_TRIED 64u

struct place {
    struct trace_chunk chunk;
    guint64 first; /* ticks or ns of its first record */
    guint32 next;  /* of the row, an index into places; G_MAXUINT32: none */
};

#define NO_PLACE G_MAXUINT32

struct row {
    guint32 first, last; /* of its places */
    guint32 place;       /* that is open, or is the next to be */
    gboolean open;
    gboolean columns;
    guint64 highest_ns; /* columns: of its last chunk */
    /* While a chunk is open. */
    guint64 done;        /* columns: events before the window; else bytes up to its end */
    guint32 next, ready; /* columns: of the window */
    guint8 *window;
    struct trace_fixed_reader reader;
    struct trace_fixed fixed; /* the record that comes next */
    struct trace_event *events;
    struct trace_content content;
    trace_decoder *decoder;
    /* The heap's order. */
    guint64 time_ns, ticks;
    guint8 begins; /* frees go before what takes their address at the same time */
};

struct trace_merge {
    trace_file *file;
    struct trace_dictionary *dictionary;
    struct trace_clock clock;
    struct trace_content content;
    GArray *places;          /* struct place */
    GPtrArray *rows;         /* struct row */
    struct trace_map row_of; /* thread -> row of its chunks of fixed records */
    GPtrArray *columns;      /* struct row, those of columns */
    struct row **heap;
    guint heap_count;
    guint64 open_bytes;
    struct trace_record record;
    struct row *given; /* whose next record was handed out */
};

static void free_row(gpointer data)
{
    struct row *row = data;
    trace_decoder_free(row->decoder);
    trace_content_free(&row->content);
    g_free(row->window);
    g_free(row->events);
    g_free(row);
}

trace_merge *trace_merge_new(trace_file *file, struct trace_dictionary *dictionary)
{
    trace_merge *merge = g_new0(trace_merge, 1);
    merge->file = file;
    merge->dictionary = dictionary;
    merge->places = g_array_new(FALSE, FALSE, sizeof(struct place));
    merge->rows = g_ptr_array_new_with_free_func(free_row);
    merge->columns = g_ptr_array_new();
    trace_clock_init(&merge->clock);
    trace_map_init(&merge->row_of);
    return merge;
}

void trace_merge_free(trace_merge *merge)
{
    if (merge != NULL) {
        g_array_free(merge->places, TRUE);
        g_ptr_array_free(merge->columns, TRUE);
        g_ptr_array_free(merge->rows, TRUE);
        trace_clock_destroy(&merge->clock);
        trace_map_destroy(&merge->row_of);
        trace_content_free(&merge->content);
        g_free(merge->heap);
        g_free(merge);
    }
}

static struct place *place_at(const trace_merge *merge, guint32 index)
{
    return &g_array_index(merge->places, struct place, index);
}

static struct row *add_row(trace_merge *merge)
{
    struct row *row = g_new0(struct row, 1);
    row->first = NO_PLACE;
    g_ptr_array_add(merge->rows, row);
    return row;
}

/*
 * The row of columns that ends last before the chunk begins: so there are as many as overlap. Only
 * the last rows are looked at, as a file may be made of chunks that all overlap.
 */
static struct row *row_of_columns(trace_merge *merge, const struct trace_chunk_header *header)
{
    struct row *best = NULL;
    for (guint i = merge->columns->len; i > 0 && merge->columns->len - i < ROWS_TRIED; i--) {
        struct row *row = g_ptr_array_index(merge->columns, i - 1);
        if (row->highest_ns <= header->clock_ticks &&
            (best == NULL || row->highest_ns > best->highest_ns)) {
            best = row;
        }
    }
    if (best == NULL) {
        best = add_row(merge);
        best->columns = TRUE;
        g_ptr_array_add(merge->columns, best);
    }
    best->highest_ns = header->clock_ns;
    return best;
}

static struct row *row_of_chunk(trace_merge *merge, const struct trace_chunk_header *header)
{
    if (header->type == TRACE_CHUNK_COLUMNS) {
        return row_of_columns(merge, header);
    }
    const guint32 *known = trace_map_find(&merge->row_of, header->thread);
    if (known != NULL) {
        return g_ptr_array_index(merge->rows, *known);
    }
    trace_map_insert(&merge->row_of, header->thread, merge->rows->len);
    return add_row(merge);
}

static void add_place(trace_merge *merge, const struct trace_chunk *chunk, guint64 first)
{
    struct row *row = row_of_chunk(merge, &chunk->header);
    struct place place = {*chunk, first, NO_PLACE};
    guint32 index = merge->places->len;
    g_array_append_val(merge->places, place);
    if (row->first == NO_PLACE) {
        row->first = row->place = index;
    } else {
        place_at(merge, row->last)->next = index;
    }
    row->last = index;
}

/* Checks fixed records once for all: afterwards they are read in parts. */
static gboolean scan_fixed(trace_merge *merge, const struct trace_chunk *chunk, GError **error)
{
    struct trace_fixed_reader reader = {.type = chunk->header.type};
    struct trace_fixed first;
    if (!trace_file_content(merge->file, chunk, &merge->content, error)) {
        return FALSE;
    }
    trace_clock_add(&merge->clock, chunk->header.clock_ticks, chunk->header.clock_ns);
    trace_fixed_read(&reader, merge->content.bytes, chunk->header.content_bytes);
    if (trace_fixed_next(&reader, &first)) {
        add_place(merge, chunk, first.ticks);
        return TRUE;
    }
    const char *wrong = trace_fixed_wrong(&reader, chunk->header.events);
    return wrong == NULL || trace_file_spoilt(merge->file, chunk, 0, wrong, error);
}

static gboolean scan_chunk(trace_merge *merge, const struct trace_chunk *chunk, GError **error)
{
    switch (chunk->header.type) {
    case TRACE_CHUNK_FIXED:
    case TRACE_CHUNK_SHORT:
        return scan_fixed(merge, chunk, error);
    case TRACE_CHUNK_COLUMNS:
        if (chunk->header.clock_ns < chunk->header.clock_ticks) {
            return trace_file_spoilt(merge->file, chunk, 0, "its highest time is below its lowest",
                                     error);
        }
        add_place(merge, chunk, chunk->header.clock_ticks);
        return TRUE;
    default:
        return trace_dictionary_take(merge->dictionary, merge->file, chunk, &merge->content, error);
    }
}

static gboolean goes_before(const struct row *a, const struct row *b)
{
    if (a->time_ns != b->time_ns) {
        return a->time_ns < b->time_ns;
    }
    if (a->ticks != b->ticks) {
        return a->ticks < b->ticks;
    }
    return a->open != b->open ? !a->open : a->begins < b->begins;
}

static void sift_down(trace_merge *merge, guint at)
{
    struct row **heap = merge->heap, *row = heap[at];
    for (;;) {
        guint child = 2 * at + 1;
        if (child >= merge->heap_count) {
            break;
        }
        if (child + 1 < merge->heap_count && goes_before(heap[child + 1], heap[child])) {
            child++;
        }
        if (!goes_before(heap[child], row)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = row;
}

/* The row waits for its chunk's first record. */
static void wait_for_chunk(trace_merge *merge, struct row *row)
{
    guint64 first = place_at(merge, row->place)->first;
    row->open = FALSE;
    row->begins = 0;
    row->ticks = row->columns ? 0 : first;
    row->time_ns = row->columns ? first : trace_clock_ns(&merge->clock, first);
}

/* Every row waits for its first chunk. */
static void stand_at_first(trace_merge *merge)
{
    merge->heap_count = merge->rows->len;
    for (guint i = 0; i < merge->heap_count; i++) {
        merge->heap[i] = g_ptr_array_index(merge->rows, i);
        merge->heap[i]->place = merge->heap[i]->first;
        wait_for_chunk(merge, merge->heap[i]);
    }
    for (guint i = merge->heap_count / 2; i > 0; i--) {
        sift_down(merge, i - 1);
    }
}

gboolean trace_merge_scan(trace_merge *merge, GError **error)
{
    struct trace_chunk chunk;
    int got;
    while ((got = trace_file_next(merge->file, &chunk, error)) > 0) {
        if (!scan_chunk(merge, &chunk, error)) {
            return FALSE;
        }
    }
    if (got < 0) {
        return FALSE;
    }
    trace_clock_ready(&merge->clock, merge->dictionary->meta);
    merge->heap = g_new(struct row *, MAX(1, merge->rows->len));
    stand_at_first(merge);
    return TRUE;
}

static gboolean packed(const struct trace_chunk *chunk)
{
    return (chunk->header.flags & TRACE_CHUNK_ZSTD) != 0;
}

/* Bytes that an open chunk holds in memory: its content, and what a decoder notes of each event. */
static guint64 bytes_of(const struct row *row, const struct trace_chunk *chunk)
{
    guint64 content = row->columns || packed(chunk) ? chunk->header.content_bytes : 0;
    return content + (row->columns ? (guint64)chunk->header.events * TRACE_DECODE_EVENT_BYTES : 0);
}

static gboolean open_chunk(trace_merge *merge, struct row *row, GError **error)
{
    const struct trace_chunk *chunk = &place_at(merge, row->place)->chunk;
    merge->open_bytes += bytes_of(row, chunk);
    if (merge->open_bytes > OPEN_BYTES_MAX) {
        return trace_file_spoilt(merge->file, chunk, 0,
                                 "too many chunks overlap with it in time to be sorted", error);
    }
    row->open = TRUE;
    row->done = 0;
    row->next = row->ready = 0;
    row->reader = (struct trace_fixed_reader){.type = chunk->header.type};
    if (bytes_of(row, chunk) == 0) {
        row->window = g_realloc(row->window, MIN(WINDOW, chunk->header.content_bytes));
        return TRUE;
    }
    if (!trace_file_content(merge->file, chunk, &row->content, error)) {
        return FALSE;
    }
    if (!row->columns) {
        return TRUE;
    }
    row->decoder = trace_decoder_new(TRACE_LEVEL_RAW, 0);
    row->events = g_renew(struct trace_event, row->events, TRACE_DECODE_BLOCK);
    guint32 name_count;
    const guint32 *names = trace_dictionary_names(merge->dictionary, &name_count);
    const char *wrong =
        trace_decoder_begin(row->decoder, row->content.bytes, chunk->header.content_bytes,
                            chunk->header.events, names, name_count);
    return wrong == NULL || trace_file_spoilt(merge->file, chunk, 0, wrong, error);
}

/* Many rows may be between two chunks: what they hold is given back. */
static void close_chunk(trace_merge *merge, struct row *row)
{
    const struct trace_chunk *chunk = &place_at(merge, row->place)->chunk;
    merge->open_bytes -= bytes_of(row, chunk);
    trace_content_free(&row->content);
    row->content = (struct trace_content){0};
    trace_decoder_free(row->decoder);
    row->decoder = NULL;
    row->place = place_at(merge, row->place)->next;
}

static gboolean decode_events(trace_merge *merge, struct row *row, GError **error)
{
    const char *wrong = NULL;
    row->done += row->ready;
    row->next = 0;
    row->ready = trace_decoder_block(row->decoder, row->events, NULL, &wrong);
    return wrong == NULL || trace_file_spoilt(merge->file, &place_at(merge, row->place)->chunk,
                                              row->done + row->ready + 1, wrong, error);
}

static gboolean fill_window(trace_merge *merge, struct row *row, const struct trace_chunk *chunk,
                            GError **error)
{
    guint64 begin = row->done, left = chunk->header.content_bytes - begin;
    guint64 bytes = packed(chunk) ? left : MIN(WINDOW, left);
    row->done += bytes;
    trace_fixed_read(&row->reader, packed(chunk) ? row->content.bytes : row->window, bytes);
    return packed(chunk) ||
           trace_file_read(merge->file, chunk->offset + sizeof chunk->header + begin, row->window,
                           bytes, error);
}

/* The row's next record: 1, 0 at the end of its chunk, -1 and error. */
static int read_fixed(trace_merge *merge, struct row *row, GError **error)
{
    const struct trace_chunk *chunk = &place_at(merge, row->place)->chunk;
    while (!trace_fixed_next(&row->reader, &row->fixed)) {
        if (row->done == chunk->header.content_bytes) {
            const char *wrong = trace_fixed_wrong(&row->reader, chunk->header.events);
            if (wrong != NULL) {
                trace_file_spoilt(merge->file, chunk, 0, wrong, error);
            }
            return wrong == NULL ? 0 : -1;
        }
        if (!fill_window(merge, row, chunk, error)) {
            return -1;
        }
    }
    return 1;
}

/* The same for columns. */
static int read_event(trace_merge *merge, struct row *row, GError **error)
{
    if (row->next == row->ready && !decode_events(merge, row, error)) {
        return -1;
    }
    return row->next < row->ready;
}

static void take_event(const struct trace_event *event, struct trace_record *record)
{
    *record = trace_record_of(event);
    record->flags &= TRACE_FAILED;
}

/* Where the row stands in the heap is by the record that comes next. FALSE and error. */
static gboolean look_ahead(trace_merge *merge, struct row *row, GError **error)
{
    int got = row->columns ? read_event(merge, row, error) : read_fixed(merge, row, error);
    if (got < 0) {
        return FALSE;
    }
    if (got == 0) {
        close_chunk(merge, row);
        if (row->place != NO_PLACE) {
            wait_for_chunk(merge, row);
        }
        return TRUE;
    }
    guint8 kind;
    if (row->columns) {
        row->time_ns = row->events[row->next].time_ns;
        row->ticks = 0;
        kind = row->events[row->next].kind;
    } else {
        row->ticks = row->fixed.ticks;
        row->time_ns = trace_clock_ns(&merge->clock, row->ticks);
        kind = row->fixed.kind;
    }
    row->begins = trace_kind_is_alloc(kind) || kind == TRACE_REALLOC;
    return TRUE;
}

/* The row at the top has moved, or is at its end. */
static gboolean move_top(trace_merge *merge, GError **error)
{
    struct row *row = merge->heap[0];
    if (!look_ahead(merge, row, error)) {
        return FALSE;
    }
    if (row->place == NO_PLACE) {
        merge->heap[0] = merge->heap[--merge->heap_count];
    }
    if (merge->heap_count > 0) {
        sift_down(merge, 0);
    }
    return TRUE;
}

int trace_merge_next(trace_merge *merge, const struct trace_record **record, GError **error)
{
    if (merge->given != NULL) {
        merge->given->next++;
        merge->given = NULL;
        if (!move_top(merge, error)) {
            return -1;
        }
    }
    while (merge->heap_count > 0 && !merge->heap[0]->open) {
        if (!open_chunk(merge, merge->heap[0], error) || !move_top(merge, error)) {
            return -1;
        }
    }
    if (merge->heap_count == 0) {
        return 0;
    }
    struct row *row = merge->heap[0];
    if (row->columns) {
        take_event(&row->events[row->next], &merge->record);
    } else {
        guint32 thread = place_at(merge, row->place)->chunk.header.thread;
        trace_fixed_record(&row->fixed, thread, &merge->clock, &merge->record);
    }
    const char *wrong = trace_record_wrong(&merge->record, row->columns);
    if (wrong != NULL) {
        trace_file_spoilt(merge->file, &place_at(merge, row->place)->chunk,
                          row->columns ? row->done + row->next + 1 : row->reader.events, wrong,
                          error);
        return -1;
    }
    merge->given = row;
    *record = &merge->record;
    return 1;
}

void trace_merge_rewind(trace_merge *merge)
{
    for (guint i = 0; i < merge->heap_count; i++) {
        if (merge->heap[i]->open) {
            close_chunk(merge, merge->heap[i]);
        }
    }
    merge->given = NULL;
    stand_at_first(merge);
}
