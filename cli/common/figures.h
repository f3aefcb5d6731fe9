/* SPDX-License-Identifier: Apache-2.0 */
/* Figures as text, the same in any locale. */
#ifndef BSA_CLI_COMMON_FIGURES_H
#define BSA_CLI_COMMON_FIGURES_H

#include <glib.h>

/* value with a point and so many decimals; "inf" and "-" where there is none. */
void append_fixed(GString *out, int width, double value, int decimals);
/* "12.3 MiB" */
void append_bytes(GString *out, guint64 bytes);
/* "2.5 ms": with a decimal below ten units. */
void append_duration(GString *out, guint64 ns);
void append_heading(GString *out, const char *title);
/* A time in seconds with nine decimals, exactly. */
void append_seconds(GString *out, guint64 ns);

#endif
