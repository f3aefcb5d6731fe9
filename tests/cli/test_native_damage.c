/* SPDX-License-Identifier: Apache-2.0 */
/* Trace files that are cut, flipped, absurd or of other versions: an error that says where, or all.
 */
#include "native_support.h"

#include <zstd.h>

#include "trace/columns.h"

/* A small file with each kind of chunk that the writer makes. */
static GByteArray *small_file(enum trace_level level)
{
    GError *error = NULL;
    char *path = new_path();
    trace_names *names = trace_names_new();
    trace_meta *meta = trace_meta_new();
    trace_writer *writer = open_writer(path, level, names);
    trace_meta_set_text(meta, "command", "true");
    ck_assert(trace_writer_meta(writer, meta, &error));
    for (guint32 i = 0; i < 12; i++) {
        gboolean begins = i < 8;
        if (level == TRACE_LEVEL_RAW) {
            struct trace_record record = TRACE_RECORD_INIT;
            record.kind = begins ? TRACE_ALLOC : TRACE_FREE;
            record.time_ns = 1000 + i * 70;
            record.address = 0x1000 + i % 8 * 0x40;
            record.size = begins ? i : 0;
            record.thread = 1 + i % 2;
            record.site = trace_names_intern(names, "site", 4);
            write_record(writer, &record);
        } else {
            struct trace_event event = {.kind = begins ? TRACE_ALLOC : TRACE_FREE,
                                        .time_ns = i * 70,
                                        .slot = i % 8,
                                        .size = i,
                                        .thread = 1 + i % 2,
                                        .site = trace_names_intern(names, "site", 4)};
            write_event(writer, &event);
        }
    }
    close_writer(writer);
    trace_meta_free(meta);
    trace_names_free(names);
    return take_file(path);
}

/* What a recorder leaves that was killed. */
static GByteArray *unfinished_file(void)
{
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW);
    struct trace_fixed records[] = {fixed(10, TRACE_ALLOC, 0x1000, 10),
                                    fixed(20, TRACE_FREE, 0x1000, 0)};
    add_meta(bytes, "clock", "monotonic");
    add_fixed(bytes, 1, 0, 0, records, 2);
    records[0].ticks = 30;
    records[1].ticks = 40;
    add_fixed(bytes, 1, 50, 50, records, 2);
    return bytes;
}

/* All that a reader tells of a file, as bytes; NULL and the message where it is refused. */
static GByteArray *tell(const guint8 *bytes, gsize length, char **message,
                        struct trace_hygiene *hygiene)
{
    struct trace_options options = {.layer = TRACE_LAYER_ALL};
    struct trace_event event;
    GError *error = NULL;
    GByteArray *told = g_byte_array_new();
    char *path = make_file(bytes, length);
    int got = -1;
    trace_reader *reader = trace_open(path, &options, &error);
    while (reader != NULL && (got = trace_next(reader, &event, &error)) > 0) {
        g_byte_array_append(told, (const guint8 *)&event, sizeof event);
    }
    if (reader != NULL) {
        const trace_meta *meta = trace_reader_meta(reader);
        for (guint32 i = 0; i < trace_name_count(reader); i++) {
            const char *name = trace_name(reader, i);
            g_byte_array_append(told, (const guint8 *)name, (guint)strlen(name) + 1);
        }
        for (guint i = 0; i < trace_meta_count(meta); i++) {
            const struct trace_meta_entry *entry = trace_meta_nth(meta, i);
            g_byte_array_append(told, (const guint8 *)entry->key, (guint)strlen(entry->key));
            g_byte_array_append(told, g_bytes_get_data(entry->value, NULL),
                                (guint)g_bytes_get_size(entry->value));
        }
        if (hygiene != NULL) {
            *hygiene = *trace_hygiene(reader);
        }
    }
    if (got < 0) {
        ck_assert(error != NULL);
        ck_assert_msg(g_str_has_prefix(error->message, path), "does not name the file: %s",
                      error->message);
        *message = g_strdup(error->message + strlen(path));
        g_error_free(error);
        g_byte_array_free(told, TRUE);
        told = NULL;
    }
    trace_close(reader);
    drop_file(path);
    return told;
}

static void refuse(const GByteArray *bytes, const char *expected)
{
    char *message;
    GByteArray *told = tell(bytes->data, bytes->len, &message, NULL);
    ck_assert_msg(told == NULL, "was not refused; expected: %s", expected);
    ck_assert_msg(strstr(message, expected) != NULL, "'%s' not in: %s", expected, message);
    g_free(message);
}

