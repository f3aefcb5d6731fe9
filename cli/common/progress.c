/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#define REDRAW_US 200000

void progress_init(struct progress *progress, gboolean quiet)
{
    *progress = (struct progress){.shown = !quiet && isatty(STDERR_FILENO)};
}

void progress_start(struct progress *progress, const char *what, guint64 total)
{
    progress->what = what;
    progress->total = total;
    progress->started = progress->drawn = g_get_monotonic_time();
}

void progress_fraction(struct progress *progress, guint64 events, double fraction)
{
    if (!progress->shown)
        return;
    gint64 now = g_get_monotonic_time();
    if (now - progress->drawn < REDRAW_US)
        return;
    progress->drawn = now;
    double seconds = (double)(now - progress->started) / 1e6;
    fprintf(stderr, "\r\033[K%s: %" G_GUINT64_FORMAT " events, %.2f million/s", progress->what,
            events, (double)events / seconds / 1e6);
    if (fraction > 0.0 && fraction <= 1.0)
        fprintf(stderr, ", %.0f %%, %.0f s left", 100.0 * fraction,
                seconds * (1.0 - fraction) / fraction);
    fflush(stderr);
}

void progress_update(struct progress *progress, guint64 events)
{
    double fraction = progress->total == 0 ? -1.0 : (double)events / (double)progress->total;
    progress_fraction(progress, events, fraction);
}

void progress_stop(struct progress *progress)
{
    if (!progress->shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
}
