/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <string.h>

#include "../common/figures.h"
#include "findings.h"
#include "plot.h"
#include "text.h"

/* Pictures keep their white ground in the dark, as their colours were chosen for it. */
static const char style[] =
    ":root { color-scheme: light dark; --text: #1c1c1c; --ground: #ffffff; --soft: #5c5c5c;\n"
    "  --line: #d8d8d8; --card: #f5f5f5; --mark: #0072B2; }\n"
    "@media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --ground: #17191c;\n"
    "  --soft: #a5a5a5; --line: #3a3d42; --card: #22252a; --mark: #56B4E9; } }\n"
    "body { margin: 0 auto; max-width: 76rem; padding: 1rem 1.5rem 4rem; color: var(--text);\n"
    "  background: var(--ground); font: 16px/1.5 system-ui, sans-serif; }\n"
    "h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }\n"
    ".soft { color: var(--soft); } .partial { color: #D55E00; font-weight: bold; }\n"
    "ol.findings { background: var(--card); border-left: 4px solid var(--mark);\n"
    "  padding: 1rem 1rem 1rem 2.5rem; } ol.findings li { margin: 0.4rem 0; }\n"
    "figure { margin: 1rem 0; background: #ffffff; border: 1px solid var(--line); }\n"
    "figure svg { display: block; width: 100%; height: auto; }\n"
    ".table { overflow-x: auto; }\n"
    "table { border-collapse: collapse; font-variant-numeric: tabular-nums; }\n"
    "th, td { padding: 0.15rem 0.7rem; border-bottom: 1px solid var(--line); text-align: right; }\n"
    "th { color: var(--soft); font-weight: normal; }\n"
    "th.name, td.name { text-align: left; }\n"
    "pre { overflow-x: auto; background: var(--card); padding: 0.8rem; font-size: 0.85rem; }\n";

void view_page_text(GString *out, const char *text)
{
    char *valid = g_utf8_make_valid(text, -1);
    for (const char *at = valid; *at != '\0'; at++) {
        if (*at == '<')
            g_string_append(out, "&lt;");
        else if (*at == '>')
            g_string_append(out, "&gt;");
        else if (*at == '&')
            g_string_append(out, "&amp;");
        else if (*at == '"')
            g_string_append(out, "&quot;");
        else if ((guchar)*at < ' ' && *at != '\n')
            g_string_append_c(out, ' ');
        else
            g_string_append_c(out, *at);
    }
    g_free(valid);
}

/* The name at at, which quote ends, in a picture of several plots may stand in each of them: but
 * for the first, to which all refer, it gets a number more. What is behind it. */
static const char *unique_name(GString *out, const char *at, char quote, GHashTable *names)
{
    char end[] = {quote, '\0'};
    char *name = g_strndup(at, strcspn(at, end));
    guint before = GPOINTER_TO_UINT(g_hash_table_lookup(names, name));
    at += strlen(name);
    g_string_append(out, name);
    if (before > 0)
        g_string_append_printf(out, "-%u", before);
    g_hash_table_insert(names, name, GUINT_TO_POINTER(before + 1));
    return at;
}

/* Names within a picture get its number, so that pictures on one page do not share them. */
void view_page_picture(GString *out, const char *svg, guint number)
{
    static const char *const before[] = {" id=\"", " id='", "href=\"#", "href='#", "url(#"};
    GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const char *at = strstr(svg, "<svg");
    while (at != NULL && *at != '\0') {
        gsize length = 0;
        for (guint i = 0; length == 0 && i < G_N_ELEMENTS(before); i++) {
            if (strncmp(at, before[i], strlen(before[i])) == 0)
                length = strlen(before[i]);
        }
        if (length == 0) {
            g_string_append_c(out, *at++);
            continue;
        }
        gboolean is_name = at[0] == ' ';
        g_string_append_len(out, at, (gssize)length);
        g_string_append_printf(out, "p%u-", number);
        at += length;
        if (is_name)
            at = unique_name(out, at, at[-1], names);
    }
    g_hash_table_unref(names);
}

void view_page_pictures(const char *folder, JsonObject *report, GString *out)
{
    for (guint i = 0; i < view_plot_count; i++) {
        char *name = g_strconcat(view_plots[i].name, ".svg", NULL);
        char *path = g_build_filename(folder, name, NULL), *svg = NULL;
        if (view_plot_wanted(report, i) && g_file_get_contents(path, &svg, NULL, NULL)) {
            g_string_append_printf(out, "<h2>%s</h2>\n<figure id=\"%s\">\n", view_plots[i].title,
                                   view_plots[i].name);
            view_page_picture(out, svg, i);
            g_string_append(out, "</figure>\n");
        }
        g_free(svg);
        g_free(path);
        g_free(name);
    }
}

