/* SPDX-License-Identifier: Apache-2.0 */
/* Two reports compared: which figures got better, which worse. */
#ifndef BSA_CLI_VIEW_DIFF_H
#define BSA_CLI_VIEW_DIFF_H

#include "model.h"

/* One of the figures that reports are compared by. */
struct view_figure {
    const char *key, *title;
    gboolean whole; /* bytes or a count; else a ratio */
    double value;   /* NaN: the report does not have it */
};

guint view_figure_count(void);
struct view_figure view_figure(JsonObject *report, guint index);

enum view_verdict { VIEW_BETTER, VIEW_WORSE, VIEW_OTHER, VIEW_EQUAL };

/* One figure in both reports. */
struct view_change {
    const char *key, *title;
    gboolean whole; /* bytes or a count; else a ratio */
    double a, b;    /* NaN: not in that report */
    double weight;  /* what changes are ordered by: difference over peak pages in use (bytes),
                       events (counts) or 1 (ratios) */
    enum view_verdict verdict;
};

/* All figures, of struct view_change, those that weigh most first. */
GArray *view_diff(JsonObject *a, JsonObject *b);

/*
 * A condition on a figure, "KEY OP [+|-]NUMBER[K|M|G|T|%]". With a sign it is about the change from
 * a to b, else about b itself; with % in hundredths of a.
 */
struct view_condition {
    char *text;
    const char *key;
    char op[3];
    gboolean change, percent;
    double number;
};

/* False and a G_OPTION_ERROR that says what is wrong. */
gboolean view_condition_parse(struct view_condition *condition, const char *text, GError **error);
void view_condition_clear(struct view_condition *condition);
/* Does it hold? Error where a report lacks the figure. */
gboolean view_condition_test(const struct view_condition *condition, GArray *changes,
                             gboolean *holds, GError **error);

/* The figures and what they are, a line for each. */
void view_diff_keys(GString *out);

/* For people, and as JSON that is g_free'd. conditions: of struct view_condition; holds: of each.
 */
void view_diff_text(JsonObject *a, JsonObject *b, GArray *changes, GString *out);
char *view_diff_json(GArray *changes, GArray *conditions, const gboolean *holds);

#endif
