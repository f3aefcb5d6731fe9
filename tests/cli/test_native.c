/* SPDX-License-Identifier: Apache-2.0 */
/* Trace files: what is written is read again, at both levels; chunks of recorders in order of time.
 */
#include "native_support.h"

#include "trace/columns.h"

#define SLOTS 500u

/* Events of every kind with fields of every size; the slots are as the reader gives them. */
struct maker {
    GRand *random;
    struct trace_event live[SLOTS]; /* by slot: how it began */
    gboolean used[SLOTS];
    guint32 unused[SLOTS]; /* a stack */
    guint32 unused_count, slots;
    guint64 now;
    const trace_names *names;
};

static guint32 random_name(struct maker *maker)
{
    return (guint32)g_rand_int_range(maker->random, 0, (gint32)trace_names_count(maker->names));
}

static struct trace_event random_event(struct maker *maker)
{
    GRand *random = maker->random;
    /* Clocks go back, too. */
    maker->now += random_number(random) >> 32;
    maker->now -= g_rand_int_range(random, 0, 100) == 0 ? maker->now / 2 : 0;
    return (struct trace_event){
        .time_ns = maker->now,
        .slot = TRACE_NO_SLOT,
        .cpu = g_rand_int(random) >> g_rand_int_range(random, 16, 32),
        .thread = (guint32)random_number(random),
        .cache = random_name(maker),
        .site = random_name(maker),
        .gfp = random_name(maker),
        .node = (guint16)random_number(random),
        .migratetype = (guint8)random_number(random),
        .given = random_number(random),
        .align = random_number(random),
    };
}

static gboolean is_free(const struct maker *maker, guint32 slot)
{
    return slot >= maker->slots || !maker->used[slot];
}

static void make_begin(struct maker *maker, struct trace_event *event)
{
    guint32 order = (guint32)g_rand_int_range(maker->random, 0, 31);
    event->kind = (guint8)g_rand_int_range(maker->random, TRACE_ALLOC, TRACE_REALLOC + 1);
    event->size = random_number(maker->random) % (TRACE_SIZE_MAX + 1);
    event->address = random_number(maker->random);
    if (event->kind == TRACE_REALLOC) {
        event->kind = TRACE_PAGE_ALLOC;
        event->order = (guint8)order;
        event->size = (guint64)4096 << order;
        event->flags = g_rand_boolean(maker->random) ? TRACE_SLAB_PAGES : 0;
    }
    event->slot = maker->unused_count > 0 ? maker->unused[--maker->unused_count] : maker->slots++;
    maker->used[event->slot] = TRUE;
    maker->live[event->slot] = *event;
}

static void make_end(struct maker *maker, struct trace_event *event, guint32 slot)
{
    const struct trace_event *former = &maker->live[slot];
    event->kind = former->kind == TRACE_PAGE_ALLOC ? TRACE_PAGE_FREE : TRACE_FREE;
    event->flags = former->flags;
    event->flags |= g_rand_boolean(maker->random) ? TRACE_IMPLICIT : 0;
    event->slot = slot;
    event->size = former->size;
    event->address = former->address;
    event->order = former->order;
    maker->used[slot] = FALSE;
    maker->unused[maker->unused_count++] = slot;
}

static void make_resize(struct maker *maker, struct trace_event *event, guint32 slot)
{
    event->kind = TRACE_REALLOC;
    if (g_rand_int_range(maker->random, 0, 4) == 0) {
        event->flags = TRACE_FAILED;
        event->size = random_word(maker->random);
        event->slot = g_rand_boolean(maker->random) ? slot : TRACE_NO_SLOT;
        return;
    }
    event->slot = slot;
    event->size = random_number(maker->random) % (TRACE_SIZE_MAX + 1);
    event->address = random_number(maker->random);
    maker->live[slot].size = event->size;
    maker->live[slot].address = event->address;
}

