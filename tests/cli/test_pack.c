/* SPDX-License-Identifier: Apache-2.0 */
/* Packing a recording while it is written: the same records come out as without. */
#include "native_support.h"

#include <unistd.h>

#include "record/pack.h"
#include "trace/file.h"

#define THREADS 5u
#define BUFFER 64u
#define ADDRESSES 512u
#define TICKS_PER_EVENT 25u /* a thread needs as many between two events; 0.4 ns each */

/* A recorder of threads that share objects; what one frees another gets soon. */
struct recorder {
    GRand *random;
    guint64 ticks, per_event, jitter_ns;
    guint64 live[ADDRESSES], dead[ADDRESSES];
    guint live_count, dead_count;
    struct trace_fixed buffer[THREADS][BUFFER];
    guint filled[THREADS];
    GByteArray *bytes; /* of the file */
    guint own;         /* offset of the recorder's own chunk */
    gsize written;     /* of bytes, to the file */
    char *path;
};

static void add_own(struct recorder *recorder, GByteArray *bytes, struct trace_fixed record)
{
    recorder->own = bytes->len;
    add_fixed(bytes, 0, 1000, 400, &record, 1);
}

static void begin_recorder(struct recorder *recorder, GRand *random, const char *clock,
                           guint64 per_event)
{
    *recorder = (struct recorder){
        .random = random,
        .ticks = 1000,
        .per_event = per_event,
        .jitter_ns = per_event > 1 ? 200 : 0,
        .bytes = begin_file(TRACE_LEVEL_RAW),
        .path = new_path(),
    };
    for (guint i = 0; i < ADDRESSES; i++) {
        recorder->dead[recorder->dead_count++] = 0x7f0000001000 + 48 * i;
    }
    add_meta(recorder->bytes, "clock", clock);
    add_own(recorder, recorder->bytes, fixed(1000, TRACE_MARKER, 0, 0));
}

static void flush(struct recorder *recorder, guint thread)
{
    guint64 ns = recorder->ticks * 2 / 5;
    if (recorder->jitter_ns > 0) {
        ns += g_rand_int(recorder->random) % recorder->jitter_ns;
    }
    if (recorder->filled[thread] > 0) {
        (thread % 2 == 0 ? add_fixed : add_short)(recorder->bytes, 100 + thread, recorder->ticks,
                                                  ns, recorder->buffer[thread],
                                                  recorder->filled[thread]);
        recorder->filled[thread] = 0;
    }
}

/* The first thread does little: its chunks overlap with many. */
static void record_one(struct recorder *recorder)
{
    GRand *random = recorder->random;
    guint thread = g_rand_int(random) % 50 == 0 ? 0 : 1 + g_rand_int(random) % (THREADS - 1);
    gboolean frees =
        recorder->dead_count == 0 || (recorder->live_count > 0 && g_rand_int(random) % 2 == 0);
    struct trace_fixed *record = &recorder->buffer[thread][recorder->filled[thread]++];
    recorder->ticks += recorder->per_event;
    if (frees) {
        guint which = g_rand_int(random) % recorder->live_count;
        guint64 address = recorder->live[which];
        recorder->live[which] = recorder->live[--recorder->live_count];
        recorder->dead[recorder->dead_count++] = address;
        *record = fixed(recorder->ticks, TRACE_FREE, address, 0);
    } else {
        guint64 address = recorder->dead[--recorder->dead_count];
        recorder->live[recorder->live_count++] = address;
        *record = fixed(recorder->ticks, TRACE_ALLOC, address, g_rand_int(random) % 100);
    }
    if (recorder->filled[thread] == BUFFER) {
        flush(recorder, thread);
    }
}

/* What is in bytes so far goes to the file, up to a place in the middle of a chunk, or all. */
static void write_some(struct recorder *recorder, gboolean all)
{
    gsize left = recorder->bytes->len - recorder->written;
    gsize bytes = all ? left : g_rand_int(recorder->random) % (left + 1);
    FILE *file = fopen(recorder->path, "ab");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(recorder->bytes->data + recorder->written, 1, bytes, file), bytes);
    ck_assert_int_eq(fclose(file), 0);
    recorder->written += bytes;
}

