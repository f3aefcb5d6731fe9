/* SPDX-License-Identifier: Apache-2.0 */
/* Identity where an object changes its address: reallocs, and what happens between their halves. */
#include <string.h>

#include "support.h"
#include "trace/resolve.h"

struct told {
    struct trace_hygiene hygiene;
    struct trace_summary summary;
    struct trace_resolver resolver;
    struct trace_event events[64];
    int count;
    guint64 now;
};

static void begin(struct told *told)
{
    memset(told, 0, sizeof *told);
    trace_resolver_init(&told->resolver);
    told->resolver.page_size = 4096;
    trace_resolver_restart(&told->resolver, &told->hygiene, &told->summary);
}

static void tell(struct told *told, guint32 thread, enum trace_kind kind, guint64 address,
                 guint64 size, guint8 flags)
{
    struct trace_record record = TRACE_RECORD_INIT;
    record.kind = (guint8)kind;
    record.thread = thread;
    record.address = address;
    record.size = size;
    record.flags = flags;
    record.time_ns = ++told->now;
    ck_assert_int_lt(told->count, 60);
    told->count += trace_resolve(&told->resolver, &record, told->events + told->count);
}

static void end(struct told *told)
{
    trace_resolver_finish(&told->resolver);
    trace_resolver_destroy(&told->resolver);
}

static void expect(const struct told *told, int index, enum trace_kind kind, guint32 slot,
                   guint64 size)
{
    ck_assert_int_lt(index, told->count);
    ck_assert_uint_eq(told->events[index].kind, kind);
    ck_assert_uint_eq(told->events[index].slot, slot);
    ck_assert_uint_eq(told->events[index].size, size);
}

/* Another thread is given the old address before the realloc that left it has ended. */
START_TEST(address_reused_within_a_realloc)
{
    struct told told;
    begin(&told);
    tell(&told, 1, TRACE_ALLOC, 0x1000, 100, 0);
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0x1000, 0, 0);
    tell(&told, 2, TRACE_ALLOC, 0x1000, 30, 0);
    tell(&told, 1, TRACE_REALLOC, 0x2000, 200, 0);
    tell(&told, 2, TRACE_FREE, 0x1000, 0, 0);
    tell(&told, 2, TRACE_FREE, 0x2000, 0, 0);
    end(&told);
    ck_assert_int_eq(told.count, 5);
    expect(&told, 0, TRACE_ALLOC, 0, 100);
    expect(&told, 1, TRACE_ALLOC, 1, 30);
    expect(&told, 2, TRACE_REALLOC, 0, 200);
    expect(&told, 3, TRACE_FREE, 1, 30);
    expect(&told, 4, TRACE_FREE, 0, 200);
    ck_assert_uint_eq(told.hygiene.implicit_frees + told.hygiene.orphan_frees, 0);
    ck_assert_uint_eq(told.hygiene.reallocs, 1);
    ck_assert_uint_eq(told.summary.peak_live_bytes, 230);
    ck_assert_uint_eq(told.hygiene.never_freed + told.hygiene.never_freed_bytes, 0);
}
END_TEST

/* A signal handler reallocates inside a realloc of the same thread: the inner one ends first. */
START_TEST(reallocs_nest)
{
    struct told told;
    begin(&told);
    tell(&told, 1, TRACE_ALLOC, 0x1000, 1, 0);
    tell(&told, 1, TRACE_ALLOC, 0x2000, 2, 0);
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0x1000, 0, 0);
    tell(&told, 2, TRACE_REALLOC_BEGIN, 0x9000, 0, 0);
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0x2000, 0, 0);
    tell(&told, 1, TRACE_REALLOC, 0x3000, 20, 0);
    tell(&told, 1, TRACE_REALLOC, 0x4000, 10, 0);
    tell(&told, 2, TRACE_REALLOC, 0x9000, 90, 0);
    end(&told);
    expect(&told, 2, TRACE_REALLOC, 1, 20);
    expect(&told, 3, TRACE_REALLOC, 0, 10);
    /* Of an object that nobody saw before: it begins here. */
    expect(&told, 4, TRACE_ALLOC, 2, 90);
    ck_assert_uint_eq(told.hygiene.orphan_reallocs, 1);
    ck_assert_uint_eq(told.hygiene.allocs, 3);
    ck_assert_uint_eq(told.hygiene.never_freed, 3);
    ck_assert_uint_eq(told.hygiene.never_freed_bytes, 120);
}
END_TEST

/* Each thread ends what it began last, whoever began and ended in between. */
START_TEST(reallocs_of_many_threads)
{
    struct told told;
    begin(&told);
    for (guint32 thread = 0; thread < 4; thread++) {
        tell(&told, thread, TRACE_ALLOC, 0x1000 * (thread + 1), 10 + thread, 0);
    }
    tell(&told, 0, TRACE_REALLOC_BEGIN, 0x1000, 0, 0);
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0x2000, 0, 0);
    tell(&told, 0, TRACE_REALLOC, 0x9000, 90, 0);
    tell(&told, 2, TRACE_REALLOC_BEGIN, 0x3000, 0, 0);
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0x4000, 0, 0);
    tell(&told, 0, TRACE_REALLOC_BEGIN, 0x9000, 0, 0);
    tell(&told, 2, TRACE_REALLOC, 0x3000, 93, 0);
    tell(&told, 1, TRACE_REALLOC, 0x8000, 94, 0);
    tell(&told, 1, TRACE_REALLOC, 0x7000, 92, 0);
    end(&told);
    ck_assert_int_eq(told.count, 8);
    expect(&told, 4, TRACE_REALLOC, 0, 90);
    expect(&told, 5, TRACE_REALLOC, 2, 93);
    expect(&told, 6, TRACE_REALLOC, 3, 94);
    expect(&told, 7, TRACE_REALLOC, 1, 92);
    ck_assert_uint_eq(told.hygiene.open_reallocs, 1);
    ck_assert_uint_eq(told.hygiene.never_freed, 4);
}
END_TEST