/* No object: a call that failed, or something else. */
static void make_other(struct maker *maker, struct trace_event *event)
{
    static const guint8 kinds[] = {TRACE_ALLOC,      TRACE_PAGE_ALLOC, TRACE_THREAD_START,
                                   TRACE_THREAD_END, TRACE_CPU_START,  TRACE_CPU_END,
                                   TRACE_MARKER,     TRACE_LOST,       TRACE_ALIGNED_ALLOC};
    event->kind = kinds[g_rand_int_range(maker->random, 0, G_N_ELEMENTS(kinds))];
    event->size = g_rand_boolean(maker->random) ? G_MAXUINT64 : random_number(maker->random);
    if (trace_kind_has_slot(event->kind)) {
        event->flags = TRACE_FAILED;
        event->order = (guint8)g_rand_int_range(maker->random, 0, 31);
    }
}

static struct trace_event make_event(struct maker *maker)
{
    struct trace_event event = random_event(maker);
    guint32 slot = (guint32)g_rand_int_range(maker->random, 0, SLOTS);
    if (g_rand_int_range(maker->random, 0, 20) == 0) {
        make_other(maker, &event);
    } else if (is_free(maker, slot)) {
        make_begin(maker, &event);
    } else if (maker->live[slot].kind != TRACE_PAGE_ALLOC && g_rand_boolean(maker->random)) {
        make_resize(maker, &event, slot);
    } else {
        make_end(maker, &event, slot);
    }
    return event;
}

static trace_names *some_names(guint count)
{
    trace_names *names = trace_names_new();
    for (guint i = 1; i < count; i++) {
        char *name = g_strdup_printf("name %u of \xc3\xa4ll", i);
        ck_assert_uint_eq(trace_names_intern(names, name, strlen(name)), i);
        g_free(name);
    }
    return names;
}

static void check_same(const struct trace_event *got, const struct trace_event *expected, guint i)
{
    ck_assert_msg(got->number == i + 1 && got->line == 0, "event %u: number", i);
    ck_assert_msg(got->time_ns == expected->time_ns && got->thread == expected->thread &&
                      got->cpu == expected->cpu,
                  "event %u: time, thread or CPU", i);
    ck_assert_msg(got->kind == expected->kind && got->flags == expected->flags &&
                      got->slot == expected->slot,
                  "event %u: kind %u, %u; flags %u, %u; slot %u, %u", i, got->kind, expected->kind,
                  got->flags, expected->flags, got->slot, expected->slot);
    ck_assert_msg(got->size == expected->size && got->given == expected->given &&
                      got->align == expected->align && got->address == expected->address,
                  "event %u of kind %u: size, given, alignment or address", i, got->kind);
    ck_assert_msg(got->cache == expected->cache && got->site == expected->site &&
                      got->gfp == expected->gfp,
                  "event %u: names", i);
    ck_assert_msg(got->node == expected->node && got->order == expected->order &&
                      got->migratetype == expected->migratetype,
                  "event %u: node, order or migrate type", i);
}

/* More than two chunks of events; the reader numbers names as the writer did. */
START_TEST(all_kinds)
{
    static struct maker maker;
    struct told told;
    GArray *made = g_array_new(FALSE, FALSE, sizeof(struct trace_event));
    char *path = new_path();
    maker = (struct maker){.random = seeded("all_kinds"), .names = some_names(3000)};
    trace_writer *writer = open_writer(path, TRACE_LEVEL_REPLAYABLE, maker.names);
    for (guint i = 0; i < 2 * TRACE_COLUMNS_EVENTS + 77; i++) {
        struct trace_event event = make_event(&maker);
        g_array_append_val(made, event);
        write_event(writer, &event);
    }
    close_writer(writer);
    read_path(&told, path, TRACE_LAYER_ALL);
    ck_assert_uint_eq(told.events->len, made->len);
    for (guint i = 0; i < made->len; i++) {
        check_same(event_at(&told, i), &g_array_index(made, struct trace_event, i), i);
    }
    ck_assert_uint_eq(trace_name_count(told.reader), 3000);
    ck_assert_str_eq(trace_name(told.reader, 2999), trace_names_get(maker.names, 2999));
    ck_assert_uint_eq(told.summary.peak_slots, maker.slots);
    ck_assert(told.summary.kernel);
    drop(&told);
    drop_file(path);
    g_array_free(made, TRUE);
    g_rand_free(maker.random);
}
END_TEST

