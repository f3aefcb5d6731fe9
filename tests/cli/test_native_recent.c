/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in columns of raw trace files: by what was freed last, and in steps. */
#include "native_support.h"

#include "trace/columns.h"
#include "trace/numbers.h"
#include "trace/recent.h"

/* A column of a chunk, byte by byte. */
struct bytes {
    enum trace_column_id id;
    guint encoding;
    guint count;
    guint length;
    guint8 byte[16];
};

/* A raw file with them as its one chunk. */
static char *file_of(const struct bytes *columns, guint count, guint32 events)
{
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW), *content = g_byte_array_new();
    struct trace_columns_header header = {.columns = count};
    g_byte_array_append(content, (const guint8 *)&header, sizeof header);
    for (guint i = 0; i < count; i++) {
        struct trace_column column = {.id = (guint8)columns[i].id,
                                      .encoding = (guint8)columns[i].encoding,
                                      .count = columns[i].count,
                                      .bytes = columns[i].length};
        g_byte_array_append(content, (const guint8 *)&column, sizeof column);
    }
    for (guint i = 0; i < count; i++) {
        g_byte_array_append(content, columns[i].byte, columns[i].length);
    }
    add_chunk(bytes,
              (struct trace_chunk_header){
                  .type = TRACE_CHUNK_COLUMNS, .events = events, .clock_ns = events},
              content->data, content->len);
    char *path = make_file((const char *)bytes->data, bytes->len);
    g_byte_array_free(content, TRUE);
    g_byte_array_free(bytes, TRUE);
    return path;
}

/* Three objects of two classes, which are freed, and their addresses handed out again. */
enum { EVENTS = 9, ADDRESS = 3, RECENT = 6, COLUMNS };
static const struct bytes good[COLUMNS] = {
    {TRACE_COLUMN_SHAPE, 1, EVENTS, 10, {0, 0x11, 0x11, 0x10, 0, 2, 1, 1, 1, 2}},
    {TRACE_COLUMN_RUN, 0, 1, 8, {EVENTS}},
    {TRACE_COLUMN_OBJECT, 1, 3, 5, {0x11, 0x01, 3, 2, 1}},
    /* 0x5000, 0x4fe0, 0x5100 */
    {TRACE_COLUMN_ADDRESS, 2, 3, 7, {4, 0x12, 0x01, 0x00, 0x0a, 3, 0x24}},
    {TRACE_COLUMN_SHAPE_KIND, 1, 3, 3, {0x10, 0, TRACE_FREE}},
    {TRACE_COLUMN_SHAPE_SIZE, 1, 3, 4, {0x01, 0x01, 24, 40}},
    {TRACE_COLUMN_RECENT, 1, 6, 6, {0x00, 0x10, 0x11, 2, 1, 1}},
};

/* As bsa-trace(5) has it. */
START_TEST(layout)
{
    static const guint64 expected[EVENTS] = {0x5000, 0x4fe0, 0x5100, 0x5000, 0x4fe0,
                                             0x5100, 0x5000, 0x5100, 0x4fe0};
    char *path = file_of(good, COLUMNS, EVENTS);
    GArray *got = all_records(path, NULL);
    ck_assert_uint_eq(got->len, EVENTS);
    for (guint i = 0; i < EVENTS; i++) {
        ck_assert_uint_eq(g_array_index(got, struct trace_record, i).address, expected[i]);
    }
    g_array_free(got, TRUE);
    drop_file(path);
}
END_TEST

START_TEST(absurd)
{
    static const struct {
        guint column, at;
        guint8 byte;
        const char *expected;
    } cases[] = {
        {RECENT, 3, 3, "event 7: an object begins where none of its class was freed"},
        {RECENT, 4, 2, "event 8: an object begins where none of its class was freed"},
        {RECENT, 5, 0xff, "event 9: an object begins where none of its class was freed"},
        {RECENT, 2, 0x01, "a column's numbers do not fit their lengths"},
        {ADDRESS, 0, 0, "a column's numbers do not fit their lengths"},
        {ADDRESS, 0, 64, "a column's numbers do not fit their lengths"},
    };
    struct bytes columns[COLUMNS];
    char *message = NULL;
    memcpy(columns, good, sizeof good);
    columns[cases[_i].column].byte[cases[_i].at] = cases[_i].byte;
    char *path = file_of(columns, COLUMNS, EVENTS);
    ck_assert_ptr_null(read_records(path, NULL, &message));
    ck_assert_msg(strstr(message, cases[_i].expected) != NULL, "'%s' not in: %s",
                  cases[_i].expected, message);
    g_free(message);
    drop_file(path);
}
END_TEST

START_TEST(too_few)
{
    struct bytes columns[COLUMNS];
    char *message = NULL;
    memcpy(columns, good, sizeof good);
    columns[RECENT].count = 5;
    columns[RECENT].length = 5;
    columns[RECENT].byte[2] = 0x01;
    char *path = file_of(columns, COLUMNS, EVENTS);
    ck_assert_ptr_null(read_records(path, NULL, &message));
    ck_assert_msg(strstr(message, "fewer objects that begin") != NULL, "%s", message);
    g_free(message);
    drop_file(path);
}
END_TEST

/* Round trips ------------------------------------------------------------------------------------- */