/* What was measured of other allocators. */
static void others(const char *folder, GString *out)
{
    char *path = g_build_filename(folder, "backends.txt", NULL), *text = NULL;
    if (g_file_get_contents(path, &text, NULL, NULL)) {
        g_string_append(out, "<h2>Beside other allocators</h2>\n<pre>");
        view_page_text(out, text);
        g_string_append(out, "</pre>\n");
    }
    g_free(text);
    g_free(path);
}

static void findings(JsonObject *report, GString *out)
{
    GPtrArray *all = view_findings(report);
    g_string_append(out, "<ol class=\"findings\">\n");
    for (guint i = 0; i < all->len; i++) {
        const struct view_finding *finding = g_ptr_array_index(all, i);
        g_string_append(out, "<li>");
        view_page_text(out, finding->text);
        g_string_append(out, "</li>\n");
    }
    g_string_append(out, "</ol>\n");
    g_ptr_array_unref(all);
}

void view_page_head(const char *title, GString *out)
{
    g_string_append(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    view_page_text(out, title);
    g_string_append_printf(out, " - bsa-replay</title>\n<style>\n%s</style>\n</head>\n<body>\n",
                           style);
    g_string_append(out, "<h1>");
    view_page_text(out, title);
    g_string_append(out, "</h1>\n");
}

static void head(JsonObject *report, GString *out)
{
    view_page_head(view_text(report, "trace.name"), out);
    g_string_append(out, "<p class=\"soft\">");
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " events, layer ",
                           view_count(report, "result.events"));
    view_page_text(out, view_text(report, "trace.layer"));
    g_string_append(out, ", replayed on ");
    view_page_text(out, view_text(report, "replay.allocator"));
    g_string_append_c(out, ' ');
    view_page_text(out, view_text(report, "replay.allocator_version"));
    g_string_append_printf(out, " with %" G_GUINT64_FORMAT " CPU%s in ",
                           view_count(report, "replay.cpus"),
                           view_count(report, "replay.cpus") == 1 ? "" : "s");
    append_bytes(out, view_count(report, "replay.region_bytes_used"));
    g_string_append(out, ": ");
    append_bytes(out, view_count(report, "result.peak_requested_bytes"));
    g_string_append(out, " requested at peak, ");
    append_bytes(out, view_count(report, "result.peak_occupied_bytes"));
    g_string_append_printf(out,
                           " of pages in use at most, %" G_GUINT64_FORMAT " requests failed.</p>\n",
                           view_count(report, "result.failed"));
    if (view_flag(report, "result.partial"))
        g_string_append_printf(
            out,
            "<p class=\"partial\">Partial: the replay ended after event %" G_GUINT64_FORMAT
            ".</p>\n",
            view_count(report, "result.events"));
}

/* The report for people has what is told best in lines. */
static void text_part(JsonObject *report, GString *out,
                      void (*part)(JsonObject *report, GString *out))
{
    GString *text = g_string_new(NULL);
    part(report, text);
    if (text->len > 0) {
        g_string_append(out, "<pre>");
        view_page_text(out, text->str);
        g_string_append(out, "</pre>\n");
    }
    g_string_free(text, TRUE);
}

void view_recorded_page(const char *folder, JsonObject *report, GString *out)
{
    view_page_head(view_text(report, "trace.name"), out);
    g_string_append(out, "<p class=\"soft\">Recorded: ");
    view_page_text(out, view_text(report, "recorded.allocator"));
    g_string_append(out, " allocator, by the addresses that it gave; nothing was replayed.</p>\n");
    view_page_pictures(folder, report, out);
    text_part(report, out, view_text_recorded);
    g_string_append(out, "</body>\n</html>\n");
}

void view_page(const char *folder, JsonObject *report, GString *out)
{
    head(report, out);
    findings(report, out);
    view_page_pictures(folder, report, out);
    others(folder, out);
    view_page_tables(report, out);
    g_string_append(out, "<h2>Measures</h2>\n");
    text_part(report, out, view_text_memory);
    text_part(report, out, view_text_external);
    text_part(report, out, view_text_regions);
    text_part(report, out, view_text_recorded);
    g_string_append(out, "<h2>The trace</h2>\n");
    text_part(report, out, view_text_trace);
    g_string_append(out, "</body>\n</html>\n");
}
