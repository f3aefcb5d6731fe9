/* SPDX-License-Identifier: Apache-2.0 */
/* Short records of trace files: they tell what fixed ones tell, with extensions where it is more.
 */
#include "native_support.h"

#include <zstd.h>

#define THREAD 7u

/* A raw file with the content as its one chunk of short records; the content goes. */
static char *file_of(GByteArray *content, guint32 events, guint16 flags)
{
    struct trace_chunk_header header = {
        .type = TRACE_CHUNK_SHORT, .flags = flags, .events = events, .thread = THREAD};
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW);
    add_meta(bytes, "clock", "monotonic");
    if ((flags & TRACE_CHUNK_ZSTD) != 0) {
        gsize room = ZSTD_compressBound(content->len);
        void *packed = g_malloc(room);
        gsize length = ZSTD_compress(packed, room, content->data, content->len, 1);
        header.content_bytes = content->len;
        add_chunk(bytes, header, packed, (guint)length);
        g_free(packed);
    } else {
        add_chunk(bytes, header, content->data, content->len);
    }
    char *path = make_file((const char *)bytes->data, bytes->len);
    g_byte_array_free(content, TRUE);
    g_byte_array_free(bytes, TRUE);
    return path;
}

static void check_record(const struct trace_record *got, const struct trace_fixed *expected)
{
    ck_assert_uint_eq(got->time_ns, expected->ticks);
    ck_assert_uint_eq(got->address, expected->address);
    ck_assert_uint_eq(got->size, expected->size);
    ck_assert_uint_eq(got->align, expected->align);
    ck_assert_uint_eq(got->cpu, expected->cpu);
    ck_assert_uint_eq(got->kind, expected->kind);
    ck_assert_uint_eq(got->flags, expected->flags);
    ck_assert_uint_eq(got->thread, THREAD);
}

/* Reads the file, which goes. */
static void check_records(char *path, const struct trace_fixed *expected, guint count)
{
    GArray *got = all_records(path, NULL);
    ck_assert_uint_eq(got->len, count);
    for (guint i = 0; i < count; i++) {
        check_record(&g_array_index(got, struct trace_record, i), &expected[i]);
    }
    g_array_free(got, TRUE);
    drop_file(path);
}

/* Byte by byte, as bsa-trace(5) has them. */
START_TEST(layout)
{
    static const guint8 bytes[] = {
        /* an extension of ticks alone, as recorders begin with */
        0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, /**/
        /* an allocation of 0x1234 bytes on CPU 0xabc */
        0xc0, 0xab, 0x10, 0x32, 0x54, 0x76, 0x98, 0x7a, 0x34, 0x12, 1, 0, 0, 0, 0, 0x80,
        /* an aligned one with all upper bits */
        0x5f, 0, 2, 0, 0, 0, 0, 0, 0xcd, 0xab, 0x03, 0, 0x00, 0x10, 0, 0, /**/
        0x12, 0, 0x40, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
        /* a calloc that failed */
        0x0f, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x03, 0, 0, 0, 0, 0, /**/
        0x01, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0,
        /* a free, for which of the last extension the ticks alone hold */
        0x14, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0};
    static const struct trace_fixed expected[] = {
        {0x2800000000001, 0x7a9876543210, 0x1234, 0, 0xabc, TRACE_ALLOC, 0},
        {0x3000000000000, 0xabcd000000000040, 0x20005, 4096, 0x5001, TRACE_ALIGNED_ALLOC, 0},
        {0x3000000000001, 0, 9, 0, 0, TRACE_CALLOC, TRACE_FAILED},
        {0x3000000000002, 0x40, 0, 0, 1, TRACE_FREE, 0}};
    GByteArray *content = g_byte_array_new();
    g_byte_array_append(content, bytes, sizeof bytes);
    check_records(file_of(content, 4, 0), expected, 4);
}
END_TEST

static guint64 one_of(GRand *random, const guint64 *values, guint count)
{
    return values[g_rand_int(random) % count];
}
#define ONE_OF(random, values) one_of(random, values, G_N_ELEMENTS(values))