static gsize check_file(const GArray *records)
{
    char *path = new_path();
    gsize length;
    trace_writer *writer = open_writer(path, TRACE_LEVEL_RAW, NULL);
    for (guint i = 0; i < records->len; i++) {
        write_record(writer, &g_array_index(records, struct trace_record, i));
    }
    close_writer(writer);
    GArray *got = all_records(path, NULL);
    ck_assert_uint_eq(got->len, records->len);
    for (guint i = 0; i < got->len; i++) {
        const struct trace_record *one = &g_array_index(got, struct trace_record, i);
        const struct trace_record *other = &g_array_index(records, struct trace_record, i);
        ck_assert_uint_eq(one->kind, other->kind);
        ck_assert_uint_eq(one->address, other->address);
        ck_assert_uint_eq(one->size, other->size);
    }
    g_array_free(got, TRUE);
    length = take_file(path)->len;
    return length;
}

static void add_record(GArray *records, enum trace_kind kind, guint64 address, guint64 size)
{
    struct trace_record record = TRACE_RECORD_INIT;
    record.kind = (guint8)kind;
    record.time_ns = records->len;
    record.address = address;
    record.size = size;
    g_array_append_val(records, record);
}

/* Whatever is handed out after whatever: again, still, or for the first time; chunks end between.
 */
START_TEST(any_order)
{
    static const guint64 sizes[] = {0, 8, 24, 25, 40, 1016, 1032, 1033, 5000, TRACE_SIZE_MAX};
    static const enum trace_kind kinds[] = {TRACE_ALLOC,    TRACE_FREE,          TRACE_FREE,
                                            TRACE_REALLOC,  TRACE_REALLOC_BEGIN, TRACE_PAGE_ALLOC,
                                            TRACE_PAGE_FREE};
    GRand *random = seeded("any_order");
    for (guint turn = 0; turn < 6; turn++) {
        GArray *records = g_array_new(FALSE, FALSE, sizeof(struct trace_record));
        guint64 addresses = (guint64)1 << g_rand_int_range(random, 0, 12);
        guint shift = (guint)g_rand_int_range(random, 0, 52);
        for (guint i = 0; i < 2 * TRACE_COLUMNS_EVENTS; i++) {
            enum trace_kind kind = kinds[g_rand_int(random) % G_N_ELEMENTS(kinds)];
            gboolean ends = trace_kind_is_free(kind) || kind == TRACE_REALLOC_BEGIN;
            add_record(records, kind, (1 + random_word(random) % addresses) << shift,
                       ends || trace_kind_is_page(kind)
                           ? 0
                           : sizes[g_rand_int(random) % G_N_ELEMENTS(sizes)]);
        }
        check_file(records);
        g_array_free(records, TRUE);
    }
    g_rand_free(random);
}
END_TEST

/* Objects that are freed and come back in the order of a stack, of so many; size: the second time.
 */
static gsize bytes_of_stacks(GRand *random, guint depth, guint64 size)
{
    GArray *records = g_array_new(FALSE, FALSE, sizeof(struct trace_record));
    guint64 address[2 * TRACE_RECENT_DEPTH];
    for (guint turn = 0; turn < 200; turn++) {
        for (guint i = 0; i < depth; i++) {
            address[i] = random_word(random);
            add_record(records, TRACE_ALLOC, address[i], 48);
        }
        for (guint i = 0; i < depth; i++) {
            add_record(records, TRACE_FREE, address[i], 0);
        }
        for (guint i = depth; i > 0; i--) {
            add_record(records, TRACE_ALLOC, address[i - 1], size);
        }
    }
    gsize bytes = check_file(records);
    g_array_free(records, TRUE);
    return bytes;
}

/* Random addresses are 8 bytes, the second time, too, where nothing tells that they come again. */
START_TEST(stacks)
{
    GRand *random = seeded("stacks");
    guint objects = 200 * TRACE_RECENT_DEPTH;
    gsize again = bytes_of_stacks(random, TRACE_RECENT_DEPTH, 50);
    gsize deeper = bytes_of_stacks(random, 2 * TRACE_RECENT_DEPTH, 50);
    gsize other = bytes_of_stacks(random, TRACE_RECENT_DEPTH, 500);
    ck_assert_uint_lt(again + 2 * objects, other);
    ck_assert_uint_gt(deeper, 2 * again + objects);
    ck_assert_uint_lt(deeper, 2 * other - objects);
    g_rand_free(random);
}
END_TEST

/* The shorter of the encodings: numbers that are alike are one, whatever their lowest bits are. */
START_TEST(alike)
{
    enum { COUNT = 100 };
    guint64 values[COUNT], back[COUNT];
    guint8 bytes[1024];
    enum trace_encoding encoding;
    struct trace_numbers numbers;
    ck_assert_uint_le(trace_numbers_bound(COUNT), sizeof bytes);
    for (guint odd = 0; odd < 2; odd++) {
        for (guint i = 0; i < COUNT; i++)
            values[i] = 0x80 + (i == 50 ? 0x10 * odd : 0);
        gsize length = trace_numbers_pack_steps(bytes, values, COUNT, &encoding);
        ck_assert_int_eq(encoding, odd ? TRACE_STEPS : TRACE_CONSTANT);
        ck_assert_uint_eq(length, odd ? 1 + COUNT / 2 + COUNT : 8);
        ck_assert(trace_numbers_open(&numbers, encoding, COUNT, bytes, length));
        ck_assert(trace_numbers_take(&numbers, back, COUNT));
        ck_assert_mem_eq(back, values, sizeof values);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("addresses that come again");
    tcase_add_test(tcase, layout);
    tcase_add_loop_test(tcase, absurd, 0, 6);
    tcase_add_test(tcase, too_few);
    tcase_add_test(tcase, any_order);
    tcase_add_test(tcase, stacks);
    tcase_add_test(tcase, alike);
    Suite *suite = suite_create("addresses that come again");
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
