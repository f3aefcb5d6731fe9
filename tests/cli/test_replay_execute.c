/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replay against an allocator that does as it is told: that fails, contradicts itself, or hands
 * out what it may not.
 */
#include "replay/error.h"
#include "replay/execute.h"
#include "replay/guard.h"
#include "replay/schedule.h"
#include "report/sampler.h"
#include "replay_support.h"

#define ROOM 8

/* Objects of 64 bytes, ROOM for each region, and page blocks of one page behind them. */
struct fake {
    struct replay_backend base;
    char *next;
    guint64 live, room;
    guint64 blocks;
    guint regions;
    guint drains;
    guint64 align; /* of the last request */
    gboolean refuse_free, foreign_address;
    gboolean moves; /* a realloc takes another place */
    gboolean hangs; /* an allocation */
    guint64 hidden; /* live objects that the statistics leave out */
};

static enum replay_status fake_take(struct fake *fake, void **out)
{
    static char elsewhere[64];
    if (fake->room == 0)
        return REPLAY_NO_MEMORY;
    fake->room--;
    *out = fake->foreign_address ? elsewhere : fake->next;
    fake->next += 64;
    return REPLAY_OK;
}

static enum replay_status fake_alloc(struct replay_backend *backend, guint cpu, guint64 size,
                                     guint64 align, void **out)
{
    struct fake *fake = (struct fake *)backend;
    (void)cpu;
    (void)size;
    fake->align = align;
    while (fake->hangs)
        g_usleep(1000);
    enum replay_status status = fake_take(fake, out);
    fake->live += status == REPLAY_OK;
    return status;
}

static enum replay_status fake_free(struct replay_backend *backend, guint cpu, void *object)
{
    struct fake *fake = (struct fake *)backend;
    (void)cpu;
    (void)object;
    if (fake->refuse_free) {
        g_strlcpy(backend->last_error, "it is not mine", sizeof(backend->last_error));
        return REPLAY_ERROR;
    }
    fake->live--;
    fake->room++;
    return REPLAY_OK;
}

static enum replay_status fake_realloc(struct replay_backend *backend, guint cpu, void **object,
                                       guint64 size, guint64 align)
{
    struct fake *fake = (struct fake *)backend;
    (void)cpu;
    (void)size;
    fake->align = align;
    if (!fake->moves)
        return REPLAY_OK;
    enum replay_status status = fake_take(fake, object);
    fake->room += status == REPLAY_OK; /* the old one */
    return status;
}

static enum replay_status fake_add_region(struct replay_backend *backend, void *start,
                                          guint64 bytes)
{
    struct fake *fake = (struct fake *)backend;
    (void)bytes;
    fake->next = start;
    fake->room = ROOM;
    fake->regions++;
    return REPLAY_OK;
}

static enum replay_status fake_drain(struct replay_backend *backend)
{
    ((struct fake *)backend)->drains++;
    return REPLAY_OK;
}

static enum replay_status fake_snapshot(struct replay_backend *backend, struct replay_snapshot *out)
{
    struct fake *fake = (struct fake *)backend;
    memset(out, 0, sizeof(*out));
    out->page_size = 4096;
    out->regions = fake->regions;
    out->region_bytes = out->managed = 4096 * (guint64)fake->regions;
    out->slab_bytes = out->region_bytes;
    out->classes = 1;
    out->size_class[0] = (struct replay_class){
        .object_size = 64,
        .slab_pages = 1,
        .objects_per_slab = 64,
        .slabs = fake->regions,
        .slab_bytes = out->slab_bytes,
        .slots = 64 * (guint64)fake->regions,
        .live = fake->live - fake->hidden,
        .free = 64 * (guint64)fake->regions - fake->live + fake->hidden,
    };
    return REPLAY_OK;
}

static guint64 fake_occupied(const struct replay_backend *backend)
{
    return 4096 * (guint64)((const struct fake *)backend)->regions;
}

static const struct replay_backend_ops fake_ops = {
    .name = "fake",
    .alloc = fake_alloc,
    .free = fake_free,
    .realloc = fake_realloc,
    .add_region = fake_add_region,
    .drain = fake_drain,
    .snapshot = fake_snapshot,
    .occupied = fake_occupied,
};

