/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops run by runners: what waits for what, what a standstill says, what verification finds. The
 * allocator is one that does as it is told; batches are made by hand.
 */
#include <stdlib.h>

#include "replay/error.h"
#include "replay/host.h"
#include "replay/latency.h"
#include "replay/verify.h"
#include "replay_support.h"

#define OPS 64u
#define RUNNERS 3u

/* Gives room[] away in pieces of 256 bytes, or does something worse. */
struct tricky {
    struct replay_backend base;
    _Atomic guint given, freed;
    guint fail_at; /* the request with this number, from 1 on, finds no memory */
    gboolean overlaps, misaligns, loses, scribbles;
    char *room;
};

static enum replay_status tricky_alloc(struct replay_backend *backend, guint cpu, guint64 size,
                                       guint64 align, void **out)
{
    struct tricky *tricky = (struct tricky *)backend;
    guint number = atomic_fetch_add(&tricky->given, 1);
    (void)cpu;
    (void)size;
    (void)align;
    if (number + 1 == tricky->fail_at)
        return REPLAY_NO_MEMORY;
    *out = tricky->room + (tricky->overlaps ? number * 64 : number * 256) +
           (tricky->misaligns ? 1 : 0);
    return REPLAY_OK;
}

static enum replay_status tricky_free(struct replay_backend *backend, guint cpu, void *object)
{
    (void)cpu;
    (void)object;
    atomic_fetch_add(&((struct tricky *)backend)->freed, 1);
    return REPLAY_OK;
}

static enum replay_status tricky_realloc(struct replay_backend *backend, guint cpu, void **object,
                                         guint64 size, guint64 align)
{
    struct tricky *tricky = (struct tricky *)backend;
    void *old = *object;
    enum replay_status status = tricky_alloc(backend, cpu, size, align, object);
    if (status == REPLAY_OK && !tricky->loses)
        memcpy(*object, old, 100);
    if (tricky->scribbles)
        ((char *)*object)[99] ^= 1;
    return status;
}

static const struct replay_backend_ops tricky_ops = {
    .name = "tricky",
    .alloc = tricky_alloc,
    .free = tricky_free,
    .realloc = tricky_realloc,
};

struct bed {
    struct tricky tricky;
    struct replay_batch batch;
    struct replay_here here;
    _Alignas(16) char room[256 * OPS];
    guint32 next; /* op */
    GError *error;
};

static void set_up(struct bed *bed, guint watchdog)
{
    const struct replay_terms terms = {
        .runners = RUNNERS,
        .capacity = OPS,
        .window = OPS,
        .verify = 1,
        .page_size = 4096,
        .speed = 1.0,
    };
    memset(bed, 0, sizeof(*bed));
    gsize bytes = (replay_batch_bytes(&terms) + 63) & ~(gsize)63;
    void *memory = aligned_alloc(64, bytes);
    ck_assert_ptr_nonnull(memory);
    memset(memory, 0, bytes);
    replay_batch_at(&bed->batch, memory, &terms);
    bed->batch.shared->terms = terms;
    bed->tricky.base.ops = &tricky_ops;
    bed->tricky.room = bed->room;
    replay_here_open(&bed->here, &bed->batch, &bed->tricky.base, NULL, watchdog);
}

/* The next op of a runner: ops are added runner by runner. before: index of the op that left the
 * object, or -1. */
static void add(struct bed *bed, guint runner, guint32 seq, guint kind, int before)
{
    struct replay_runner *of = &bed->batch.runner[runner];
    struct replay_op *op = &bed->batch.op[bed->next];
    if (of->count++ == 0)
        of->first = bed->next;
    *op = (struct replay_op){
        .size = 100,
        .seq = seq,
        .before = (guint32)(before + 1),
        .cpu = (guint16)runner,
        .kind = (guint8)kind,
        .align = 4,
    };
    bed->batch.held[bed->next++] = (struct replay_held){.size = 100, .tag = seq};
}

/* Who depends on whom is known when all ops are there. */
static gboolean run(struct bed *bed)
{
    for (guint32 i = 0; i < bed->next; i++) {
        struct replay_op *op = &bed->batch.op[i];
        const struct replay_op *first = op;
        if (op->before != 0)
            op->by = bed->batch.op[op->before - 1].cpu;
        for (guint steps = 0; first->before != 0 && steps < OPS; steps++)
            first = &bed->batch.op[first->before - 1];
        bed->batch.held[i].tag = first->seq; /* the object's, from its allocation on */
    }
    for (guint i = 0; i < RUNNERS; i++) {
        struct replay_runner *runner = &bed->batch.runner[i];
        atomic_store(&runner->at, runner->first);
        atomic_store(&runner->done,
                     runner->count == 0 ? REPLAY_ALL_DONE : bed->batch.op[runner->first].seq);
    }
    return bed->here.host.run(&bed->here.host, &bed->batch, &bed->error);
}

