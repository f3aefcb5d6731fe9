/* SPDX-License-Identifier: Apache-2.0 */
#include "diff.h"

#include <math.h>
#include <string.h>

#include "error.h"

enum scale { BYTES, COUNT, RATIO };

static const struct figure {
    const char *key, *title, *path;
    enum scale scale;
    enum view_verdict rises; /* what a larger value is */
    int index;               /* of an element of the list at path; -1: none */
} figures[] = {
    {"failed", "failed requests", "result.failed", COUNT, VIEW_WORSE, -1},
    {"failed_bytes", "bytes of failed requests", "result.failed_bytes", BYTES, VIEW_WORSE, -1},
    {"events", "events", "result.events", COUNT, VIEW_OTHER, -1},
    {"peak_requested", "most bytes requested", "result.peak_requested_bytes", BYTES, VIEW_OTHER,
     -1},
    {"peak_occupied", "most bytes of pages in use", "result.peak_occupied_bytes", BYTES, VIEW_WORSE,
     -1},
    {"occupied_at_peak", "pages in use at peak", "result.occupied_at_peak_bytes", BYTES, VIEW_WORSE,
     -1},
    {"occupied_end", "pages in use at the end", "end.occupied", BYTES, VIEW_WORSE, -1},
    {"address_span", "lowest to highest address", "result.peak_address_span_bytes", BYTES,
     VIEW_WORSE, -1},
    {"live_at_end", "bytes alive at the end", "result.live_at_end_bytes", BYTES, VIEW_OTHER, -1},
    {"smallest_region", "smallest region", "smallest_region.smallest.region_bytes", BYTES,
     VIEW_WORSE, -1},
    {"class_rounding", "class rounding at peak", "peak.split.class_rounding", BYTES, VIEW_WORSE,
     -1},
    {"block_rounding", "block rounding at peak", "peak.split.block_rounding", BYTES, VIEW_WORSE,
     -1},
    {"free_slots", "free slots at peak", "peak.split.free_slots", BYTES, VIEW_WORSE, -1},
    {"empty_slabs", "empty slabs at peak", "peak.split.empty_slabs", BYTES, VIEW_WORSE, -1},
    {"cached", "magazines, page lists at peak", "peak.split.cached", BYTES, VIEW_WORSE, -1},
    {"remote_pending", "remote frees pending at peak", "peak.split.remote_pending", BYTES,
     VIEW_WORSE, -1},
    {"slab_records", "slab records at peak", "peak.split.slab_records", BYTES, VIEW_WORSE, -1},
    {"metadata", "metadata at peak", "peak.split.metadata", BYTES, VIEW_WORSE, -1},
    {"free_slots_end", "free slots at the end", "end.split.free_slots", BYTES, VIEW_WORSE, -1},
    {"cached_end", "magazines, page lists at the end", "end.split.cached", BYTES, VIEW_WORSE, -1},
    {"pinned_slabs", "free in nearly empty slabs, end", "end.pins.slab_bytes", BYTES, VIEW_WORSE,
     -1},
    {"pinned_blocks", "free in nearly free blocks, end", "end.pins.block_bytes", BYTES, VIEW_WORSE,
     -1},
    {"internal", "internal fragmentation, all", "internal_fragmentation.cumulative", RATIO,
     VIEW_WORSE, -1},
    {"internal_peak", "internal fragmentation at peak", "internal_fragmentation.live_at_peak",
     RATIO, VIEW_WORSE, -1},
    {"internal_time", "internal fragmentation over time", "internal_fragmentation.over_events",
     RATIO, VIEW_WORSE, -1},
    {"heap_average", "heap / live, average", "heap_over_live.pages.average", RATIO, VIEW_WORSE, -1},
    {"heap_max", "max heap / max live", "heap_over_live.pages.maximum_over_maximum", RATIO,
     VIEW_WORSE, -1},
    {"heap_means", "mean heap / mean live", "heap_over_live.pages.of_means", RATIO, VIEW_WORSE, -1},
    {"unusable_4_peak", "unusable, order 4, at peak", "peak.unusable_free_space_index", RATIO,
     VIEW_WORSE, 4},
    {"unusable_9_peak", "unusable, order 9, at peak", "peak.unusable_free_space_index", RATIO,
     VIEW_WORSE, 9},
    {"unusable_4_end", "unusable, order 4, at the end", "end.unusable_free_space_index", RATIO,
     VIEW_WORSE, 4},
    {"unusable_9_end", "unusable, order 9, at the end", "end.unusable_free_space_index", RATIO,
     VIEW_WORSE, 9},
    {"unusable_4_mean", "unusable, order 4, mean", "timeline.mean.unusable_free_space_index", RATIO,
     VIEW_WORSE, 4},
    {"unusable_9_mean", "unusable, order 9, mean", "timeline.mean.unusable_free_space_index", RATIO,
     VIEW_WORSE, 9},
    {"unusable_4_drained", "unusable, order 4, drained", "end_drained.unusable_free_space_index",
     RATIO, VIEW_WORSE, 4},
    {"unusable_9_drained", "unusable, order 9, drained", "end_drained.unusable_free_space_index",
     RATIO, VIEW_WORSE, 9},
    {"remote_frees", "remote frees", "remote.frees", COUNT, VIEW_WORSE, -1},
    {"drain_latency", "events that a remote free waits", "remote.drain_latency_events", COUNT,
     VIEW_WORSE, -1},
};

