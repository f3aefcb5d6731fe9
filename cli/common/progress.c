/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "figures.h"

#define REDRAW_US 200000

void progress_init(struct progress *progress, gboolean quiet)
{
    gboolean seen = !quiet && isatty(STDERR_FILENO);
    *progress = (struct progress){.mode = seen ? PROGRESS_LINE : PROGRESS_NONE};
}

/* The numbers differ in every run, but not by the language. */
static void json_number(GString *out, const char *name, double value, int decimals)
{
    g_string_append_printf(out, ", \"%s\": ", name);
    append_fixed(out, 0, value, decimals);
}

static void json_begin(GString *out, const struct progress *progress, const char *state)
{
    g_string_append_printf(out, "{\"stage\": \"%s\", \"state\": \"%s\"", progress->what, state);
}

static void put_json(GString *out)
{
    g_string_append(out, "}\n");
    fputs(out->str, stderr);
    fflush(stderr);
    g_string_free(out, TRUE);
}

void progress_start(struct progress *progress, const char *what, guint64 total)
{
    progress->what = what;
    progress->total = total;
    progress->live_bytes = 0;
    progress->started = progress->drawn = g_get_monotonic_time();
    if (progress->mode != PROGRESS_JSON)
        return;
    GString *out = g_string_new(NULL);
    json_begin(out, progress, "begins");
    if (total > 0)
        json_number(out, "total_events", (double)total, 0);
    put_json(out);
}

static void tell_json(const struct progress *progress, guint64 events, double fraction,
                      double seconds)
{
    GString *out = g_string_new(NULL);
    json_begin(out, progress, "runs");
    json_number(out, "events", (double)events, 0);
    json_number(out, "events_per_second", (double)events / seconds, 0);
    json_number(out, "seconds", seconds, 3);
    if (fraction > 0.0 && fraction <= 1.0) {
        json_number(out, "done", fraction, 4);
        json_number(out, "seconds_left", seconds * (1.0 - fraction) / fraction, 3);
    }
    if (progress->live_bytes > 0)
        json_number(out, "live_bytes", (double)progress->live_bytes, 0);
    put_json(out);
}

static void draw_line(const struct progress *progress, guint64 events, double fraction,
                      double seconds)
{
    GString *out = g_string_new("\r\033[K");
    g_string_append_printf(out, "%s: %" G_GUINT64_FORMAT " events, ", progress->what, events);
    append_fixed(out, 0, (double)events / seconds / 1e6, 2);
    g_string_append(out, " million/s");
    if (fraction > 0.0 && fraction <= 1.0) {
        g_string_append(out, ", ");
        append_fixed(out, 0, 100.0 * fraction, 0);
        g_string_append(out, " %, ");
        append_fixed(out, 0, seconds * (1.0 - fraction) / fraction, 0);
        g_string_append(out, " s left");
    }
    if (progress->live_bytes > 0) {
        g_string_append(out, ", ");
        append_bytes(out, progress->live_bytes);
        g_string_append(out, " live");
    }
    fputs(out->str, stderr);
    fflush(stderr);
    g_string_free(out, TRUE);
}

void progress_fraction(struct progress *progress, guint64 events, double fraction)
{
    if (progress->mode == PROGRESS_NONE)
        return;
    gint64 now = g_get_monotonic_time();
    if (now - progress->drawn < REDRAW_US)
        return;
    progress->drawn = now;
    double seconds = (double)(now - progress->started) / 1e6;
    if (progress->mode == PROGRESS_JSON)
        tell_json(progress, events, fraction, seconds);
    else
        draw_line(progress, events, fraction, seconds);
}

void progress_update(struct progress *progress, guint64 events)
{
    double fraction = progress->total == 0 ? -1.0 : (double)events / (double)progress->total;
    progress_fraction(progress, events, fraction);
}

void progress_stop(struct progress *progress)
{
    if (progress->mode == PROGRESS_JSON) {
        GString *out = g_string_new(NULL);
        json_begin(out, progress, "ends");
        json_number(out, "seconds", (double)(g_get_monotonic_time() - progress->started) / 1e6, 3);
        put_json(out);
    } else if (progress->mode == PROGRESS_LINE) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}

static void on_read(gpointer progress, guint64 events, double fraction)
{
    progress_fraction(progress, events, fraction);
}

trace_reader *progress_open_trace(struct progress *progress, const char *path,
                                  struct trace_options options, GError **error)
{
    options.progress = on_read;
    options.progress_data = progress;
    progress_start(progress, "reading", 0);
    trace_reader *reader = trace_open(path, &options, error);
    progress_stop(progress);
    return reader;
}
