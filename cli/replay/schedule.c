/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

#include "../trace/random.h"

struct replay_thread {
    guint32 id;
    guint32 cpu;   /* by order of appearance */
    guint32 moved; /* CPUs further on, by migration */
    gboolean used;
};

static guint table_capacity(guint threads)
{
    guint capacity = 16;
    while (capacity / 2 < threads && capacity < (1u << 30))
        capacity *= 2;
    return capacity;
}

static void need_table(struct replay_schedule *schedule, guint threads)
{
    if (schedule->table != NULL)
        return;
    schedule->capacity = table_capacity(threads);
    schedule->table = g_new0(struct replay_thread, schedule->capacity);
}

void replay_schedule_init(struct replay_schedule *schedule, enum replay_cpu_map map, guint cpus,
                          guint threads)
{
    *schedule = (struct replay_schedule){.map = map, .cpus = cpus};
    if (map == REPLAY_CPU_ROUND_ROBIN || map == REPLAY_CPU_THREAD)
        need_table(schedule, threads);
}

void replay_schedule_migrate(struct replay_schedule *schedule, double rate, guint64 seed)
{
    schedule->migrate =
        rate >= 1.0 ? G_MAXUINT64 : (guint64)(rate * 18446744073709551616.0 /* 2^64 */);
    schedule->random = seed;
    if (schedule->migrate != 0)
        need_table(schedule, 0);
}

void replay_schedule_clear(struct replay_schedule *schedule)
{
    g_free(schedule->table);
    g_free(schedule->offline);
    schedule->table = NULL;
    schedule->offline = NULL;
}

gboolean replay_schedule_switch(struct replay_schedule *schedule, guint cpu, gboolean online)
{
    guint others = 0;
    if (schedule->offline == NULL)
        schedule->offline = g_new0(guint8, schedule->cpus);
    for (guint i = 0; i < schedule->cpus; i++)
        others += i != cpu && !schedule->offline[i];
    if (!online && others == 0)
        return FALSE;
    schedule->offline[cpu] = !online;
    return TRUE;
}

/* Fibonacci hashing: the high bits of id times 2^32 / golden ratio, which spreads ids that are
 * neighbours, as thread ids are. */
static guint32 spread(guint32 id)
{
    return id * 2654435769u;
}

static guint hashed_cpu(guint32 thread, guint cpus)
{
    return (guint)(((guint64)spread(thread) * cpus) >> 32);
}

static struct replay_thread *find(struct replay_thread *table, guint capacity, guint32 id)
{
    guint at = (spread(id) >> 2) & (capacity - 1);
    while (table[at].used && table[at].id != id)
        at = (at + 1) & (capacity - 1);
    return &table[at];
}

static void grow(struct replay_schedule *schedule)
{
    guint capacity = schedule->capacity * 2;
    struct replay_thread *table = g_new0(struct replay_thread, capacity);
    for (guint i = 0; i < schedule->capacity; i++) {
        if (schedule->table[i].used)
            *find(table, capacity, schedule->table[i].id) = schedule->table[i];
    }
    g_free(schedule->table);
    schedule->table = table;
    schedule->capacity = capacity;
}

/* Threads take CPUs in order of their first appearance. */
static struct replay_thread *thread_of(struct replay_schedule *schedule, guint32 id)
{
    struct replay_thread *thread = find(schedule->table, schedule->capacity, id);
    if (thread->used)
        return thread;
    if (schedule->threads >= schedule->capacity / 2) {
        grow(schedule);
        thread = find(schedule->table, schedule->capacity, id);
    }
    *thread = (struct replay_thread){
        .id = id,
        .cpu = schedule->threads % schedule->cpus,
        .used = TRUE,
    };
    schedule->threads++;
    return thread;
}

static guint moved_cpu(struct replay_schedule *schedule, guint32 id, guint cpu)
{
    struct replay_thread *thread = thread_of(schedule, id);
    if (trace_random(&schedule->random) < schedule->migrate)
        thread->moved = (guint32)trace_random_below(&schedule->random, schedule->cpus);
    return (cpu + thread->moved) % schedule->cpus;
}

static guint mapped_cpu(struct replay_schedule *schedule, const struct trace_event *event)
{
    switch (schedule->map) {
    case REPLAY_CPU_HASH:
        return hashed_cpu(event->thread, schedule->cpus);
    case REPLAY_CPU_THREAD:
    case REPLAY_CPU_ROUND_ROBIN:
        return thread_of(schedule, event->thread)->cpu;
    case REPLAY_CPU_RECORDED:
    default:
        return event->cpu % schedule->cpus;
    }
}

guint replay_schedule_cpu(struct replay_schedule *schedule, const struct trace_event *event)
{
    guint cpu = mapped_cpu(schedule, event);
    if (schedule->migrate != 0)
        cpu = moved_cpu(schedule, event->thread, cpu);
    while (schedule->offline != NULL && schedule->offline[cpu])
        cpu = (cpu + 1) % schedule->cpus;
    return cpu;
}