static void random_records(GRand *random, struct trace_fixed *records, guint count)
{
    static const guint64 one = 1;
    static const guint64 addresses[] = {1, (one << 48) - 1, one << 48, G_MAXUINT64, 0x7f0012345670};
    static const guint64 sizes[] = {0, 100, 0xffff, 0x10000, TRACE_SIZE_MAX - 1, TRACE_SIZE_MAX};
    static const guint64 aligns[] = {0, 0, 0, 1, 4096, G_MAXUINT32};
    static const guint64 cpus[] = {0, 1, 4095, 4096, 65535};
    static const guint64 steps[] = {0, 1, 1000, (one << 48) - 1, one << 48, (one << 48) + 1};
    guint64 ticks = (one << 48) - 3000;
    for (guint i = 0; i < count; i++) {
        /* Most are what most are. */
        gboolean odd = g_rand_int(random) % 8 == 0;
        ticks += odd ? ONE_OF(random, steps) : 10;
        records[i] = (struct trace_fixed){
            .ticks = ticks,
            .address = odd ? ONE_OF(random, addresses) : 0x55550000 + 16 * (guint64)i,
            .size = odd ? ONE_OF(random, sizes) : i % 1000,
            .align = odd ? (guint32)ONE_OF(random, aligns) : 0,
            .cpu = odd ? (guint16)ONE_OF(random, cpus) : 3,
            .kind = odd ? TRACE_ALIGNED_ALLOC : TRACE_ALLOC,
            .flags = odd && g_rand_int(random) % 2 == 0 ? TRACE_FAILED : 0,
        };
    }
}

/* All borders of what a short record holds; chunks that are read as a whole and by parts. */
START_TEST(borders)
{
    enum { RECORDS = 3000 };
    static const guint16 flags[] = {0, TRACE_CHUNK_ZSTD};
    GRand *random = seeded("borders");
    struct trace_fixed *records = g_new(struct trace_fixed, RECORDS);
    for (guint turn = 0; turn < 20; turn++) {
        guint count = 1 + g_rand_int(random) % RECORDS;
        random_records(random, records, count);
        check_records(file_of(short_records(records, count), count, flags[_i]), records, count);
    }
    g_free(records);
    g_rand_free(random);
}
END_TEST

static void refuse(GByteArray *content, guint32 events, const char *expected)
{
    char *message = NULL, *path = file_of(content, events, 0);
    GArray *got = read_records(path, NULL, &message);
    ck_assert_msg(got == NULL, "was not refused; expected: %s", expected);
    ck_assert_msg(strstr(message, expected) != NULL, "'%s' not in: %s", expected, message);
    g_free(message);
    drop_file(path);
}

/* Chunks that cannot be. */
START_TEST(absurd)
{
    static const guint8 half[8];
    struct trace_fixed record = fixed(1, TRACE_ALLOC, 1, 1);
    GByteArray *content = short_records(&record, 1);
    switch (_i) {
    case 0:
        put_short(content, trace_short_extension(&record));
        refuse(content, 1, "chunk 2 at byte 99: an extension has no record behind it");
        break;
    case 1:
        g_byte_array_set_size(content, 0);
        put_short(content, trace_short_extension(&record));
        refuse(content, 0, "an extension has no record behind it");
        break;
    case 2:
        put_short(content, trace_short_of(&record));
        refuse(content, 1, "its events are not as many as it says");
        break;
    case 3:
        refuse(content, 2, "its size is not that of its events");
        break;
    case 4:
        refuse(content, G_MAXUINT32, "its size is not that of its events");
        break;
    case 5:
        g_byte_array_append(content, half, sizeof half);
        refuse(content, 1, "its size is not that of its events");
        break;
    case 6:
        put_short(content, trace_short_extension(&record));
        put_short(content, (struct trace_short){TRACE_KINDS, 0});
        refuse(content, 2, "event 2: a record is of a kind that is not known here");
        break;
    case 7:
        record.size = TRACE_SIZE_MAX + 1;
        put_short(content, trace_short_extension(&record));
        put_short(content, trace_short_of(&record));
        refuse(content, 2, "event 2: a size is no machine's");
        break;
    }
}
END_TEST

/* A chunk without events is none. */
START_TEST(empty)
{
    struct trace_fixed record = fixed(1, TRACE_ALLOC, 1, 1);
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW);
    add_short(bytes, THREAD, 1, 1, &record, 0);
    add_short(bytes, THREAD, 2, 2, &record, 1);
    char *path = make_file((const char *)bytes->data, bytes->len);
    check_records(path, &record, 1);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

START_TEST(raw_only)
{
    struct trace_fixed record = fixed(1, TRACE_ALLOC, 1, 1);
    GByteArray *bytes = begin_file(TRACE_LEVEL_REPLAYABLE);
    add_short(bytes, THREAD, 1, 1, &record, 1);
    char *path = make_file((const char *)bytes->data, bytes->len), *message = NULL;
    GArray *got = read_records(path, NULL, &message);
    ck_assert_ptr_null(got);
    ck_assert_msg(strstr(message, "a replayable trace has no records as recorded") != NULL, "%s",
                  message);
    g_free(message);
    drop_file(path);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("short records");
    tcase_add_test(tcase, layout);
    tcase_add_loop_test(tcase, borders, 0, 2);
    tcase_add_loop_test(tcase, absurd, 0, 8);
    tcase_add_test(tcase, empty);
    tcase_add_test(tcase, raw_only);
    Suite *suite = suite_create("short records");
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
