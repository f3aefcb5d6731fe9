/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As trace_merge has it: events by time, frees before what takes their address at the same time,
 * and what one thread did stays in its order.
 */
#include "order.h"

/* Events that are still to come. */
struct run {
    guint32 next, end;
};

void trace_order_init(struct trace_order *order)
{
    *order = (struct trace_order){
        .runs = g_array_new(FALSE, FALSE, sizeof(struct run)),
        .heap = g_array_new(FALSE, FALSE, sizeof(guint32)),
    };
}

void trace_order_destroy(struct trace_order *order)
{
    g_array_free(order->runs, TRUE);
    g_array_free(order->heap, TRUE);
}

void trace_order_clear(struct trace_order *order)
{
    g_array_set_size(order->runs, 0);
}

void trace_order_begin_run(struct trace_order *order, guint32 event)
{
    const struct run run = {event, event};
    g_array_append_val(order->runs, run);
}

static struct run *run_at(const struct trace_order *order, guint32 index)
{
    return &g_array_index(order->runs, struct run, index);
}

static guint32 *heap_at(const struct trace_order *order, guint32 at)
{
    return &g_array_index(order->heap, guint32, at);
}

/* a is an event of an earlier run or a later one. */
static gboolean goes_before(const struct trace_order *order, const struct trace_gathered *a,
                            const struct trace_gathered *b, gboolean earlier)
{
    if (a->time_ns != b->time_ns) {
        return a->time_ns < b->time_ns;
    }
    return a->begins != b->begins && order->threads[a->place] != order->threads[b->place]
               ? a->begins < b->begins
               : earlier;
}

static gboolean run_goes_before(const struct trace_order *order, guint32 a, guint32 b)
{
    return goes_before(order, &order->events[run_at(order, a)->next],
                       &order->events[run_at(order, b)->next], a < b);
}

static void sift_down(struct trace_order *order, guint32 at)
{
    guint32 run = *heap_at(order, at);
    for (guint32 child; (child = 2 * at + 1) < order->heap->len; at = child) {
        if (child + 1 < order->heap->len &&
            run_goes_before(order, *heap_at(order, child + 1), *heap_at(order, child))) {
            child++;
        }
        if (!run_goes_before(order, *heap_at(order, child), run)) {
            break;
        }
        *heap_at(order, at) = *heap_at(order, child);
    }
    *heap_at(order, at) = run;
}

void trace_order_ready(struct trace_order *order, const struct trace_gathered *events,
                       guint32 count, const guint64 *threads)
{
    guint32 runs = order->runs->len;
    order->events = events;
    order->threads = threads;
    g_array_set_size(order->heap, runs);
    for (guint32 i = 0; i < runs; i++) {
        run_at(order, i)->end = i + 1 < runs ? run_at(order, i + 1)->next : count;
        *heap_at(order, i) = i;
    }
    for (guint32 i = runs / 2; i > 0; i--) {
        sift_down(order, i - 1);
    }
}

/* The first of the heap goes on to where another run's next event comes before its own. */
static guint32 end_of_stretch(const struct trace_order *order, guint32 first)
{
    guint32 other = *heap_at(order, 1);
    if (order->heap->len > 2 && run_goes_before(order, *heap_at(order, 2), other)) {
        other = *heap_at(order, 2);
    }
    const struct run *run = run_at(order, first);
    const struct trace_gathered *events = order->events,
                                *limit = &events[run_at(order, other)->next];
    guint32 end = run->next;
    do {
        end++;
    } while (end < run->end && (events[end].time_ns < limit->time_ns ||
                                goes_before(order, &events[end], limit, first < other)));
    return end;
}

guint32 trace_order_next(struct trace_order *order, const struct trace_gathered **first)
{
    if (order->heap->len == 0) {
        return 0;
    }
    struct run *run = run_at(order, *heap_at(order, 0));
    guint32 from = run->next;
    run->next = order->heap->len > 1 ? end_of_stretch(order, *heap_at(order, 0)) : run->end;
    if (run->next == run->end) {
        *heap_at(order, 0) = *heap_at(order, order->heap->len - 1);
        g_array_set_size(order->heap, order->heap->len - 1);
    }
    if (order->heap->len > 1) {
        sift_down(order, 0);
    }
    *first = &order->events[from];
    return run->next - from;
}