/* The writer gives slots of its own: the smallest, and the last that ended first. */
START_TEST(slots_become_dense)
{
    static const guint32 given[] = {70000, 5, 900000};
    struct told told;
    char *path = new_path();
    trace_writer *writer = open_writer(path, TRACE_LEVEL_REPLAYABLE, NULL);
    for (guint i = 0; i < 3; i++) {
        struct trace_event event = {.kind = TRACE_ALLOC, .size = i + 1, .slot = given[i]};
        write_event(writer, &event);
    }
    struct trace_event end = {.kind = TRACE_FREE, .slot = 5};
    struct trace_event again = {.kind = TRACE_CALLOC, .size = 9, .slot = 5};
    write_event(writer, &end);
    write_event(writer, &again);
    close_writer(writer);
    read_path(&told, path, TRACE_LAYER_ALL);
    for (guint i = 0; i < 3; i++) {
        ck_assert_uint_eq(event_at(&told, i)->slot, i);
    }
    ck_assert_uint_eq(event_at(&told, 3)->slot, 1);
    ck_assert_uint_eq(event_at(&told, 3)->size, 2);
    ck_assert_uint_eq(event_at(&told, 4)->slot, 1);
    ck_assert_uint_eq(told.summary.peak_slots, 3);
    drop(&told);
    drop_file(path);
}
END_TEST

static struct trace_record random_record(GRand *random, const trace_names *names, guint64 now)
{
    struct trace_record record = TRACE_RECORD_INIT;
    gint32 count = (gint32)trace_names_count(names);
    record.kind = (guint8)g_rand_int_range(random, 0, TRACE_KINDS);
    if (trace_kind_is_alloc(record.kind) || record.kind == TRACE_REALLOC) {
        record.flags = g_rand_int_range(random, 0, 9) == 0 ? TRACE_FAILED : 0;
    }
    record.time_ns = now;
    record.thread = (guint32)random_number(random);
    record.cpu = (guint16)g_rand_int(random);
    record.cache = (guint32)g_rand_int_range(random, 0, count);
    record.site = (guint32)g_rand_int_range(random, 0, count);
    record.gfp = (guint32)g_rand_int_range(random, 0, count);
    record.given = random_number(random);
    record.align = random_number(random);
    record.node = (guint16)g_rand_int(random);
    record.migratetype = (guint8)g_rand_int(random);
    record.order = (guint8)g_rand_int_range(random, 0, 31);
    record.size =
        record.flags != 0 ? random_word(random) : random_number(random) % (TRACE_SIZE_MAX + 1);
    /* Few, so that they come back. */
    if (record.flags == 0 &&
        (trace_kind_has_slot(record.kind) || record.kind == TRACE_REALLOC_BEGIN)) {
        record.address = G_GUINT64_CONSTANT(0xffff888000000000) +
                         (guint64)g_rand_int_range(random, 0, 3000) * 64;
    }
    return record;
}

START_TEST(raw_records)
{
    GRand *random = seeded("raw_records");
    trace_names *names = some_names(50);
    GArray *made = g_array_new(FALSE, FALSE, sizeof(struct trace_record));
    char *path = new_path();
    guint64 now = random_word(random) >> 1;
    trace_writer *writer = open_writer(path, TRACE_LEVEL_RAW, names);
    for (guint i = 0; i < 2 * TRACE_COLUMNS_EVENTS + 5; i++) {
        now += random_number(random) >> 34;
        struct trace_record record = random_record(random, names, now);
        g_array_append_val(made, record);
        write_record(writer, &record);
    }
    close_writer(writer);
    GArray *got = all_records(path, NULL);
    ck_assert_uint_eq(got->len, made->len);
    for (guint i = 0; i < made->len; i++) {
        ck_assert_msg(memcmp(&g_array_index(made, struct trace_record, i),
                             &g_array_index(got, struct trace_record, i),
                             sizeof(struct trace_record)) == 0,
                      "record %u of kind %u", i, g_array_index(made, struct trace_record, i).kind);
    }
    g_array_free(got, TRUE);
    g_array_free(made, TRUE);
    drop_file(path);
    trace_names_free(names);
    g_rand_free(random);
}
END_TEST