/* An execution on two CPUs, with regions of one page. */
struct bench {
    struct fake fake;
    struct trace_summary summary;
    struct replay_regions regions;
    struct replay_schedule schedule;
    struct progress progress;
    struct sampler sampler;
    struct replay_execution execution;
    char memory[3][4096];
};

static void set_up(struct bench *bench, guint regions, guint64 peak_bytes)
{
    memset(bench, 0, sizeof(*bench));
    bench->fake.base = (struct replay_backend){
        .ops = &fake_ops, .page_size = 4096, .classes = 1, .class_size = {64}};
    bench->summary =
        (struct trace_summary){.events = 100, .peak_slots = 50, .peak_live_bytes = peak_bytes};
    bench->regions.count = regions;
    for (guint i = 0; i < regions; i++)
        bench->regions.region[i] =
            (struct replay_region){.start = bench->memory[i], .bytes = sizeof(bench->memory[i])};
    bench->regions.used = 1;
    fake_add_region(&bench->fake.base, bench->memory[0], 4096);
    sampler_init(&bench->sampler, 11, 2, 100);
    bench->execution = (struct replay_execution){
        .summary = &bench->summary,
        .backend = &bench->fake.base,
        .schedule = &bench->schedule,
        .regions = &bench->regions,
        .observer = &bench->sampler.observer,
        .progress = &bench->progress,
        .cpus = 2,
        .default_align = 8,
    };
    ck_assert(replay_execution_init(&bench->execution, NULL));
}

static void tear_down(struct bench *bench)
{
    replay_execution_clear(&bench->execution);
    sampler_clear(&bench->sampler);
}

static gboolean step(struct bench *bench, enum trace_kind kind, guint32 slot, guint cpu,
                     GError **error)
{
    struct trace_event event = {
        .number = bench->execution.events + 1,
        .line = bench->execution.events + 1,
        .size = 50,
        .slot = slot,
        .kind = (guint8)kind,
    };
    return replay_step(&bench->execution, &event, cpu, error);
}

static void expect_error(gboolean ok, GError **error, int code, const char *words)
{
    ck_assert(!ok);
    ck_assert_ptr_nonnull(*error);
    ck_assert_msg(g_error_matches(*error, REPLAY_ERROR_DOMAIN, code), "%s", (*error)->message);
    ck_assert_msg(strstr((*error)->message, words) != NULL, "'%s' not in: %s", words,
                  (*error)->message);
    g_clear_error(error);
}

START_TEST(failures_are_counted)
{
    struct bench bench;
    set_up(&bench, 1, 12 * 50);
    for (guint i = 0; i < 12; i++)
        ck_assert(step(&bench, TRACE_ALLOC, i, 0, NULL));
    ck_assert_uint_eq(bench.execution.failed, 12 - ROOM);
    ck_assert_uint_eq(bench.execution.failure[0].number, ROOM + 1);
    /* One that failed and one that did not: only the second is freed. */
    ck_assert(step(&bench, TRACE_FREE, 11, 1, NULL));
    ck_assert(step(&bench, TRACE_FREE, 0, 1, NULL));
    ck_assert_uint_eq(bench.execution.skipped_frees, 1);
    ck_assert_uint_eq(bench.fake.live, ROOM - 1);
    ck_assert_uint_eq(bench.execution.cpu[1].remote_out, 1);
    ck_assert_uint_eq(bench.execution.cpu[0].remote_in, 1);
    /* Its slot can be used again. */
    ck_assert(step(&bench, TRACE_ALLOC, 11, 1, NULL));
    ck_assert(step(&bench, TRACE_FREE, 11, 1, NULL));
    ck_assert_uint_eq(bench.execution.skipped_frees, 1);
    ck_assert_uint_eq(bench.execution.cpu[1].remote_out, 1);
    tear_down(&bench);
}
END_TEST

