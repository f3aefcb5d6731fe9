/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of options, from their texts. What is wrong is a G_OPTION_ERROR whose message says what is
 * accepted; text NULL is an option that was not given, and changes nothing.
 */
#ifndef BSA_CLI_COMMON_ARGUMENTS_H
#define BSA_CLI_COMMON_ARGUMENTS_H

#include <glib.h>

/* A number with an optional suffix K, M, G or T (powers of 1024; also KiB, MB ...), from 1 to most,
 * which is a power of two. */
#define PARSE_SIZE_MOST (G_GUINT64_CONSTANT(1) << 47)
gboolean parse_size(const char *text, guint64 most, guint64 *bytes, GError **error);
gboolean parse_bytes(const char *option, const char *text, guint64 most, guint64 *bytes,
                     GError **error);

/* text as one of names, or an error that lists them. */
gboolean parse_word(const char *option, const char *text, const char *const *names, guint count,
                    guint *index, GError **error);

gboolean parse_count(const char *option, const char *text, guint64 low, guint64 high, guint *value,
                     GError **error);
/* A time with an optional suffix s (the default), ms, us, ns, min or h: "1.5", "200ms". */
gboolean parse_time(const char *option, const char *text, guint64 *ns, GError **error);
/* None of the traces that are named is called "". */
gboolean parse_traces(char **traces, GError **error);
gboolean parse_page_size(const char *text, guint *page_size, GError **error);

/* Kinds of files that pictures are drawn into. */
enum picture_format { PICTURE_PNG = 1u << 0, PICTURE_SVG = 1u << 1 };

/* "png,svg" as a set of enum picture_format. */
gboolean parse_formats(const char *text, guint *formats, GError **error);
/* The only terminal that pictures are drawn on. */
gboolean parse_terminal(const char *text, gboolean *dumb, GError **error);

#endif
