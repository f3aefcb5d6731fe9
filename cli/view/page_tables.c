/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of report.html. */
#include <math.h>

#include "../common/figures.h"
#include "page.h"
#include "parts.h"

#define CPUS_SHOWN 64u
#define CACHES_SHOWN 24u

static double share(guint64 part, guint64 whole)
{
    return whole == 0 ? NAN : 100.0 * (double)part / (double)whole;
}

/* names with commas between; the first column is text. */
static void begin(GString *out, const char *title, const char *names)
{
    char **name = g_strsplit(names, ",", -1);
    g_string_append_printf(out, "<h2>%s</h2>\n<div class=\"table\"><table>\n<tr>", title);
    for (guint i = 0; name[i] != NULL; i++)
        g_string_append_printf(out, "<th%s>%s</th>", i == 0 ? " class=\"name\"" : "", name[i]);
    g_string_append(out, "</tr>\n");
    g_strfreev(name);
}

static void end(GString *out)
{
    g_string_append(out, "</table></div>\n");
}

static void row(GString *out, const char *name)
{
    g_string_append(out, "<tr><td class=\"name\">");
    view_page_text(out, name);
    g_string_append(out, "</td>");
}

static void count(GString *out, guint64 value)
{
    g_string_append_printf(out, "<td>%" G_GUINT64_FORMAT "</td>", value);
}

static void percent(GString *out, double value)
{
    g_string_append(out, "<td>");
    if (!isnan(value)) {
        append_fixed(out, 0, value, 1);
        g_string_append(out, " %");
    }
    g_string_append(out, "</td>");
}

static void split(JsonObject *report, GString *out)
{
    guint64 regions = view_count(report, "end.region_bytes");
    begin(out, "Where the bytes are", ",at peak,,at the end,");
    for (guint i = 0; i < view_part_count; i++) {
        guint64 peak = view_count(view_object(report, "peak.split"), view_parts[i].key);
        guint64 last = view_count(view_object(report, "end.split"), view_parts[i].key);
        row(out, view_parts[i].title);
        count(out, peak);
        percent(out, share(peak, regions));
        count(out, last);
        percent(out, share(last, regions));
        g_string_append(out, "</tr>\n");
    }
    end(out);
}

static void classes(JsonObject *report, GString *out)
{
    begin(out, "Size classes at peak",
          "object size,allocations,slabs,empty,slots,live,cached,slots live,bytes asked for");
    for (guint i = 0; i < view_length(report, "peak.classes"); i++) {
        JsonObject *class = view_row(report, "peak.classes", i);
        guint64 slots = view_count(class, "slots");
        char *name = g_strdup_printf("%" G_GUINT64_FORMAT, view_count(class, "object_size"));
        if (view_count(class, "allocs") > 0 || slots > 0) {
            row(out, name);
            count(out, view_count(class, "allocs"));
            count(out, view_count(class, "slabs"));
            count(out, view_count(class, "empty_slabs"));
            count(out, slots);
            count(out, view_count(class, "live"));
            count(out, view_count(class, "in_magazines") + view_count(class, "in_depot"));
            percent(out, share(view_count(class, "live"), slots));
            count(out, view_count(class, "requested_bytes"));
            g_string_append(out, "</tr>\n");
        }
        g_free(name);
    }
    end(out);
}

static void caches(JsonObject *report, GString *out)
{
    GPtrArray *rows = view_caches_by_pages(view_object(report, "peak"));
    guint64 page_size = view_count(report, "replay.page_size");
    if (rows->len > 0)
        begin(out, "Named caches at peak, those with most pages",
              "cache,object size,allocations,slabs,pages,slots,live,most live,cached,slots live,"
              "bytes asked for");
    for (guint i = 0; i < MIN(rows->len, CACHES_SHOWN); i++) {
        JsonObject *cache = g_ptr_array_index(rows, i);
        guint64 slots = view_count(cache, "slots");
        row(out, view_text(cache, "name"));
        count(out, view_count(cache, "object_size"));
        count(out, view_count(cache, "allocs"));
        count(out, view_count(cache, "slabs"));
        count(out, view_count(cache, "slab_bytes") / page_size);
        count(out, slots);
        count(out, view_count(cache, "live"));
        count(out, view_count(cache, "most_live"));
        count(out, view_count(cache, "in_magazines") + view_count(cache, "in_depot"));
        percent(out, share(view_count(cache, "live"), slots));
        count(out, view_count(cache, "requested_bytes"));
        g_string_append(out, "</tr>\n");
    }
    if (rows->len > 0)
        end(out);
    g_ptr_array_unref(rows);
}