START_TEST(reallocs_keep_their_slot)
{
    struct bench bench;
    GError *error = NULL;
    set_up(&bench, 1, 100);
    const struct replay_cpu *cpu = bench.execution.cpu;
    ck_assert(step(&bench, TRACE_CALLOC, 0, 0, NULL));
    /* In place: it is still CPU 0's. */
    ck_assert(step(&bench, TRACE_REALLOC, 0, 1, NULL));
    ck_assert_uint_eq(cpu[1].reallocs, 1);
    ck_assert_uint_eq(cpu[1].moved + cpu[1].remote_out, 0);
    /* Elsewhere: CPU 1 freed CPU 0's object and has one of its own. */
    bench.fake.moves = TRUE;
    ck_assert(step(&bench, TRACE_REALLOC, 0, 1, NULL));
    ck_assert_uint_eq(cpu[1].reallocs, 2);
    ck_assert_uint_eq(cpu[1].moved, 1);
    ck_assert_uint_eq(cpu[1].remote_out, 1);
    ck_assert_uint_eq(bench.execution.account.requested, 50);
    ck_assert_uint_eq(bench.execution.account.requested_ever, 150);
    /* One that fails leaves the object as it was. */
    bench.fake.room = 0;
    ck_assert(step(&bench, TRACE_REALLOC, 0, 0, NULL));
    ck_assert_uint_eq(bench.execution.failed, 1);
    ck_assert(step(&bench, TRACE_FREE, 0, 1, NULL));
    ck_assert_uint_eq(cpu[1].remote_out, 1);
    ck_assert_uint_eq(bench.execution.account.requested, 0);
    ck_assert_uint_eq(bench.fake.live, 0);
    expect_error(step(&bench, TRACE_REALLOC, 0, 0, &error), &error, REPLAY_ERROR_TRACE,
                 "it resizes a slot that holds no object");
    tear_down(&bench);
}
END_TEST

/* An object that could not be had cannot be resized, and a call that failed when it was recorded,
 * or concerns no object, asks for nothing. */
START_TEST(some_events_ask_for_nothing)
{
    struct bench bench;
    struct trace_event event = {.kind = TRACE_ALIGNED_ALLOC,
                                .flags = TRACE_FAILED,
                                .size = G_MAXUINT64,
                                .slot = TRACE_NO_SLOT};
    set_up(&bench, 1, 100);
    ck_assert(replay_step(&bench.execution, &event, 0, NULL));
    event.kind = TRACE_THREAD_START;
    event.flags = 0;
    ck_assert(replay_step(&bench.execution, &event, 1, NULL));
    ck_assert_uint_eq(bench.execution.failed + bench.fake.live, 0);
    ck_assert_uint_eq(bench.execution.events, 2);
    bench.fake.room = 0;
    ck_assert(step(&bench, TRACE_ALLOC, 3, 0, NULL));
    ck_assert(step(&bench, TRACE_REALLOC, 3, 0, NULL));
    ck_assert_uint_eq(bench.execution.failed, 1);
    ck_assert_uint_eq(bench.execution.skipped_reallocs, 1);
    tear_down(&bench);
}
END_TEST

START_TEST(regions_are_added_one_by_one)
{
    struct bench bench;
    set_up(&bench, 3, 50 * 50);
    for (guint i = 0; i < 2 * ROOM; i++)
        ck_assert(step(&bench, TRACE_ALLOC, i, 0, NULL));
    ck_assert_uint_eq(bench.execution.failed, 0);
    ck_assert_uint_eq(bench.regions.used, 2);
    ck_assert_uint_eq(bench.regions.region[1].added, ROOM);
    for (guint i = 2 * ROOM; i < 4 * ROOM; i++)
        ck_assert(step(&bench, TRACE_ALLOC, i, 0, NULL));
    ck_assert_uint_eq(bench.regions.used, 3);
    ck_assert_uint_eq(bench.execution.failed, ROOM);
    tear_down(&bench);
}
END_TEST

