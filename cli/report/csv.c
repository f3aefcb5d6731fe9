/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.csv: one line per sample, columns with names, bytes as integers. */
#include "report.h"

static void header(const struct report *report, GString *out)
{
    const struct sampler *sampler = report->sampler;
    g_string_append(out, "event,seconds,peak");
    for (guint i = 0; i < SPLIT_PARTS; i++)
        g_string_append_printf(out, ",%s", split_names[i].key);
    g_string_append(out, ",given,occupied,managed,address_span,live_objects,live_blocks,failed,"
                         "internal_fragmentation,free_pages");
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        g_string_append_printf(out, ",free_blocks_%u", order);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        g_string_append_printf(out, ",unusable_%u", order);
    for (guint column = 0; column < sampler->columns; column++) {
        guint first, last;
        sampler_column(sampler, report->execution->cpus, column, &first, &last);
        g_string_append_printf(out, ",remote_frees_cpu%u", first);
        if (last != first)
            g_string_append_printf(out, "_%u", last);
    }
    g_string_append_c(out, '\n');
}

static void integer(GString *out, guint64 value)
{
    g_string_append_printf(out, ",%" G_GUINT64_FORMAT, value);
}

static void fraction(GString *out, double value)
{
    g_string_append_c(out, ',');
    append_fixed(out, 0, value, 6);
}

static void line(const struct report *report, guint index, GString *out)
{
    const struct sampler *sampler = report->sampler;
    const struct sample *sample = &sampler->sample[index];
    guint64 requested = sample->split.part[SPLIT_REQUESTED];
    g_string_append_printf(out, "%" G_GUINT64_FORMAT ",", sample->event);
    append_seconds(out, sample->time_ns);
    integer(out, sample->peak ? 1 : 0);
    for (guint i = 0; i < SPLIT_PARTS; i++)
        integer(out, sample->split.part[i]);
    integer(out, sample->given);
    integer(out, sample->occupied);
    integer(out, sample->managed);
    integer(out, sample->span);
    integer(out, sample->live_objects);
    integer(out, sample->live_blocks);
    integer(out, sample->failed);
    fraction(out, ratio((double)(sample->given - requested), (double)sample->given));
    integer(out, free_pages(sample->free_blocks));
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        integer(out, sample->free_blocks[order]);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        fraction(out, unusable_free_space_index(sample->free_blocks, order));
    for (guint column = 0; column < sampler->columns; column++)
        integer(out, sampler->remote[(gsize)index * sampler->columns + column]);
    g_string_append_c(out, '\n');
}

void report_csv(const struct report *report, GString *out)
{
    header(report, out);
    for (guint i = 0; i < report->sampler->count; i++)
        line(report, i, out);
}