/* Thread by thread, as one file of each would be put together: the reader sorts them. */
START_TEST(threads_in_turn)
{
    const guint each = 50000, threads = 3;
    guint64 seen[3] = {0};
    char *path = new_path();
    trace_writer *writer = open_writer(path, TRACE_LEVEL_RAW, NULL);
    for (guint thread = 0; thread < threads; thread++) {
        for (guint i = 0; i < each; i++) {
            struct trace_record record = TRACE_RECORD_INIT;
            record.kind = TRACE_MARKER;
            record.time_ns = 1000 + i * 3 + thread;
            record.thread = thread;
            record.size = i;
            write_record(writer, &record);
        }
    }
    struct trace_record object = TRACE_RECORD_INIT; /* a trace has one at least */
    object.time_ns = 1;
    object.address = 64;
    write_record(writer, &object);
    close_writer(writer);
    GArray *got = all_records(path, NULL);
    ck_assert_uint_eq(got->len, each * threads + 1);
    for (guint i = 1; i < got->len; i++) {
        const struct trace_record *record = &g_array_index(got, struct trace_record, i);
        ck_assert_uint_eq(record->time_ns, 1000 + i - 1);
        ck_assert_uint_eq(record->size, seen[record->thread]++);
    }
    g_array_free(got, TRUE);
    drop_file(path);
}
END_TEST

/* Two threads, a clock of three ticks a nanosecond; one frees what the other gets again. */
START_TEST(recorders_chunks)
{
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW);
    struct trace_fixed first[] = {fixed(3000, TRACE_ALLOC, 0x1000, 10),
                                  fixed(3900, TRACE_FREE, 0x1000, 0)};
    struct trace_fixed second[] = {fixed(3300, TRACE_ALLOC, 0x2000, 20),
                                   fixed(3900, TRACE_ALLOC, 0x1000, 30)};
    struct trace_fixed third[] = {fixed(6000, TRACE_FREE, 0x1000, 0)};
    static const guint64 times[] = {1000, 1100, 1300, 1300, 2000};
    static const guint32 threads[] = {7, 8, 7, 8, 7};
    struct trace_hygiene hygiene;
    add_meta(bytes, "clock", "tsc");
    add_meta(bytes, "clock.start", "0 0");
    /* In the file later threads come first. */
    add_fixed(bytes, 8, 4500, 1500, second, 2);
    add_fixed(bytes, 7, 4500, 1500, first, 2);
    add_fixed(bytes, 7, 6000, 2000, third, 1);
    char *path = make_file(bytes->data, bytes->len);
    GArray *got = all_records(path, &hygiene);
    ck_assert_uint_eq(got->len, 5);
    for (guint i = 0; i < 5; i++) {
        const struct trace_record *record = &g_array_index(got, struct trace_record, i);
        ck_assert_uint_eq(record->time_ns, times[i]);
        ck_assert_uint_eq(record->thread, threads[i]);
        ck_assert_uint_eq(record->cpu, 1);
    }
    ck_assert_uint_eq(g_array_index(got, struct trace_record, 2).kind, TRACE_FREE);
    ck_assert_uint_eq(hygiene.cut_bytes, 0);
    ck_assert_uint_eq(hygiene.out_of_order, 0);
    g_array_free(got, TRUE);
    drop_file(path);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