static void expect_error(struct bed *bed, gboolean ok, int code, const char *words)
{
    ck_assert(!ok);
    ck_assert_msg(g_error_matches(bed->error, REPLAY_ERROR_DOMAIN, code), "%s",
                  bed->error->message);
    ck_assert_msg(strstr(bed->error->message, words) != NULL, "'%s' not in: %s", words,
                  bed->error->message);
}

static void tear_down(struct bed *bed)
{
    replay_here_close(&bed->here);
    free(bed->batch.shared);
    g_clear_error(&bed->error);
}

/* Two CPUs hand an object to and fro; the third has nothing to do and holds nobody up. */
START_TEST(objects_are_waited_for)
{
    for (guint32 window = 1; window <= OPS; window *= 8) {
        struct bed bed;
        set_up(&bed, 60);
        bed.batch.shared->terms.window = window;
        for (guint32 i = 0; i < 10; i++)
            add(&bed, 0, 2 * i, i == 0 ? TRACE_ALLOC : TRACE_REALLOC, i == 0 ? -1 : (int)i + 9);
        for (guint32 i = 0; i < 10; i++)
            add(&bed, 1, 2 * i + 1, i == 9 ? TRACE_FREE : TRACE_REALLOC, (int)i);
        ck_assert_msg(run(&bed), "%s", bed.error != NULL ? bed.error->message : "");
        for (guint32 i = 0; i < 20; i++)
            ck_assert_uint_eq(bed.batch.op[i].status, REPLAY_OP_DONE);
        ck_assert_uint_eq(bed.tricky.given, 19);
        ck_assert_uint_eq(bed.tricky.freed, 1);
        ck_assert_ptr_null(bed.batch.op[19].address);
        tear_down(&bed);
    }
}
END_TEST

/* What could not be had is neither resized nor freed. */
START_TEST(failures_are_skipped)
{
    struct bed bed;
    set_up(&bed, 60);
    bed.tricky.fail_at = 1;
    add(&bed, 0, 0, TRACE_ALLOC, -1);
    add(&bed, 1, 1, TRACE_REALLOC, 0);
    add(&bed, 2, 2, TRACE_FREE, 1);
    ck_assert(run(&bed));
    ck_assert_uint_eq(bed.batch.op[0].status, REPLAY_OP_FAILED);
    ck_assert_uint_eq(bed.batch.op[1].status, REPLAY_OP_SKIPPED);
    ck_assert_uint_eq(bed.batch.op[2].status, REPLAY_OP_SKIPPED);
    ck_assert_uint_eq(bed.batch.shared->shortages, 1);
    ck_assert_uint_eq(bed.batch.shared->shortage[0].index, 0);
    ck_assert_uint_eq(bed.tricky.freed, 0);
    tear_down(&bed);

    set_up(&bed, 60); /* a realloc that fails leaves the object where it is */
    bed.tricky.fail_at = 2;
    add(&bed, 0, 0, TRACE_ALLOC, -1);
    add(&bed, 1, 1, TRACE_REALLOC, 0);
    add(&bed, 2, 2, TRACE_FREE, 1);
    ck_assert(run(&bed));
    ck_assert_uint_eq(bed.batch.op[1].status, REPLAY_OP_FAILED);
    ck_assert_ptr_eq(bed.batch.op[1].address, bed.batch.op[0].address);
    ck_assert_uint_eq(bed.tricky.freed, 1);
    tear_down(&bed);

    set_up(&bed, 60); /* and may end the replay */
    bed.batch.shared->terms.failure_ends = 1;
    bed.tricky.fail_at = 1;
    add(&bed, 0, 0, TRACE_ALLOC, -1);
    add(&bed, 0, 1, TRACE_ALLOC, -1);
    ck_assert(run(&bed));
    ck_assert_uint_eq(bed.batch.op[1].status, REPLAY_OP_NOT_RUN);
    tear_down(&bed);
}
END_TEST

/* No trace gives such ops: each of two CPUs waits for what the other does later. */
START_TEST(standstill)
{
    struct bed bed;
    set_up(&bed, 1);
    bed.batch.shared->base = 1000;
    add(&bed, 0, 0, TRACE_FREE, 3);
    add(&bed, 0, 1, TRACE_ALLOC, -1);
    add(&bed, 1, 2, TRACE_REALLOC, 1);
    add(&bed, 1, 3, TRACE_ALLOC, -1);
    gboolean ok = run(&bed);
    ck_assert(bed.here.stuck);
    expect_error(&bed, ok, REPLAY_ERROR_STUCK, "nothing has moved for 1 s");
    expect_error(&bed, ok, REPLAY_ERROR_STUCK,
                 "CPU 0, at event 1001 (a free): waits for its object, which event 1004 (an "
                 "allocation) on CPU 1 leaves");
    expect_error(&bed, ok, REPLAY_ERROR_STUCK,
                 "CPU 1, at event 1003 (a realloc): waits for its object, which event 1002 (an "
                 "allocation) on CPU 0 leaves");
    atomic_store(&bed.batch.shared->stop, 1);
    while (!replay_crew_wait(&bed.here.crew, 1000))
        ;
    tear_down(&bed);
}
END_TEST

