/* SPDX-License-Identifier: Apache-2.0 */
/* Which simulated CPU an event is on. */
#include "replay/schedule.h"
#include "replay_support.h"

/* Every thread has one CPU, new ones the next; more threads than announced. */
START_TEST(round_robin)
{
    struct replay_schedule schedule;
    struct trace_event event = {0};
    replay_schedule_init(&schedule, REPLAY_CPU_ROUND_ROBIN, 3, 2);
    for (guint pass = 0; pass < 2; pass++) {
        for (guint32 i = 0; i < 1000; i++) {
            event.thread = i * 4096 + 17;
            ck_assert_uint_eq(replay_schedule_cpu(&schedule, &event), i % 3);
        }
    }
    replay_schedule_clear(&schedule);
}
END_TEST

/* Neighbouring thread ids go to every CPU, about equally often, and always to the same one. */
START_TEST(hashed_threads)
{
    struct replay_schedule schedule;
    struct trace_event event = {0};
    guint count[7] = {0};
    replay_schedule_init(&schedule, REPLAY_CPU_HASH, 7, 0);
    for (guint32 i = 0; i < 7000; i++) {
        event.thread = 1000 + i;
        guint cpu = replay_schedule_cpu(&schedule, &event);
        ck_assert_uint_lt(cpu, 7);
        ck_assert_uint_eq(cpu, replay_schedule_cpu(&schedule, &event));
        count[cpu]++;
    }
    for (guint cpu = 0; cpu < 7; cpu++) {
        ck_assert_uint_gt(count[cpu], 900);
        ck_assert_uint_lt(count[cpu], 1100);
    }
    replay_schedule_clear(&schedule);
}
END_TEST

/* Threads move as often as they are told to, the same ones with the same seed; an offline CPU's
 * events go to the next one, and there is always one. */
START_TEST(cpus_change)
{
    struct replay_schedule schedule[2];
    struct trace_event event = {0};
    guint moves = 0, last[10] = {0};
    for (guint i = 0; i < 2; i++) {
        replay_schedule_init(&schedule[i], REPLAY_CPU_ROUND_ROBIN, 64, 10);
        replay_schedule_migrate(&schedule[i], 0.1, 42);
    }
    for (guint i = 0; i < 20000; i++) {
        event.thread = i % 10;
        guint cpu = replay_schedule_cpu(&schedule[0], &event);
        ck_assert_uint_eq(cpu, replay_schedule_cpu(&schedule[1], &event));
        moves += i >= 10 && cpu != last[i % 10];
        last[i % 10] = cpu;
    }
    ck_assert_uint_gt(moves, 1700);
    ck_assert_uint_lt(moves, 2300);
    replay_schedule_clear(&schedule[0]);
    replay_schedule_clear(&schedule[1]);

    replay_schedule_init(schedule, REPLAY_CPU_RECORDED, 3, 0);
    event.cpu = 2;
    ck_assert(replay_schedule_switch(schedule, 2, FALSE));
    ck_assert_uint_eq(replay_schedule_cpu(schedule, &event), 0);
    ck_assert(replay_schedule_switch(schedule, 0, FALSE));
    ck_assert_uint_eq(replay_schedule_cpu(schedule, &event), 1);
    ck_assert(!replay_schedule_switch(schedule, 1, FALSE));
    ck_assert(replay_schedule_switch(schedule, 2, TRUE));
    ck_assert_uint_eq(replay_schedule_cpu(schedule, &event), 2);
    replay_schedule_clear(schedule);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *cpus = tcase_create("cpus");
    tcase_add_test(cpus, round_robin);
    tcase_add_test(cpus, hashed_threads);
    tcase_add_test(cpus, cpus_change);
    suite_add_tcase(suite, cpus);
    return run_suite(suite);
}
