/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

struct replay_thread {
    guint32 id;
    guint32 cpu;
    gboolean used;
};

static guint table_capacity(guint threads)
{
    guint capacity = 16;
    while (capacity / 2 < threads && capacity < (1u << 30))
        capacity *= 2;
    return capacity;
}

void replay_schedule_init(struct replay_schedule *schedule, enum replay_cpu_map map, guint cpus,
                          guint threads)
{
    *schedule = (struct replay_schedule){.map = map, .cpus = cpus};
    if (map != REPLAY_CPU_ROUND_ROBIN)
        return;
    schedule->capacity = table_capacity(threads);
    schedule->table = g_new0(struct replay_thread, schedule->capacity);
}

void replay_schedule_clear(struct replay_schedule *schedule)
{
    g_free(schedule->table);
    schedule->table = NULL;
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

static guint round_robin_cpu(struct replay_schedule *schedule, guint32 id)
{
    struct replay_thread *thread = find(schedule->table, schedule->capacity, id);
    if (thread->used)
        return thread->cpu;
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
    return thread->cpu;
}

guint replay_schedule_cpu(struct replay_schedule *schedule, const struct trace_event *event)
{
    switch (schedule->map) {
    case REPLAY_CPU_THREAD:
        return hashed_cpu(event->thread, schedule->cpus);
    case REPLAY_CPU_ROUND_ROBIN:
        return round_robin_cpu(schedule, event->thread);
    case REPLAY_CPU_RECORDED:
    default:
        return event->cpu % schedule->cpus;
    }
}
