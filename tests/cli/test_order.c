/* SPDX-License-Identifier: Apache-2.0 */
/* Events of several threads, chunk by chunk, in order of time. */
#include "seed.h"
#include "trace_support.h"

#include "trace/order.h"

#define THREADS 7u
#define EVENTS 2000u

struct threads {
    guint64 now[THREADS];
    guint64 number[THREADS]; /* by place: the thread, as the encoder has it */
    guint count[THREADS];
};

/* Chunks of a thread each, that begin where the thread's last one ended, soon or late; address is
 * an event's number in its thread. apart: no thread has two events at one time; else none begins,
 * as which event goes first may depend on a third at the same time. */
static void make_chunks(GRand *random, struct trace_order *order, struct trace_gathered *events,
                        struct threads *threads, gboolean apart)
{
    guint32 made = 0;
    trace_order_clear(order);
    while (made < EVENTS) {
        guint32 place = g_rand_int(random) % THREADS, length = 1 + g_rand_int(random) % 100;
        if (made == 0 || threads->now[place] < events[made - 1].time_ns)
            trace_order_begin_run(order, made);
        for (guint32 i = 0; i < length && made < EVENTS; i++) {
            threads->now[place] += g_rand_int(random) % 4 + (apart ? 1 : 0);
            events[made++] = (struct trace_gathered){
                .time_ns = threads->now[place],
                .address = threads->count[place]++,
                .place = place,
                .begins = apart ? g_rand_int(random) % 2 : 0,
            };
        }
    }
    trace_order_ready(order, events, EVENTS, threads->number);
}

static void check_next(const struct trace_gathered *last, const struct trace_gathered *event,
                       guint *seen, gboolean apart)
{
    ck_assert_uint_eq(event->address, seen[event->place]++);
    if (last != NULL) {
        ck_assert_uint_ge(event->time_ns, last->time_ns);
        ck_assert(!apart || event->time_ns > last->time_ns || event->begins >= last->begins);
    }
}

START_TEST(runs_of_threads)
{
    GRand *random = seeded("runs_of_threads");
    struct trace_gathered events[EVENTS];
    struct trace_order order;
    trace_order_init(&order);
    for (guint round = 0; round < 50; round++) {
        struct threads threads = {.number = {10, 11, 12, 13, 14, 15, 16}};
        const struct trace_gathered *last = NULL, *first;
        guint seen[THREADS] = {0};
        guint32 all = 0, count;
        make_chunks(random, &order, events, &threads, round % 2 == 0);
        while ((count = trace_order_next(&order, &first)) > 0) {
            for (guint32 i = 0; i < count; i++, all++) {
                check_next(last, &first[i], seen, round % 2 == 0);
                last = &first[i];
            }
        }
        ck_assert_uint_eq(all, EVENTS);
    }
    trace_order_destroy(&order);
    g_rand_free(random);
}
END_TEST

static Suite *suite(void)
{
    Suite *suite = suite_create("order");
    TCase *runs = tcase_create("runs");
    tcase_add_test(runs, runs_of_threads);
    suite_add_tcase(suite, runs);
    return suite;
}

int main(void)
{
    return run_suite(suite());
}