START_TEST(replayable_cut_anywhere)
{
    GByteArray *bytes = small_file(TRACE_LEVEL_REPLAYABLE);
    for (guint length = 0; length < bytes->len; length++) {
        char *message;
        ck_assert_msg(tell(bytes->data, length, &message, NULL) == NULL, "%u bytes", length);
        ck_assert_msg(length < 4 || length >= 32 ||
                          strstr(message, "ends inside its header") != NULL,
                      "%s", message);
        ck_assert_msg(length < 32 || strstr(message, "it is cut off") != NULL, "%s", message);
        g_free(message);
    }
    g_byte_array_free(bytes, TRUE);
}
END_TEST

/* What is said of a file that ends before its first allocation, in a chunk or between two. */
static void refuse_nothing(const char *message, guint cut_bytes)
{
    char *expected = cut_bytes == 0
                         ? g_strdup("(events of other kinds: 0), and no end: the recorder was ")
                         : g_strdup_printf("(events of other kinds: 0), and is cut off: the %u "
                                           "bytes at its end are no whole chunk; copy or record ",
                                           cut_bytes);
    ck_assert_msg(strstr(message, expected) != NULL, "'%s' not in: %s", expected, message);
    g_free(expected);
}

/* Up to the last whole chunk, and the rest is counted. */
START_TEST(unfinished_cut_anywhere)
{
    GByteArray *bytes = unfinished_file();
    const guint chunk = 48 + 64, first = bytes->len - 2 * chunk;
    for (guint length = 32; length <= bytes->len; length++) {
        struct trace_hygiene hygiene;
        char *message;
        GByteArray *told = tell(bytes->data, length, &message, &hygiene);
        if (length < first + chunk) {
            ck_assert_msg(told == NULL, "%u bytes", length);
            refuse_nothing(message, length - (length < first ? 32 : first));
            g_free(message);
            continue;
        }
        ck_assert_msg(told != NULL, "%u bytes: %s", length, message);
        guint whole = (length - first) / chunk;
        ck_assert_uint_eq(hygiene.events, 2 * whole);
        ck_assert_uint_eq(hygiene.cut_bytes, length - first - whole * chunk);
        g_byte_array_free(told, TRUE);
    }
    g_byte_array_free(bytes, TRUE);
}
END_TEST

