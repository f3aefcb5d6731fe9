/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <string.h>

/* A moment's two readings may lie apart by what interrupts; over a second that is nothing. */
#define APART_NS G_GUINT64_CONSTANT(1000000000)

/* A moment's two clocks may have been read apart by so much; more is a clock that stood still. */
#define ERROR_NS 5000.0

/* Ticks and ns that are exact as double as well as in 64 bits with a sign, by far. */
#define SHORT_LINE ((guint64)1 << 52)

void trace_clock_init(struct trace_clock *clock)
{
    *clock = (struct trace_clock){
        .moments = g_array_new(FALSE, FALSE, sizeof(struct trace_moment)),
    };
}

void trace_clock_destroy(struct trace_clock *clock)
{
    g_array_free(clock->moments, TRUE);
}

void trace_clock_add(struct trace_clock *clock, guint64 ticks, guint64 ns)
{
    struct trace_moment moment = {ticks, ns};
    g_array_append_val(clock->moments, moment);
}

static void add_start(struct trace_clock *clock, const trace_meta *meta)
{
    char *text = trace_meta_text(meta, "clock.start");
    char **words = g_strsplit(text != NULL ? text : "", " ", 3);
    guint64 ticks, ns;
    if (g_strv_length(words) == 2 &&
        g_ascii_string_to_unsigned(words[0], 10, 0, G_MAXUINT64, &ticks, NULL) &&
        g_ascii_string_to_unsigned(words[1], 10, 0, G_MAXUINT64, &ns, NULL)) {
        trace_clock_add(clock, ticks, ns);
    }
    g_strfreev(words);
    g_free(text);
}

static gint by_ticks(gconstpointer a, gconstpointer b)
{
    const struct trace_moment *first = a, *second = b;
    return first->ticks < second->ticks ? -1 : first->ticks > second->ticks;
}

static struct trace_moment *moment_at(const struct trace_clock *clock, guint index)
{
    return &g_array_index(clock->moments, struct trace_moment, index);
}

/* The first, the last, and between them those that lie well apart and in order. */
static void thin_out(struct trace_clock *clock)
{
    guint count = clock->moments->len, kept = 1;
    for (guint i = 1; i < count; i++) {
        struct trace_moment moment = *moment_at(clock, i), last = *moment_at(clock, kept - 1);
        if (moment.ticks <= last.ticks || moment.ns < last.ns) {
            continue;
        }
        if (kept > 1 && last.ns - moment_at(clock, kept - 2)->ns < APART_NS) {
            kept--;
        }
        *moment_at(clock, kept++) = moment;
    }
    g_array_set_size(clock->moments, kept);
}

void trace_clock_ready(struct trace_clock *clock, const trace_meta *meta)
{
    char *name = trace_meta_text(meta, "clock");
    clock->is_ns = name == NULL || strcmp(name, "tsc") != 0;
    g_free(name);
    add_start(clock, meta);
    g_array_sort(clock->moments, by_ticks);
    if (clock->moments->len > 0) {
        thin_out(clock);
    }
}

/*
 * Where two moments lie close together, their errors make a line from one to the next that may be
 * flat: many events would have one time, and their order be lost. So it is as steep as that before,
 * within an eighth, and comes by and by to what the clock says.
 */
static guint64 even_ns(const struct trace_clock *clock, guint64 ticks, guint64 ns)
{
    struct trace_moment first = *moment_at(clock, 0);
    struct trace_moment last = *moment_at(clock, clock->moments->len - 1);
    double rate = (double)(last.ns - first.ns) / (double)(last.ticks - first.ticks);
    double step = (double)(ticks - last.ticks) * rate;
    double wrong = (double)ns - (double)last.ns - step;
    gboolean leapt = wrong > ERROR_NS || wrong < -ERROR_NS;
    gboolean even = wrong <= step / 8 && wrong >= -step / 8;
    return leapt || even ? ns : last.ns + (guint64)(wrong > 0 ? step * 9 / 8 : step * 7 / 8);
}

void trace_clock_extend(struct trace_clock *clock, guint64 ticks, guint64 ns)
{
    guint count = clock->moments->len;
    if (count > 0 && ticks <= moment_at(clock, count - 1)->ticks) {
        return;
    }
    if (count > 1) {
        ns = even_ns(clock, ticks, ns);
    }
    if (count == 0 || ns >= moment_at(clock, count - 1)->ns) {
        trace_clock_add(clock, ticks, ns);
    }
}

/* Moments that make no sense give a time that makes none, but no overflow. */
static guint64 scaled(guint64 ticks, double rate)
{
    double ns = (double)ticks * rate;
    return ns < (double)G_MAXINT64 ? (guint64)ns : (guint64)G_MAXINT64;
}

/* The line that the ticks are on, or that is nearest to them. */
static void draw_line(struct trace_clock *clock, guint64 ticks)
{
    while (clock->near > 0 && ticks < moment_at(clock, clock->near)->ticks) {
        clock->near--;
    }
    while (clock->near + 2 < clock->moments->len &&
           ticks >= moment_at(clock, clock->near + 1)->ticks) {
        clock->near++;
    }
    clock->from = *moment_at(clock, clock->near);
    clock->to = *moment_at(clock, clock->near + 1);
    clock->rate =
        (double)(clock->to.ns - clock->from.ns) / (double)(clock->to.ticks - clock->from.ticks);
    clock->drawn = TRUE;
    gboolean sensible = clock->to.ticks - clock->from.ticks < SHORT_LINE &&
                        clock->to.ns - clock->from.ns < SHORT_LINE;
    clock->length = sensible ? clock->to.ticks - clock->from.ticks : 0;
}

guint64 trace_clock_ns_elsewhere(struct trace_clock *clock, guint64 ticks)
{
    if (clock->is_ns || clock->moments->len < 2) {
        return ticks;
    }
    /* Most ticks follow those before them. */
    if (!clock->drawn || ticks < clock->from.ticks || ticks >= clock->to.ticks) {
        draw_line(clock, ticks);
    }
    if (ticks >= clock->from.ticks) {
        return clock->from.ns + scaled(ticks - clock->from.ticks, clock->rate);
    }
    guint64 before = scaled(clock->from.ticks - ticks, clock->rate);
    return before < clock->from.ns ? clock->from.ns - before : 0;
}