/* The sample of the peak is taken at the very event; without it the highest sample stands in. */
START_TEST(peak)
{
    struct bench bench;
    set_up(&bench, 1, 3 * 50);
    ck_assert(sampler_begin(&bench.sampler, &bench.execution, NULL));
    for (guint i = 0; i < 3; i++)
        ck_assert(step(&bench, TRACE_ALLOC, i, 0, NULL));
    ck_assert(step(&bench, TRACE_FREE, 1, 0, NULL));
    ck_assert(step(&bench, TRACE_ALLOC, 1, 0, NULL)); /* as high again: the first one counts */
    ck_assert(bench.sampler.peak_exact);
    ck_assert_uint_eq(bench.sampler.count, 2);
    ck_assert_uint_eq(bench.sampler.peak.sample.event, 3);
    ck_assert(sampler_end(&bench.sampler, &bench.execution, NULL));
    ck_assert_uint_eq(bench.fake.drains, 1);
    ck_assert_uint_eq(bench.sampler.count, 3);
    ck_assert_uint_eq(bench.sampler.sample[2].event, 5);
    tear_down(&bench);

    set_up(&bench, 1, 20 * 50);
    ck_assert(sampler_begin(&bench.sampler, &bench.execution, NULL));
    for (guint i = 0; i < 20; i++)
        ck_assert(step(&bench, TRACE_ALLOC, i, 0, NULL));
    ck_assert(!bench.sampler.peak_exact);
    ck_assert_uint_eq(bench.sampler.peak.sample.event, 10);
    ck_assert_uint_eq(bench.sampler.peak.sample.split.part[SPLIT_REQUESTED], ROOM * 50);
    tear_down(&bench);
}
END_TEST

START_TEST(samples_are_equally_spaced)
{
    struct bench bench;
    set_up(&bench, 1, 1);
    ck_assert(sampler_begin(&bench.sampler, &bench.execution, NULL));
    for (guint i = 0; i < 50; i++) {
        ck_assert(step(&bench, TRACE_ALLOC, 0, 0, NULL));
        ck_assert(step(&bench, TRACE_FREE, 0, 1, NULL));
    }
    ck_assert_uint_eq(bench.sampler.count, 11);
    for (guint i = 0; i < 11; i++) {
        ck_assert_uint_eq(bench.sampler.sample[i].event, 10 * (guint64)i);
        ck_assert_uint_eq(bench.sampler.cpus[i * 2].remote, 0);
        ck_assert_uint_eq(bench.sampler.cpus[i * 2 + 1].remote, 5 * (guint64)i);
    }
    tear_down(&bench);
}
END_TEST

/* What comes and goes between two samples is seen all the same. */
START_TEST(no_extreme_falls_between_samples)
{
    struct bench bench;
    set_up(&bench, 1, 1);
    ck_assert(sampler_begin(&bench.sampler, &bench.execution, NULL));
    for (guint i = 0; i < 10; i++) {
        guint most = i == 4 ? 5 : 2; /* alive at once among ten events */
        for (guint k = 0; k < most; k++)
            ck_assert(step(&bench, TRACE_ALLOC, k, 0, NULL));
        for (guint k = 0; k < most; k++)
            ck_assert(step(&bench, TRACE_FREE, k, 0, NULL));
        for (guint k = 2 * most; k < 10; k += 2) {
            ck_assert(step(&bench, TRACE_ALLOC, 0, 0, NULL));
            ck_assert(step(&bench, TRACE_FREE, 0, 0, NULL));
        }
    }
    ck_assert_uint_eq(bench.sampler.count, 11);
    for (guint i = 1; i < 11; i++) {
        const struct sample *sample = &bench.sampler.sample[i];
        ck_assert_uint_eq(sample->split.part[SPLIT_REQUESTED], 0);
        ck_assert_uint_eq(sample->window.requested_low, 0);
        ck_assert_uint_eq(sample->window.requested_high, 50 * (i == 5 ? 5 : 2));
        ck_assert_uint_eq(sample->window.occupied_high, 4096);
    }
    tear_down(&bench);
}
END_TEST

