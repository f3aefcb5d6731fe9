/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "figures.h"

void append_fixed(GString *out, int width, double value, int decimals)
{
    char format[16], text[G_ASCII_DTOSTR_BUF_SIZE];
    if (isnan(value)) {
        g_strlcpy(text, "-", sizeof(text));
    } else if (isinf(value)) {
        g_strlcpy(text, "inf", sizeof(text));
    } else if (fabs(value) >= 1e15) {
        g_ascii_dtostr(text, sizeof(text), value); /* more digits than the buffer holds */
    } else {
        g_snprintf(format, sizeof(format), "%%.%df", decimals);
        g_ascii_formatd(text, sizeof(text), format, value);
    }
    g_string_append_printf(out, "%*s", width, text);
}

void append_bytes(GString *out, guint64 bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    guint unit = 0;
    while (value >= 1024.0 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1024.0;
        unit++;
    }
    append_fixed(out, 0, value, unit == 0 || value == floor(value) ? 0 : 1);
    g_string_append_printf(out, " %s", units[unit]);
}

void append_duration(GString *out, guint64 ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    double value = (double)ns;
    guint unit = 0;
    while (value >= 1000.0 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1000.0;
        unit++;
    }
    append_fixed(out, 0, value, value < 10.0 && unit > 0 ? 1 : 0);
    g_string_append_printf(out, " %s", units[unit]);
}

void append_heading(GString *out, const char *title)
{
    g_string_append_printf(out, "\n%s\n", title);
    for (gsize i = 0; i < strlen(title); i++)
        g_string_append_c(out, '-');
    g_string_append_c(out, '\n');
}

void append_seconds(GString *out, guint64 ns)
{
    g_string_append_printf(out, "%" G_GUINT64_FORMAT ".%09" G_GUINT64_FORMAT, ns / 1000000000,
                           ns % 1000000000);
}