/* A clock that changes its rate: straight lines between moments, beyond them the nearest. */
START_TEST(clock_by_pieces)
{
    static const guint64 second = 1000000000;
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW);
    struct trace_fixed records[] = {
        fixed(second / 2, TRACE_ALLOC, 0x10, 1), fixed(second, TRACE_ALLOC, 0x20, 1),
        fixed(2 * second, TRACE_ALLOC, 0x30, 1), fixed(3 * second, TRACE_ALLOC, 0x40, 1)};
    static const guint64 times[] = {second / 2, second, 3 * second, 5 * second};
    add_meta(bytes, "clock", "tsc");
    add_fixed(bytes, 1, 0, 0, records, 1);
    add_fixed(bytes, 1, second, second, records + 1, 1);
    add_fixed(bytes, 1, 2 * second, 3 * second, records + 2, 2);
    char *path = make_file(bytes->data, bytes->len);
    GArray *got = all_records(path, NULL);
    for (guint i = 0; i < 4; i++) {
        ck_assert_uint_eq(g_array_index(got, struct trace_record, i).time_ns, times[i]);
    }
    g_array_free(got, TRUE);
    drop_file(path);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

/* Thousands of threads have a window each. */
START_TEST(many_threads)
{
    enum { THREADS = 5000 };
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW);
    add_meta(bytes, "clock", "monotonic");
    for (guint i = 0; i < THREADS; i++) {
        struct trace_fixed records[] = {
            fixed(THREADS - i, TRACE_ALLOC, 0x1000 + i, 1),
            fixed(2 * THREADS - i, TRACE_FREE, 0x1000 + (i + 1) % THREADS, 0)};
        add_fixed(bytes, i, 0, 0, records, 2);
    }
    struct told told;
    read_bytes(&told, bytes->data, bytes->len, TRACE_LAYER_ALL);
    ck_assert_uint_eq(told.events->len, 2 * THREADS);
    ck_assert_uint_eq(told.hygiene.orphan_frees, 0);
    ck_assert_uint_eq(told.hygiene.out_of_order, 0);
    ck_assert_uint_eq(told.summary.threads, THREADS);
    drop(&told);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

/* As a text it is, so it is as a file, in each layer: events, summary and hygiene. */
START_TEST(layers_as_in_text)
{
    struct trace_options options = {.layer = TRACE_LAYER_ALL};
    struct trace_event event;
    struct told text, file;
    GError *error = NULL;
    char *source = data_path("good-kmem.txt"), *path = new_path();
    trace_reader *reader = trace_open(source, &options, &error);
    ck_assert(reader != NULL);
    trace_writer *writer = open_writer(path, TRACE_LEVEL_REPLAYABLE, trace_reader_names(reader));
    while (trace_next(reader, &event, &error) > 0) {
        write_event(writer, &event);
    }
    close_writer(writer);
    trace_close(reader);
    read_path(&text, source, (enum trace_layer)_i);
    read_path(&file, path, (enum trace_layer)_i);
    ck_assert_uint_eq(text.events->len, file.events->len);
    guint64 shift = event_at(&text, 0)->time_ns - event_at(&file, 0)->time_ns;
    for (guint i = 0; i < text.events->len; i++) {
        struct trace_event expected = *event_at(&text, i), got = *event_at(&file, i);
        ck_assert_str_eq(trace_name(text.reader, expected.site), trace_name(file.reader, got.site));
        ck_assert_str_eq(trace_name(text.reader, expected.cache),
                         trace_name(file.reader, got.cache));
        ck_assert_str_eq(trace_name(text.reader, expected.gfp), trace_name(file.reader, got.gfp));
        got.site = expected.site;
        got.cache = expected.cache;
        got.gfp = expected.gfp;
        /* A layer's first record may have been a free of nothing, of which the file knows nothing.
         */
        expected.time_ns -= shift;
        check_same(&got, &expected, i);
    }
    ck_assert_uint_eq(text.summary.peak_slots, file.summary.peak_slots);
    ck_assert_uint_eq(text.summary.peak_live_bytes, file.summary.peak_live_bytes);
    ck_assert_uint_eq(text.summary.peak_live_pages, file.summary.peak_live_pages);
    ck_assert_uint_eq(text.summary.max_size, file.summary.max_size);
    ck_assert_uint_eq(text.hygiene.allocs, file.hygiene.allocs);
    ck_assert_uint_eq(text.hygiene.frees, file.hygiene.frees);
    ck_assert_uint_eq(text.hygiene.page_frees, file.hygiene.page_frees);
    ck_assert_uint_eq(text.hygiene.implicit_frees, file.hygiene.implicit_frees);
    ck_assert_uint_eq(text.hygiene.slab_page_allocs, file.hygiene.slab_page_allocs);
    ck_assert_uint_eq(text.hygiene.slab_page_frees, file.hygiene.slab_page_frees);
    ck_assert_uint_eq(text.hygiene.never_freed, file.hygiene.never_freed);
    ck_assert_uint_eq(text.hygiene.never_freed_bytes, file.hygiene.never_freed_bytes);
    ck_assert_uint_eq(text.hygiene.pages_never_freed, file.hygiene.pages_never_freed);
    drop(&text);
    drop(&file);
    drop_file(path);
    g_free(source);
}
END_TEST