START_TEST(contradictions_of_the_allocator)
{
    struct bench bench;
    GError *error = NULL;
    set_up(&bench, 1, 1000);
    ck_assert(step(&bench, TRACE_ALLOC, 0, 0, NULL));
    bench.fake.refuse_free = TRUE;
    expect_error(step(&bench, TRACE_FREE, 0, 1, &error), &error, REPLAY_ERROR_ALLOCATOR,
                 "event 2 (line 2) on CPU 1: it is not mine");
    bench.fake.foreign_address = TRUE;
    expect_error(step(&bench, TRACE_ALLOC, 1, 0, &error), &error, REPLAY_ERROR_ALLOCATOR,
                 "outside of its regions");
    tear_down(&bench);

    set_up(&bench, 1, 1000);
    ck_assert(step(&bench, TRACE_ALLOC, 0, 0, NULL));
    bench.fake.hidden = 1;
    expect_error(sampler_end(&bench.sampler, &bench.execution, &error), &error,
                 REPLAY_ERROR_ALLOCATOR, "live objects of 64 bytes");
    tear_down(&bench);
}
END_TEST

/* The program ends, as a test expects that ends with the same status. */
START_TEST(an_allocator_that_hangs)
{
    struct bench bench;
    struct replay_guard guard;
    set_up(&bench, 1, 1000);
    replay_guard_begin(&guard, &bench.execution, 1);
    ck_assert(step(&bench, TRACE_ALLOC, 0, 0, NULL));
    replay_guard_end(&guard);
    bench.fake.hangs = TRUE;
    replay_guard_begin(&guard, &bench.execution, 1);
    step(&bench, TRACE_ALLOC, 1, 0, NULL);
}
END_TEST

START_TEST(contradictions_of_the_stream)
{
    struct bench bench;
    GError *error = NULL;
    set_up(&bench, 1, 1000);
    expect_error(step(&bench, TRACE_FREE, 0, 0, &error), &error, REPLAY_ERROR_TRACE, "not in use");
    expect_error(step(&bench, TRACE_ALLOC, 50, 0, &error), &error, REPLAY_ERROR_TRACE,
                 "out of range");
    ck_assert(step(&bench, TRACE_ALLOC, 0, 0, NULL));
    expect_error(step(&bench, TRACE_ALLOC, 0, 0, &error), &error, REPLAY_ERROR_TRACE, "in use");
    ck_assert(step(&bench, TRACE_MARKER, TRACE_NO_SLOT, 0, NULL));
    tear_down(&bench);
}
END_TEST

/* What the allocator is asked for where the trace names an alignment, and where it does not. */
static const struct {
    guint64 size, named, by_default, expected;
} alignments[] = {
    {100, 64, 8, 64}, {100, 0, 8, 8}, {3, 0, 8, 8},  {0, 0, 0, 1},   {1, 0, 0, 1},
    {3, 0, 0, 2},     {8, 0, 0, 8},   {15, 0, 0, 8}, {16, 0, 0, 16}, {5000, 0, 0, 16},
};

START_TEST(alignment)
{
    struct bench bench;
    set_up(&bench, 1, 1000);
    bench.execution.default_align = alignments[_i].by_default;
    struct trace_event event = {
        .kind = TRACE_ALLOC, .size = alignments[_i].size, .align = alignments[_i].named};
    /* An address may lie outside of the fake's region for large sizes: only the request counts. */
    replay_step(&bench.execution, &event, 0, NULL);
    ck_assert_uint_eq(bench.fake.align, alignments[_i].expected);
    tear_down(&bench);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay-execute");
    TCase *steps = tcase_create("steps");
    tcase_add_test(steps, failures_are_counted);
    tcase_add_test(steps, reallocs_keep_their_slot);
    tcase_add_test(steps, some_events_ask_for_nothing);
    tcase_add_test(steps, regions_are_added_one_by_one);
    tcase_add_test(steps, peak);
    tcase_add_test(steps, samples_are_equally_spaced);
    tcase_add_test(steps, no_extreme_falls_between_samples);
    tcase_add_test(steps, contradictions_of_the_allocator);
    tcase_add_exit_test(steps, an_allocator_that_hangs, EXIT_FAILURE);
    tcase_add_test(steps, contradictions_of_the_stream);
    tcase_add_loop_test(steps, alignment, 0, (int)G_N_ELEMENTS(alignments));
    suite_add_tcase(suite, steps);
    return run_suite(suite);
}