void view_diff_keys(GString *out)
{
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        g_string_append_printf(out, "  %-20s%s\n", figures[i].key, figures[i].title);
}

static const struct figure *figure_of(const char *key)
{
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++) {
        if (strcmp(figures[i].key, key) == 0)
            return &figures[i];
    }
    return NULL;
}

/* How much two names have in common: the length of their longest common subsequence, over both. */
static double likeness(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    gsize length = strlen(b), common[LONGEST] = {0};
    if (length >= LONGEST)
        return 0.0;
    for (const char *x = a; *x != '\0'; x++) {
        gsize corner = 0; /* of the row before, one column back */
        for (gsize i = 1; i <= length; i++) {
            gsize above = common[i];
            common[i] = *x == b[i - 1] ? corner + 1 : MAX(above, common[i - 1]);
            corner = above;
        }
    }
    return (double)common[length] / (double)(strlen(a) + length);
}

/* The keys that are most like one that is none. */
static void append_nearest(GString *out, const char *key)
{
    gboolean said[G_N_ELEMENTS(figures)] = {FALSE};
    for (guint n = 0; n < 3; n++) {
        guint best = 0;
        for (guint i = 1; i < G_N_ELEMENTS(figures); i++) {
            if (said[best] ||
                (!said[i] && likeness(figures[i].key, key) > likeness(figures[best].key, key)))
                best = i;
        }
        g_string_append_printf(out, "%s%s",
                               n == 0   ? ""
                               : n == 1 ? ", "
                                        : " or ",
                               figures[best].key);
        said[best] = TRUE;
    }
}

static double value(JsonObject *report, const struct figure *figure)
{
    return figure->index < 0 ? view_ratio(report, figure->path)
                             : view_ratio_at(report, figure->path, (guint)figure->index);
}

guint view_figure_count(void)
{
    return G_N_ELEMENTS(figures);
}

struct view_figure view_figure(JsonObject *report, guint index)
{
    const struct figure *figure = &figures[index];
    return (struct view_figure){figure->key, figure->title, figure->scale != RATIO,
                                value(report, figure)};
}

static double weight(const struct figure *figure, JsonObject *a, double difference)
{
    double whole = figure->scale == BYTES   ? view_ratio(a, "result.peak_occupied_bytes")
                   : figure->scale == COUNT ? view_ratio(a, "result.events")
                                            : 1.0;
    return isfinite(difference) ? fabs(difference) / fmax(whole, 1.0) : 0.0;
}

/* Ratios that differ by less than is shown are equal. */
static enum view_verdict verdict(const struct figure *figure, double a, double b)
{
    if (a == b || (figure->scale == RATIO && fabs(a - b) < 0.00005) || (isnan(a) && isnan(b)))
        return VIEW_EQUAL;
    if (isnan(a) || isnan(b) || figure->rises == VIEW_OTHER)
        return VIEW_OTHER;
    return b > a ? figure->rises : figure->rises == VIEW_WORSE ? VIEW_BETTER : VIEW_WORSE;
}

static int by_weight(gconstpointer a, gconstpointer b)
{
    const struct view_change *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight < y->weight ? 1 : -1;
    return strcmp(x->key, y->key);
}