/* No bit can be another without an error, or nothing changes. */
START_TEST(flipped_anywhere)
{
    GByteArray *bytes = _i == 0 ? small_file(TRACE_LEVEL_REPLAYABLE) : small_file(TRACE_LEVEL_RAW);
    char *message;
    GByteArray *expected = tell(bytes->data, bytes->len, &message, NULL);
    guint refused = 0;
    ck_assert(expected != NULL);
    for (guint bit = 0; bit < 8 * bytes->len; bit++) {
        bytes->data[bit / 8] ^= (guint8)(1u << bit % 8);
        GByteArray *told = tell(bytes->data, bytes->len, &message, NULL);
        if (told == NULL) {
            g_free(message);
            refused++;
        } else {
            ck_assert_msg(told->len == expected->len &&
                              memcmp(told->data, expected->data, told->len) == 0,
                          "bit %u of byte %u", bit % 8, bit / 8);
            g_byte_array_free(told, TRUE);
        }
        bytes->data[bit / 8] ^= (guint8)(1u << bit % 8);
    }
    /* The index may be flipped: nobody needs it to read all. */
    ck_assert_uint_gt(refused, 8 * bytes->len / 2);
    g_byte_array_free(expected, TRUE);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

/* In a file without an end a chunk may seem longer than it is: nothing but its events is lost. */
START_TEST(unfinished_flipped)
{
    GByteArray *bytes = unfinished_file();
    char *message;
    GByteArray *expected = tell(bytes->data, bytes->len, &message, NULL);
    ck_assert(expected != NULL);
    for (guint bit = 0; bit < 8 * bytes->len; bit++) {
        bytes->data[bit / 8] ^= (guint8)(1u << bit % 8);
        GByteArray *told = tell(bytes->data, bytes->len, &message, NULL);
        ck_assert_msg(told == NULL, "bit %u of byte %u", bit % 8, bit / 8);
        g_free(message);
        bytes->data[bit / 8] ^= (guint8)(1u << bit % 8);
    }
    g_byte_array_free(expected, TRUE);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

static void set_version(GByteArray *bytes, guint16 major, guint16 minor, guint16 more)
{
    struct trace_file_header *header = (struct trace_file_header *)(gpointer)bytes->data;
    header->major = major;
    header->minor = minor;
    header->bytes = (guint16)(header->bytes + more);
    header->checksum = trace_header_checksum(header);
}

START_TEST(versions)
{
    GByteArray *bytes = unfinished_file();
    char *message;
    set_version(bytes, TRACE_FILE_MAJOR + 1, 0, 0);
    bytes->data[24] ^= 1; /* of a newer version nobody knows where the checksum is */
    refuse(bytes, "is a trace file of version 2.0, and versions up to 1 are known here");
    set_version(bytes, 0, 0, 0);
    refuse(bytes, "the header has values that make no sense");
    set_version(bytes, TRACE_FILE_MAJOR, TRACE_FILE_MINOR + 7, 0);
    GByteArray *told = tell(bytes->data, bytes->len, &message, NULL);
    ck_assert(told != NULL);
    g_byte_array_free(told, TRUE);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

/* A newer minor version's header is longer; what is behind is where it says. */
START_TEST(longer_header)
{
    static const guint8 more[16] = {1, 2, 3};
    GByteArray *plain = unfinished_file(), *bytes = g_byte_array_new();
    struct trace_hygiene hygiene;
    char *message;
    set_version(plain, TRACE_FILE_MAJOR, TRACE_FILE_MINOR + 1, sizeof more);
    g_byte_array_append(bytes, plain->data, 32);
    g_byte_array_append(bytes, more, sizeof more);
    g_byte_array_append(bytes, plain->data + 32, plain->len - 32);
    GByteArray *told = tell(bytes->data, bytes->len, &message, &hygiene);
    ck_assert_msg(told != NULL, "%s", message);
    ck_assert_uint_eq(hygiene.events, 4);
    ck_assert_uint_eq(hygiene.cut_bytes, 0);
    g_byte_array_free(told, TRUE);
    g_byte_array_free(plain, TRUE);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

START_TEST(unknown_chunks)
{
    GByteArray *bytes = unfinished_file();
    struct trace_hygiene hygiene;
    char *message;
    struct trace_chunk_header header = {.type = 77, .flags = TRACE_CHUNK_OPTIONAL};
    add_chunk(bytes, header, "what?", 5);
    header.flags |= 1u << 9;
    add_chunk(bytes, header, "again", 5);
    GByteArray *told = tell(bytes->data, bytes->len, &message, &hygiene);
    ck_assert_msg(told != NULL, "%s", message);
    ck_assert_uint_eq(hygiene.events, 4);
    ck_assert_uint_eq(hygiene.cut_bytes, 0);
    g_byte_array_free(told, TRUE);
    header.flags = 0;
    add_chunk(bytes, header, "what?", 5);
    refuse(bytes, "(type 77, flags 0) that is not known here");
    g_byte_array_free(bytes, TRUE);
}
END_TEST

/* Chunks that cannot be, each with its checksum. */
START_TEST(absurd_chunks)
{
    struct trace_fixed record = fixed(1, TRACE_ALLOC, 1, 1);
    struct trace_chunk_header header = {.type = TRACE_CHUNK_FIXED, .events = G_MAXUINT32};
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW);
    switch (_i) {
    case 0:
        add_chunk(bytes, header, &record, sizeof record);
        refuse(bytes, "chunk 1 at byte 32: its size is not that of its events");
        break;
    case 1:
        header.type = TRACE_CHUNK_COLUMNS;
        add_chunk(bytes, header, &record, sizeof record);
        refuse(bytes, "has no events, or more than a chunk may have");
        break;
    case 2:
        header.flags = TRACE_CHUNK_ZSTD;
        header.content_bytes = TRACE_CHUNK_BYTES_MAX + 1;
        add_chunk(bytes, header, &record, sizeof record);
        refuse(bytes, "its content is larger than a chunk may be");
        break;
    case 3:
        header.flags = TRACE_CHUNK_ZSTD;
        header.content_bytes = sizeof record;
        header.events = 1;
        add_chunk(bytes, header, &record, sizeof record);
        refuse(bytes, "it cannot be decompressed to its size");
        break;
    case 4:
        record.kind = TRACE_KINDS;
        add_fixed(bytes, 1, 0, 0, &record, 1);
        refuse(bytes, "event 1: a record is of a kind that is not known here");
        break;
    case 5:
        record.size = TRACE_SIZE_MAX + 1;
        add_fixed(bytes, 1, 0, 0, &record, 1);
        refuse(bytes, "event 1: a size is no machine's");
        break;
    case 6:
        header.type = TRACE_CHUNK_META;
        header.events = 0;
        add_chunk(bytes, header, "key\0\xff\xff\xff\xffvalue", 13);
        refuse(bytes, "a value of the metadata goes beyond its end");
        break;
    case 7:
        header.type = TRACE_CHUNK_NAMES;
        header.events = 0;
        add_chunk(bytes, header, "one\0two", 7);
        refuse(bytes, "its last name has no end");
        break;
    }
    g_byte_array_free(bytes, TRUE);
}
END_TEST

/* Columns with numbers of their own choice: place, then what is wrong. */
struct number {
    enum trace_column_id id;
    guint64 value;
};

static void add_columns(GByteArray *bytes, guint32 events, guint32 slots,
                        const struct number *numbers, guint count)
{
    GByteArray *content = g_byte_array_new();
    struct trace_columns_header header = {.slots = slots, .columns = count};
    struct trace_chunk_header chunk = {.type = TRACE_CHUNK_COLUMNS, .events = events};
    g_byte_array_append(content, (const guint8 *)&header, sizeof header);
    for (guint i = 0; i < count; i++) {
        struct trace_column column = {.id = (guint8)numbers[i].id, .count = 1, .bytes = 8};
        g_byte_array_append(content, (const guint8 *)&column, sizeof column);
    }
    for (guint i = 0; i < count; i++) {
        g_byte_array_append(content, (const guint8 *)&numbers[i].value, 8);
    }
    add_chunk(bytes, chunk, content->data, content->len);
    g_byte_array_free(content, TRUE);
}

START_TEST(absurd_columns)
{
    static const struct {
        struct number number;
        guint32 slots;
        const char *expected;
    } cases[] = {
        {{TRACE_COLUMN_SHAPE, 1}, 0, "an event has a shape that is not there"},
        {{TRACE_COLUMN_SHAPE_KIND, TRACE_KINDS}, 0, "events of a kind that is not known"},
        {{TRACE_COLUMN_SHAPE_KIND, TRACE_REALLOC_BEGIN}, 0, "events of a kind that is not known"},
        {{TRACE_COLUMN_SHAPE_FLAGS, 256}, 0, "flags that are not known"},
        {{TRACE_COLUMN_SHAPE_OWN, 4}, 0, "flags that are not known"},
        {{TRACE_COLUMN_SHAPE_SITE, 1}, 0, "a name that no chunk before it has"},
        {{TRACE_COLUMN_SHAPE_ORDER, 31}, 0, "out of range"},
        {{TRACE_COLUMN_PLACE_CPU, 65536}, 0, "a thread or a CPU is out of range"},
        {{TRACE_COLUMN_RUN_PLACE, 1}, 0, "its runs of events in one place"},
        {{TRACE_COLUMN_RUN, 0}, 0, "its runs of events in one place"},
        {{TRACE_COLUMN_OBJECT, 0}, 0, "an object that is not there"},
        {{TRACE_COLUMN_OBJECT, G_MAXUINT64}, 0, "an object that is not there"},
        {{TRACE_COLUMN_OBJECT, 2}, 0, "an object that is not there"},
        {{TRACE_COLUMN_OBJECT, 1}, 5, "another number of slots than the chunks before"},
        {{TRACE_COLUMN_SHAPE_SIZE, TRACE_SIZE_MAX + 1}, 0, "a size is no machine's"},
        {{TRACE_COLUMN_SHAPE_KIND, TRACE_FREE}, 0, "an object ends that does not live"},
        {{TRACE_COLUMN_SHAPE_KIND, TRACE_REALLOC}, 0, "an object is resized that does not live"},
    };
    struct number numbers[] = {{TRACE_COLUMN_SHAPE_KIND, TRACE_ALLOC},
                               {TRACE_COLUMN_RUN, 1},
                               {TRACE_COLUMN_OBJECT, TRACE_OBJECT_NEW_SLOT},
                               {TRACE_COLUMN_TIME, 1},
                               {TRACE_COLUMN_TIME, 1}};
    GByteArray *bytes = begin_file(TRACE_LEVEL_REPLAYABLE);
    guint at = 0;
    while (at < 4 && numbers[at].id != cases[_i].number.id) {
        at++;
    }
    numbers[at] = cases[_i].number;
    /* A free's object: one that was in use before. */
    if (strstr(cases[_i].expected, "does not live") != NULL) {
        struct number first[] = {{TRACE_COLUMN_SHAPE_KIND, TRACE_PAGE_ALLOC},
                                 {TRACE_COLUMN_RUN, 1},
                                 {TRACE_COLUMN_OBJECT, TRACE_OBJECT_NEW_SLOT}};
        add_columns(bytes, 1, 0, first, 3);
        numbers[2].value = TRACE_OBJECT_BACK + 1;
        add_columns(bytes, 1, 1, numbers, 5);
    } else {
        add_columns(bytes, 1, cases[_i].slots, numbers, 5);
    }
    refuse(bytes, cases[_i].expected);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

/* As much as a chunk may have, of a few bytes: columns of one event, and zeros. */
static gsize pack_columns(void **packed, gsize size)
{
    struct trace_columns_header header = {.columns = 2};
    struct trace_column columns[] = {{.id = TRACE_COLUMN_SHAPE_KIND, .count = 1, .bytes = 8},
                                     {.id = TRACE_COLUMN_RUN, .count = 1, .bytes = 8}};
    static const guint64 values[] = {TRACE_ALLOC, 1};
    gsize room = ZSTD_compressBound(size);
    guint8 *content = g_malloc0(size);
    memcpy(content, &header, sizeof header);
    memcpy(content + sizeof header, columns, sizeof columns);
    memcpy(content + sizeof header + sizeof columns, values, sizeof values);
    *packed = g_malloc(room);
    gsize length = ZSTD_compress(*packed, room, content, size, 1);
    g_free(content);
    return length;
}

START_TEST(bombs)
{
    void *packed;
    gsize length = pack_columns(&packed, TRACE_CHUNK_BYTES_MAX + 1);
    struct trace_chunk_header header = {
        .type = TRACE_CHUNK_COLUMNS,
        .flags = TRACE_CHUNK_ZSTD,
        .events = 1,
        .content_bytes = TRACE_CHUNK_BYTES_MAX,
        .clock_ns = 1000,
    };
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW);
    add_chunk(bytes, header, packed, (guint)length);
    refuse(bytes, "it cannot be decompressed to its size");
    g_byte_array_free(bytes, TRUE);
    g_free(packed);
    /* Side by side in time they would all be in memory. */
    bytes = begin_file(TRACE_LEVEL_RAW);
    length = pack_columns(&packed, TRACE_CHUNK_BYTES_MAX);
    for (guint i = 0; i < 40; i++) {
        add_chunk(bytes, header, packed, (guint)length);
    }
    refuse(bytes, "too many chunks overlap with it in time");
    g_byte_array_free(bytes, TRUE);
    g_free(packed);
}
END_TEST

/* zstd around the whole file, and a file that only begins as one. */
START_TEST(packed_whole)
{
    GByteArray *bytes = small_file(TRACE_LEVEL_REPLAYABLE);
    gsize room = ZSTD_compressBound(bytes->len);
    guint8 *packed = g_malloc(room);
    char *message;
    gsize size = ZSTD_compress(packed, room, bytes->data, bytes->len, 1);
    GByteArray *plain = tell(bytes->data, bytes->len, &message, NULL);
    GByteArray *told = tell(packed, size, &message, NULL);
    ck_assert_msg(told != NULL, "%s", message);
    ck_assert(plain->len == told->len && memcmp(plain->data, told->data, told->len) == 0);
    ck_assert(tell(packed, size - 1, &message, NULL) == NULL);
    ck_assert_msg(strstr(message, "zstd") != NULL, "%s", message);
    g_free(message);
    bytes->len = 8;
    refuse(bytes, "ends inside its header");
    g_byte_array_free(plain, TRUE);
    g_byte_array_free(told, TRUE);
    g_byte_array_free(bytes, TRUE);
    g_free(packed);
}
END_TEST

START_TEST(records_of_events)
{
    GByteArray *bytes = small_file(TRACE_LEVEL_REPLAYABLE);
    char *path = make_file(bytes->data, bytes->len), *message = NULL;
    ck_assert(read_records(path, NULL, &message) == NULL);
    ck_assert_msg(strstr(message, "has events, not records") != NULL, "%s", message);
    g_free(message);
    drop_file(path);
    g_byte_array_free(bytes, TRUE);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("native-damage");
    TCase *damage = tcase_create("damage");
    tcase_add_test(damage, replayable_cut_anywhere);
    tcase_add_test(damage, unfinished_cut_anywhere);
    tcase_add_loop_test(damage, flipped_anywhere, 0, 2);
    tcase_add_test(damage, unfinished_flipped);
    suite_add_tcase(suite, damage);
    TCase *others = tcase_create("others");
    tcase_add_test(others, versions);
    tcase_add_test(others, longer_header);
    tcase_add_test(others, unknown_chunks);
    tcase_add_test(others, packed_whole);
    tcase_add_test(others, records_of_events);
    suite_add_tcase(suite, others);
    TCase *absurd = tcase_create("absurd");
    tcase_add_loop_test(absurd, absurd_chunks, 0, 8);
    tcase_add_loop_test(absurd, absurd_columns, 0, 17);
    tcase_add_test(absurd, bombs);
    suite_add_tcase(suite, absurd);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