START_TEST(reallocs_that_do_not_resize)
{
    struct told told;
    begin(&told);
    tell(&told, 1, TRACE_ALLOC, 0x1000, 100, 0);
    /* Refused: the object stays where and what it was. */
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0x1000, 0, 0);
    tell(&told, 1, TRACE_REALLOC, 0, G_MAXUINT64, TRACE_FAILED);
    expect(&told, 1, TRACE_REALLOC, 0, G_MAXUINT64);
    ck_assert_uint_eq(told.hygiene.failed_allocs, 1);
    ck_assert_uint_eq(told.summary.peak_live_bytes, 100);
    /* To nothing: it is a free. */
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0x1000, 0, 0);
    tell(&told, 1, TRACE_REALLOC, 0, 0, 0);
    expect(&told, 2, TRACE_FREE, 0, 100);
    /* From nothing: it is an allocation and no orphan, with or without a beginning. */
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0, 0, 0);
    tell(&told, 1, TRACE_REALLOC, 0x5000, 7, 0);
    tell(&told, 1, TRACE_REALLOC, 0x6000, 8, 0);
    expect(&told, 3, TRACE_ALLOC, 0, 7);
    expect(&told, 4, TRACE_ALLOC, 1, 8);
    ck_assert_uint_eq(told.hygiene.orphan_reallocs, 0);
    /* The trace ends within one: the object is still there. */
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0x6000, 0, 0);
    end(&told);
    ck_assert_int_eq(told.count, 5);
    ck_assert_uint_eq(told.hygiene.open_reallocs, 1);
    ck_assert_uint_eq(told.hygiene.never_freed, 2);
    ck_assert_uint_eq(told.hygiene.never_freed_bytes, 15);
}
END_TEST

/* What cannot be: somebody else is handed an address whose realloc then fails, or the new address
 * is one that is live. The younger word counts, and no slot is lost. */
START_TEST(contradictions)
{
    struct told told;
    begin(&told);
    tell(&told, 1, TRACE_ALLOC, 0x1000, 100, 0);
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0x1000, 0, 0);
    tell(&told, 2, TRACE_ALLOC, 0x1000, 30, 0);
    tell(&told, 1, TRACE_REALLOC, 0, 300, TRACE_FAILED);
    expect(&told, 2, TRACE_FREE, 1, 30);
    ck_assert_uint_eq(told.events[2].flags, TRACE_IMPLICIT);
    expect(&told, 3, TRACE_REALLOC, 0, 300);
    tell(&told, 2, TRACE_ALLOC, 0x2000, 40, 0);
    tell(&told, 1, TRACE_REALLOC_BEGIN, 0x1000, 0, 0);
    tell(&told, 1, TRACE_REALLOC, 0x2000, 50, 0);
    expect(&told, 5, TRACE_FREE, 1, 40);
    expect(&told, 6, TRACE_REALLOC, 0, 50);
    end(&told);
    ck_assert_uint_eq(told.hygiene.implicit_frees, 2);
    ck_assert_uint_eq(told.hygiene.never_freed, 1);
    ck_assert_uint_eq(told.hygiene.never_freed_bytes, 50);
    ck_assert_uint_eq(told.summary.peak_slots, 2);
}
END_TEST

/* Events without an object have no slot; failed requests neither. */
START_TEST(other_events)
{
    struct told told;
    begin(&told);
    tell(&told, 1, TRACE_THREAD_START, 0, 0, 0);
    tell(&told, 1, TRACE_ALIGNED_ALLOC, 0, 64, TRACE_FAILED);
    tell(&told, 1, TRACE_LOST, 0, 17, 0);
    end(&told);
    expect(&told, 0, TRACE_THREAD_START, TRACE_NO_SLOT, 0);
    expect(&told, 1, TRACE_ALIGNED_ALLOC, TRACE_NO_SLOT, 64);
    expect(&told, 2, TRACE_LOST, TRACE_NO_SLOT, 17);
    ck_assert_uint_eq(told.hygiene.failed_allocs, 1);
    ck_assert_uint_eq(told.hygiene.lost_events, 17);
    ck_assert_uint_eq(told.hygiene.events, 3);
    ck_assert_uint_eq(told.summary.peak_slots, 0);
}
END_TEST

static Suite *resolve_suite(void)
{
    Suite *suite = suite_create("resolve");
    TCase *reallocs = tcase_create("reallocs");
    tcase_add_test(reallocs, address_reused_within_a_realloc);
    tcase_add_test(reallocs, reallocs_nest);
    tcase_add_test(reallocs, reallocs_of_many_threads);
    tcase_add_test(reallocs, reallocs_that_do_not_resize);
    tcase_add_test(reallocs, contradictions);
    suite_add_tcase(suite, reallocs);
    TCase *others = tcase_create("others");
    tcase_add_test(others, other_events);
    suite_add_tcase(suite, others);
    return suite;
}

int main(void)
{
    return run_suite(resolve_suite());
}