/* Values may have any bytes; later ones count; of the import's counts those that events cannot
 * tell. */
START_TEST(metadata)
{
    static const char blob[] = "a\0b";
    struct told told;
    GError *error = NULL;
    char *path = new_path();
    trace_meta *meta = trace_meta_new();
    trace_writer *writer = open_writer(path, TRACE_LEVEL_REPLAYABLE, NULL);
    trace_meta_set_text(meta, "command", "ls -l");
    trace_meta_set(meta, "blob", blob, sizeof blob);
    trace_meta_set_text(meta, "hygiene.null_frees", "12");
    trace_meta_set_text(meta, "hygiene.allocs", "99");
    trace_meta_set_text(meta, "hygiene.orphan_frees", "many");
    trace_meta_set_text(meta, "empty", "");
    ck_assert(trace_writer_meta(writer, meta, &error));
    struct trace_event event = {.kind = TRACE_ALLOC, .size = 8, .slot = 0};
    write_event(writer, &event);
    trace_meta_set_text(meta, "command", "ls -la");
    ck_assert(trace_writer_meta(writer, meta, &error));
    close_writer(writer);
    trace_meta_free(meta);
    read_path(&told, path, TRACE_LAYER_ALL);
    const trace_meta *got = trace_reader_meta(told.reader);
    ck_assert_uint_eq(trace_meta_count(got), 6);
    char *command = trace_meta_text(got, "command");
    ck_assert_str_eq(command, "ls -la");
    ck_assert_uint_eq(g_bytes_get_size(trace_meta_get(got, "blob")), sizeof blob);
    ck_assert_uint_eq(g_bytes_get_size(trace_meta_get(got, "empty")), 0);
    ck_assert_uint_eq(told.hygiene.null_frees, 12);
    ck_assert_uint_eq(told.hygiene.allocs, 1);
    ck_assert_uint_eq(told.hygiene.orphan_frees, 0);
    g_free(command);
    drop(&told);
    drop_file(path);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("native");
    TCase *levels = tcase_create("levels");
    tcase_add_test(levels, all_kinds);
    tcase_add_test(levels, slots_become_dense);
    tcase_add_test(levels, raw_records);
    tcase_add_test(levels, threads_in_turn);
    tcase_add_loop_test(levels, layers_as_in_text, TRACE_LAYER_SLAB, TRACE_LAYER_ALL + 1);
    tcase_add_test(levels, metadata);
    suite_add_tcase(suite, levels);
    TCase *recorder = tcase_create("recorder");
    tcase_add_test(recorder, recorders_chunks);
    tcase_add_test(recorder, clock_by_pieces);
    tcase_add_test(recorder, many_threads);
    suite_add_tcase(suite, recorder);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