GArray *view_diff(JsonObject *a, JsonObject *b)
{
    GArray *changes = g_array_new(FALSE, FALSE, sizeof(struct view_change));
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++) {
        struct view_change change = {
            .key = figures[i].key,
            .title = figures[i].title,
            .whole = figures[i].scale != RATIO,
            .a = value(a, &figures[i]),
            .b = value(b, &figures[i]),
        };
        change.weight = weight(&figures[i], a, change.b - change.a);
        change.verdict = verdict(&figures[i], change.a, change.b);
        g_array_append_val(changes, change);
    }
    g_array_sort(changes, by_weight);
    return changes;
}

/* Conditions. */

static gboolean bad(GError **error, const char *text, const char *what)
{
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "--fail-if '%s': %s; give KEY OP [+|-]NUMBER[K|M|G|T|%%], as peak_occupied>+5%%",
                text, what);
    return FALSE;
}

static gboolean parse_number(struct view_condition *condition, const char *text, GError **error)
{
    static const char units[] = "KMGT";
    char *end;
    condition->change = text[0] == '+' || text[0] == '-';
    const char *digits = condition->change ? text + 1 : text;
    if (!g_ascii_isdigit(digits[0]))
        return bad(error, condition->text, "there is no number");
    condition->number = g_ascii_strtod(digits, &end);
    if (*end == '%') {
        condition->percent = TRUE;
        end++;
    } else if (*end != '\0' && strchr(units, *end) != NULL) {
        condition->number *= ldexp(1.0, 10 * (int)(strchr(units, *end) - units + 1));
        end++;
    }
    if (*end != '\0')
        return bad(error, condition->text, "there is something behind the number");
    if (text[0] == '-')
        condition->number = -condition->number;
    return TRUE;
}

gboolean view_condition_parse(struct view_condition *condition, const char *text, GError **error)
{
    static const char operators[] = "<>=!";
    char **words = g_strsplit(text, " ", -1);
    char *packed = g_strjoinv("", words);
    gsize name = strcspn(packed, operators), op = strspn(packed + name, operators);
    char *key = g_strndup(packed, name);
    const struct figure *figure = figure_of(key);
    gboolean ok = FALSE;
    *condition = (struct view_condition){.text = g_strdup(text)};
    if (figure == NULL) {
        GString *keys = g_string_new(NULL);
        append_nearest(keys, key);
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--fail-if '%s': no figure is called '%s'; is it %s? bsa-replay diff --help "
                    "lists all",
                    text, key, keys->str);
        g_string_free(keys, TRUE);
    } else if (op == 0 || op > 2) {
        bad(error, text, "there is no operator; there are <, <=, >, >=, = and !=");
    } else {
        condition->key = figure->key;
        memcpy(condition->op, packed + name, op);
        static const char *const known[] = {"<", "<=", ">", ">=", "=", "!="};
        for (guint i = 0; i < G_N_ELEMENTS(known); i++)
            ok = ok || strcmp(known[i], condition->op) == 0;
        ok = ok ? parse_number(condition, packed + name + op, error)
                : bad(error, text, "the operator is unknown; there are <, <=, >, >=, = and !=");
    }
    if (!ok)
        view_condition_clear(condition);
    g_free(key);
    g_free(packed);
    g_strfreev(words);
    return ok;
}

void view_condition_clear(struct view_condition *condition)
{
    g_clear_pointer(&condition->text, g_free);
}

static gboolean compare(double left, const char *op, double right)
{
    if (strcmp(op, "=") == 0)
        return left == right;
    if (strcmp(op, "!=") == 0)
        return left != right;
    if (left == right)
        return op[1] == '=';
    return op[0] == '<' ? left < right : left > right;
}

gboolean view_condition_test(const struct view_condition *condition, GArray *changes,
                             gboolean *holds, GError **error)
{
    for (guint i = 0; i < changes->len; i++) {
        const struct view_change *change = &g_array_index(changes, struct view_change, i);
        if (strcmp(change->key, condition->key) != 0)
            continue;
        gboolean needs_a = condition->change || condition->percent;
        if (isnan(change->b) || (needs_a && isnan(change->a))) {
            g_set_error(error, VIEW_ERROR, VIEW_ERROR_INPUT,
                        "--fail-if '%s': report %s has no %s; replay the trace with the option "
                        "that makes it",
                        condition->text, isnan(change->b) ? "B" : "A", condition->key);
            return FALSE;
        }
        double right =
            condition->percent ? condition->number / 100.0 * change->a : condition->number;
        *holds =
            compare(condition->change ? change->b - change->a : change->b, condition->op, right);
    }
    return TRUE;
}