/* All buffers; and the process tells that it has lost some. */
static void end_recorder(struct recorder *recorder, guint64 lost)
{
    GByteArray *own = g_byte_array_new();
    guint offset = recorder->own;
    for (guint thread = 0; thread < THREADS; thread++) {
        recorder->ticks += 1000;
        flush(recorder, thread);
    }
    write_some(recorder, TRUE);
    add_own(recorder, own, fixed(recorder->ticks + 1000, TRACE_LOST, 0, lost));
    FILE *file = fopen(recorder->path, "r+b");
    ck_assert_int_eq(fseek(file, (long)offset, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(own->data, 1, own->len, file), own->len);
    ck_assert_int_eq(fclose(file), 0);
    g_byte_array_free(own, TRUE);
}

static void free_recorder(struct recorder *recorder)
{
    g_byte_array_free(recorder->bytes, TRUE);
    drop_file(recorder->path);
}

/* Packs what there is. */
static void step(record_packer *packer)
{
    GError *error = NULL;
    int got;
    while ((got = record_packer_step(packer, &error)) > 0) {
    }
    ck_assert_msg(got == 0, "%s", error != NULL ? error->message : "");
}

static struct record_counts finish(record_packer *packer, const char *target)
{
    struct record_counts counts;
    GError *error = NULL;
    trace_meta *about = trace_meta_new();
    trace_meta_set_text(about, "processor", "a test");
    ck_assert_msg(record_packer_finish(packer, target, about, &counts, &error), "%s",
                  error != NULL ? error->message : "");
    trace_meta_free(about);
    return counts;
}

static void check_same(const GArray *raw, const GArray *packed)
{
    ck_assert_uint_eq(raw->len, packed->len);
    for (guint i = 0; i < raw->len; i++) {
        const struct trace_record *a = &g_array_index(raw, struct trace_record, i);
        const struct trace_record *b = &g_array_index(packed, struct trace_record, i);
        gint64 apart = (gint64)(a->time_ns - b->time_ns);
        ck_assert_msg(a->kind == b->kind && a->address == b->address && a->size == b->size &&
                          a->thread == b->thread && a->cpu == b->cpu,
                      "record %u differs", i);
        ck_assert_msg(ABS(apart) < 1000, "record %u: %" G_GINT64_FORMAT " ns apart", i, apart);
    }
}

/* Where the clock stands still, threads' order at one moment is what a merge of all makes of it. */
static const struct {
    const char *clock;
    guint64 per_event;
} clocks[] = {{"tsc", TICKS_PER_EVENT}, {"monotonic", TICKS_PER_EVENT}, {"monotonic", 0}};

START_TEST(packed_meanwhile)
{
    enum { EVENTS = 150000 };
    GRand *random = seeded("packed_meanwhile");
    struct recorder recorder;
    begin_recorder(&recorder, random, clocks[_i].clock, clocks[_i].per_event);
    write_some(&recorder, TRUE);
    record_packer *packer = record_packer_new(recorder.path, FALSE, NULL);
    ck_assert_ptr_nonnull(packer);
    for (guint i = 0; i < EVENTS; i++) {
        if (clocks[_i].per_event == 0) {
            recorder.ticks += g_rand_int(random) % 4 == 0;
        }
        record_one(&recorder);
        if (g_rand_int(random) % 1000 == 0) {
            write_some(&recorder, FALSE);
            step(packer);
        }
    }
    end_recorder(&recorder, 7);
    GArray *raw = all_records(recorder.path, NULL);
    struct record_counts counts = finish(packer, recorder.path);
    GArray *packed = all_records(recorder.path, NULL);
    check_same(raw, packed);
    ck_assert_uint_eq(counts.events, EVENTS);
    ck_assert_uint_eq(counts.threads, THREADS);
    ck_assert_uint_eq(counts.lost, 7);
    ck_assert_uint_lt(counts.bytes, recorder.bytes->len / 3);
    g_array_free(raw, TRUE);
    g_array_free(packed, TRUE);
    free_recorder(&recorder);
    g_rand_free(random);
}
END_TEST

/* The file goes where it is wanted at last, and the raw one goes; with one that gives up it stays.
 */
START_TEST(places)
{
    GRand *random = seeded("places");
    struct recorder recorder;
    char *target = new_path(), *before, *after;
    gsize length;
    begin_recorder(&recorder, random, "tsc", TICKS_PER_EVENT);
    for (guint i = 0; i < 100000; i++) {
        record_one(&recorder);
    }
    write_some(&recorder, TRUE);
    ck_assert(g_file_get_contents(recorder.path, &before, &length, NULL));
    record_packer *packer = record_packer_new(recorder.path, FALSE, NULL);
    step(packer);
    record_packer_free(packer);
    ck_assert(g_file_get_contents(recorder.path, &after, &length, NULL));
    ck_assert_uint_eq(length, recorder.bytes->len);
    ck_assert_mem_eq(before, after, length);
    packer = record_packer_new(recorder.path, FALSE, NULL);
    step(packer);
    struct record_counts counts = finish(packer, target);
    ck_assert(!g_file_test(recorder.path, G_FILE_TEST_EXISTS));
    ck_assert(g_file_test(target, G_FILE_TEST_EXISTS));
    ck_assert_int_eq(counts.end, RECORD_END_CUT);
    g_free(before);
    g_free(after);
    drop_file(target);
    free_recorder(&recorder);
    g_rand_free(random);
}
END_TEST

/* A chunk that was spoilt ends the packing, with an error; what was recorded stays. */
START_TEST(spoilt)
{
    GRand *random = seeded("spoilt");
    struct recorder recorder;
    struct record_counts counts;
    GError *error = NULL;
    trace_meta *about = trace_meta_new();
    begin_recorder(&recorder, random, "tsc", TICKS_PER_EVENT);
    for (guint i = 0; i < 1000; i++) {
        record_one(&recorder);
    }
    recorder.bytes->data[recorder.bytes->len / 2] ^= 1;
    write_some(&recorder, TRUE);
    record_packer *packer = record_packer_new(recorder.path, FALSE, NULL);
    ck_assert(!record_packer_finish(packer, recorder.path, about, &counts, &error));
    ck_assert_msg(strstr(error->message, "stays as it was recorded") != NULL, "%s", error->message);
    g_clear_error(&error);
    GByteArray *left = take_file(recorder.path);
    ck_assert_uint_eq(left->len, recorder.bytes->len);
    ck_assert_mem_eq(left->data, recorder.bytes->data, left->len);
    g_byte_array_free(left, TRUE);
    g_byte_array_free(recorder.bytes, TRUE);
    trace_meta_free(about);
    g_rand_free(random);
}
END_TEST

/* Chunks of so many threads that side by side no reader could have them: they are merged. */
START_TEST(many_threads)
{
    enum { MANY = 1200, EACH = 2047 };
    struct trace_fixed *records = g_new(struct trace_fixed, EACH);
    GByteArray *bytes = begin_file(TRACE_LEVEL_RAW);
    struct trace_fixed own = fixed(1000, TRACE_MARKER, 0, 1);
    struct trace_chunk chunk;
    guint64 last_ns = 0, events = 0;
    add_meta(bytes, "clock", "tsc");
    add_fixed(bytes, 0, 1000, 400, &own, 1);
    for (guint thread = 0; thread < MANY; thread++) {
        for (guint i = 0; i < EACH; i++) {
            records[i] = fixed(2000 + 25 * ((guint64)i * MANY + thread), TRACE_ALLOC,
                               4096 + 16 * ((guint64)thread * EACH + i), 16);
        }
        guint64 ticks = 3000 + 25 * ((guint64)EACH * MANY + thread);
        add_fixed(bytes, 1 + thread, ticks, ticks * 2 / 5, records, EACH);
    }
    char *path = make_file((const char *)bytes->data, bytes->len);
    struct record_counts counts = finish(record_packer_new(path, FALSE, NULL), path);
    ck_assert_uint_eq(counts.events, (guint64)MANY * EACH);
    ck_assert_uint_eq(counts.threads, MANY);
    ck_assert_int_eq(counts.end, RECORD_END_WHOLE);
    trace_input *input = trace_input_open(path, NULL);
    trace_file *file = trace_file_open(input, NULL);
    while (trace_file_next(file, &chunk, NULL) > 0) {
        if (chunk.header.type == TRACE_CHUNK_COLUMNS) {
            ck_assert_uint_ge(chunk.header.clock_ticks, last_ns);
            last_ns = chunk.header.clock_ns;
            events += chunk.header.events;
        }
    }
    ck_assert_uint_eq(events, counts.events);
    trace_file_close(file);
    trace_input_close(input);
    drop_file(path);
    g_byte_array_free(bytes, TRUE);
    g_free(records);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("pack");
    tcase_add_loop_test(tcase, packed_meanwhile, 0, G_N_ELEMENTS(clocks));
    tcase_add_test(tcase, places);
    tcase_add_test(tcase, spoilt);
    tcase_add_test(tcase, many_threads);
    Suite *suite = suite_create("pack");
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