static void pins(JsonObject *report, const char *title, const char *moment, GString *out)
{
    JsonObject *of = view_object(view_object(report, moment), "pins");
    if (view_length(of, "groups") == 0)
        return;
    begin(out, title,
          "what,count,bytes of each,free bytes of slabs,free bytes of blocks,half are older "
          "than,threads,CPUs");
    for (guint i = 0; i < view_length(of, "groups"); i++) {
        JsonObject *group = view_row(of, "groups", i);
        char *name = g_strdup_printf("%s %s %s", view_text(group, "kind"),
                                     view_text(group, "cache"), view_text(group, "site"));
        row(out, name);
        count(out, view_count(group, "count"));
        count(out, view_count(group, "given"));
        count(out, view_count(group, "slab_bytes"));
        count(out, view_count(group, "block_bytes"));
        percent(out,
                share(view_count(group, "median_age_events"), view_count(report, "result.events")));
        count(out, view_count(group, "threads"));
        count(out, view_count(group, "cpus"));
        g_string_append(out, "</tr>\n");
        g_free(name);
    }
    end(out);
}

static void sizes(JsonObject *report, GString *out)
{
    if (view_length(report, "sizes.hot") == 0)
        return;
    begin(out, "Hot sizes", "bytes,allocations,,bytes in all,live at peak,bytes,live at the end");
    for (guint i = 0; i < view_length(report, "sizes.hot"); i++) {
        JsonObject *size = view_row(report, "sizes.hot", i);
        char *name = g_strdup_printf("%" G_GUINT64_FORMAT, view_count(size, "size"));
        row(out, name);
        count(out, view_count(size, "allocs"));
        percent(out, share(view_count(size, "allocs"), view_count(report, "sizes.allocs")));
        count(out, view_count(size, "bytes"));
        count(out, view_count(size, "live_at_peak"));
        count(out, view_count(size, "live_at_peak_bytes"));
        count(out, view_count(size, "live_at_end"));
        g_string_append(out, "</tr>\n");
        g_free(name);
    }
    end(out);
}

static void cpus(JsonObject *report, GString *out)
{
    guint shown = 0;
    begin(out, "CPUs",
          "CPU,allocations,frees,blocks,blocks freed,remote frees out,in,magazine hits,"
          "page list hits");
    for (guint i = 0; i < view_length(report, "cpus") && shown < CPUS_SHOWN; i++) {
        JsonObject *cpu = view_row(report, "cpus", i);
        guint64 objects = view_count(cpu, "allocs") + view_count(cpu, "frees");
        guint64 missed = view_count(cpu, "magazine_refills") + view_count(cpu, "magazine_flushes");
        if (view_count(cpu, "events") == 0)
            continue;
        char *name = g_strdup_printf("%" G_GUINT64_FORMAT, view_count(cpu, "cpu"));
        row(out, name);
        count(out, view_count(cpu, "allocs"));
        count(out, view_count(cpu, "frees"));
        count(out, view_count(cpu, "page_allocs"));
        count(out, view_count(cpu, "page_frees"));
        count(out, view_count(cpu, "remote_frees_out"));
        count(out, view_count(cpu, "remote_frees_in"));
        percent(out, 100.0 - share(MIN(missed, objects), objects));
        percent(out, share(view_count(cpu, "page_list_hits"), view_count(cpu, "blocks_allocated")));
        g_string_append(out, "</tr>\n");
        g_free(name);
        shown++;
    }
    end(out);
}

void view_page_tables(JsonObject *report, GString *out)
{
    split(report, out);
    classes(report, out);
    caches(report, out);
    pins(report, "Who pins pages, at peak", "peak", out);
    pins(report, "Who pins pages, at the end", "end", out);
    sizes(report, out);
    cpus(report, out);
}
