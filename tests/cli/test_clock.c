/* SPDX-License-Identifier: Apache-2.0 */
/* Ticks of a recorder's clock as nanoseconds, while moments come one by one. */
#include "trace_support.h"

#include "trace/clock.h"

/* Two ticks are a nanosecond; moments are told with an error. */
static void start(struct trace_clock *clock)
{
    trace_meta *meta = trace_meta_new();
    trace_meta_set_text(meta, "clock", "tsc");
    trace_clock_init(clock);
    trace_clock_ready(clock, meta);
    trace_meta_free(meta);
    trace_clock_extend(clock, 1000, 500);
    trace_clock_extend(clock, 1001000, 500500);
}

/* The next moment comes 200 ns later, and is told as so many. */
START_TEST(close_moments)
{
    static const gint64 told[] = {0, 1, -150, 150, 199, 430, 1000};
    struct trace_clock clock;
    start(&clock);
    trace_clock_extend(&clock, 1001400, (guint64)(500500 + told[_i]));
    trace_clock_extend(&clock, 2001000, 1000500);
    guint64 last = trace_clock_ns(&clock, 1001000);
    for (guint64 ticks = 1001040; ticks <= 1002400; ticks += 40) {
        guint64 ns = trace_clock_ns(&clock, ticks);
        ck_assert_uint_ge(ns, last + 10);
        ck_assert_uint_le(ns, last + 41);
        last = ns;
    }
    ck_assert_uint_le(1000500 - trace_clock_ns(&clock, 2001000), 1); /* of whole ns */
    trace_clock_destroy(&clock);
}
END_TEST

/* One clock stood still: what the moments say is so. */
START_TEST(distant_moments)
{
    struct trace_clock clock;
    start(&clock);
    trace_clock_extend(&clock, 9001000, 500510);
    trace_clock_extend(&clock, 9021000, 510510);
    ck_assert_uint_eq(trace_clock_ns(&clock, 9001000), 500510);
    ck_assert_uint_eq(trace_clock_ns(&clock, 9011000), 505510);
    trace_clock_destroy(&clock);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("clock");
    TCase *moments = tcase_create("moments");
    tcase_add_loop_test(moments, close_moments, 0, 7);
    tcase_add_test(moments, distant_moments);
    suite_add_tcase(suite, moments);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