static const struct {
    gboolean overlaps, misaligns, loses, scribbles;
    guint second; /* what follows an allocation */
    const char *words;
} lies[] = {
    {.overlaps = TRUE, .second = TRACE_ALLOC, .words = "another object overlaps it"},
    {.misaligns = TRUE, .second = TRACE_ALLOC, .words = "misaligned: a multiple of 16"},
    {.loses = TRUE, .second = TRACE_REALLOC, .words = "after a realloc: byte 0 of 100"},
    {.scribbles = TRUE, .second = TRACE_REALLOC, .words = "after a realloc: byte 99 of 100"},
};

START_TEST(verification_finds)
{
    struct bed bed;
    set_up(&bed, 60);
    bed.tricky.overlaps = lies[_i].overlaps;
    bed.tricky.misaligns = lies[_i].misaligns;
    bed.tricky.loses = lies[_i].loses;
    bed.tricky.scribbles = lies[_i].scribbles;
    add(&bed, 0, 0, TRACE_ALLOC, -1);
    add(&bed, 0, 1, lies[_i].second, lies[_i].second == TRACE_REALLOC ? 0 : -1);
    add(&bed, 0, 2, TRACE_FREE, lies[_i].second == TRACE_REALLOC ? 1 : 0);
    expect_error(&bed, run(&bed), REPLAY_ERROR_ALLOCATOR, lies[_i].words);
    tear_down(&bed);

    set_up(&bed, 60); /* the same without the lie */
    add(&bed, 0, 0, TRACE_ALLOC, -1);
    add(&bed, 0, 1, lies[_i].second, lies[_i].second == TRACE_REALLOC ? 0 : -1);
    add(&bed, 0, 2, TRACE_FREE, lies[_i].second == TRACE_REALLOC ? 1 : 0);
    ck_assert_msg(run(&bed), "%s", bed.error != NULL ? bed.error->message : "");
    tear_down(&bed);
}
END_TEST

/* Every byte counts, wherever filling began, and no object's pattern is another's. */
START_TEST(patterns)
{
    guint8 object[67];
    for (guint64 cut = 0; cut <= sizeof(object); cut++) {
        replay_verify_fill(object, cut, sizeof(object), 7);
        replay_verify_fill(object, 0, cut, 7);
        ck_assert_uint_eq(replay_verify_find(object, sizeof(object), 7), sizeof(object));
    }
    for (guint64 i = 0; i < sizeof(object); i++) {
        object[i] ^= 1;
        ck_assert_uint_eq(replay_verify_find(object, sizeof(object), 7), i);
        object[i] ^= 1;
    }
    ck_assert_uint_lt(replay_verify_find(object, sizeof(object), 8), 2);
}
END_TEST

/* A value's bucket is known to a 32nd, and buckets are in order. */
START_TEST(distributions)
{
    guint64 last = 0;
    for (guint i = 0; i < LATENCY_BUCKETS; i++) {
        guint64 top = replay_latency_value(i);
        ck_assert_uint_eq(replay_latency_bucket(top), i);
        ck_assert(i == 0 || replay_latency_bucket(last + 1) == i);
        ck_assert_uint_le(top - last, last / 31 + 1);
        last = top;
    }
    struct replay_latency *latency = g_new0(struct replay_latency, 2);
    for (guint64 i = 1; i <= 1000; i++)
        replay_latency_add(&latency[i % 2], i);
    ck_assert_uint_eq(replay_latency_quantile(&latency[0], 1.0), 1000);
    replay_latency_merge(&latency[0], &latency[1]);
    ck_assert_uint_eq(latency[0].count, 1000);
    guint64 median = replay_latency_quantile(&latency[0], 0.5);
    ck_assert_uint_ge(median, 500);
    ck_assert_uint_le(median, 516);
    ck_assert_uint_eq(replay_latency_quantile(&latency[0], 0.0), 1);
    replay_latency_add(&latency[0], G_MAXUINT64);
    ck_assert_uint_eq(replay_latency_quantile(&latency[0], 1.0),
                      replay_latency_value(LATENCY_BUCKETS - 1));
    g_free(latency);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batches");
    TCase *runners = tcase_create("runners");
    tcase_add_test(runners, objects_are_waited_for);
    tcase_add_test(runners, failures_are_skipped);
    tcase_add_test(runners, standstill);
    tcase_add_loop_test(runners, verification_finds, 0, (int)G_N_ELEMENTS(lies));
    suite_add_tcase(suite, runners);
    TCase *parts = tcase_create("parts");
    tcase_add_test(parts, patterns);
    tcase_add_test(parts, distributions);
    suite_add_tcase(suite, parts);
    return run_suite(suite);
}
