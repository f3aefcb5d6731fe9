/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a table behind the first one of a line. */
#ifndef BSA_CLI_REPORT_CSV_H
#define BSA_CLI_REPORT_CSV_H

#include "../common/figures.h"

static inline void csv_count(GString *out, guint64 value)
{
    g_string_append_printf(out, ",%" G_GUINT64_FORMAT, value);
}

static inline void csv_fraction(GString *out, double value)
{
    g_string_append_c(out, ',');
    append_fixed(out, 0, value, 6);
}

/* A name may hold anything. */
static inline void csv_text(GString *out, const char *text)
{
    g_string_append(out, ",\"");
    for (; *text != '\0'; text++) {
        if (*text == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *text);
    }
    g_string_append_c(out, '"');
}

#endif
