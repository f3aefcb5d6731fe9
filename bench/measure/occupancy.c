/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory that a churn occupies, at its peak, over the most bytes that were live at a time. A
 * heap of the library tells what it has allocated; of others the resident set is taken, less what
 * it was before the first allocation.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench.h"

enum { SAMPLES = 512 };

struct occupancy {
    struct bench_plan plan;
    struct bench_thread thread;
    const struct bench_work *work;
    size_t *sizes; /* of each slot, 0 while it is empty */
    size_t live;   /* bytes */
    size_t before; /* resident bytes */
    size_t peak_live, peak_occupied;
};

/* Read without stdio, which allocates. The rollup is exact, unlike statm. */
static size_t resident_bytes(void)
{
    char text[4096];
    int fd = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    text[got < 0 ? 0 : got] = '\0';
    const char *line = strstr(text, "\nRss:");
    if (line == NULL)
        bench_fail("/proc/self/smaps_rollup does not tell the resident set: Linux 4.14 does");
    return strtoul(line + strlen("\nRss:"), NULL, 10) * 1024;
}

static void sample(struct occupancy *o)
{
    size_t resident = o->thread.heap == NULL ? resident_bytes() : 0;
    size_t occupied = o->thread.heap != NULL ? bsa_heap_allocated_bytes(o->thread.heap)
                      : resident > o->before ? resident - o->before
                                             : 0;
    o->peak_occupied = occupied > o->peak_occupied ? occupied : o->peak_occupied;
    o->peak_live = o->live > o->peak_live ? o->live : o->peak_live;
}

/* Runs the steps, a part at a time, and looks after each. */
static void run(struct occupancy *o, const struct bench_step *steps, size_t count)
{
    size_t part = count / SAMPLES > 0 ? count / SAMPLES : 1;
    for (size_t done = 0; done < count; done += part) {
        part = part < count - done ? part : count - done;
        o->work->pass(&o->thread, o->plan.row, steps + done, part);
        for (size_t i = done; i < done + part; i++) {
            o->live += steps[i].size - o->sizes[steps[i].slot];
            o->sizes[steps[i].slot] = steps[i].size;
        }
        sample(o);
    }
}

/* The first steps fill the slots one after the other, with their sizes. */
static struct bench_step *filling_steps(const struct bench_plan *plan)
{
    struct bench_step *steps = bench_memory(plan->row->live * sizeof(*steps));
    for (size_t i = 0; i < plan->row->live; i++)
        steps[i] = (struct bench_step){(uint32_t)i, plan->steps[i].size};
    return steps;
}

double bench_cell_occupancy(const struct bench_row *row, const struct bench_subject *subject)
{
    struct occupancy o = {.work = &subject->works[BENCH_OCCUPANCY]};
    bsa_heap *heap = subject->layer == BENCH_HEAP ? bench_heap_open(subject, row) : NULL;

    /* Else the resident set grows by 2 MiB where the system gives huge pages to everybody. */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    bench_plan_make(&o.plan, row);
    struct bench_step *filling = filling_steps(&o.plan);
    o.sizes = bench_memory(row->live * sizeof(*o.sizes));
    o.thread.heap = heap;
    o.thread.live = bench_memory(row->live * sizeof(*o.thread.live));
    memset(o.sizes, 0, row->live * sizeof(*o.sizes));
    memset(o.thread.live, 0, row->live * sizeof(*o.thread.live));
    if (subject->attach != NULL)
        subject->attach(&o.thread);

    o.before = heap == NULL ? resident_bytes() : 0;
    run(&o, filling, row->live);
    run(&o, o.plan.steps, o.plan.step_count);
    o.work->finish(&o.thread, row, NULL, row->live);
    if (heap != NULL)
        bench_heap_close(heap);
    return (double)o.peak_occupied / (double)o.peak_live;
}
