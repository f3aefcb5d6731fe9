/* SPDX-License-Identifier: Apache-2.0 */
#include "recorded_write.h"

#include <string.h>

#include "../common/files.h"
#include "../common/schema.h"
#include "csv.h"
#include "json_parts.h"
#include "metrics.h"

static const char *const page_names[FOOTPRINT_KINDS] = {"object_pages", "block_pages",
                                                        "empty_slab_pages"};
static const char *const inside_names[FOOTPRINT_KINDS] = {"free_in_object_pages",
                                                          "free_in_block_pages", "empty_slabs"};

/* Pages between the lowest and the highest that are not in use. */
static guint64 span_free(const struct recorded *recorded, const struct recorded_sample *sample)
{
    return sample->span * recorded->page_size - recorded_occupied(recorded, sample);
}

static void put_moment(JsonBuilder *json, const char *name, const struct recorded *recorded,
                       const struct recorded_sample *sample)
{
    begin_object(json, name);
    put_count(json, "event", sample->event);
    put_count(json, "time_ns", sample->time_ns);
    put_count(json, "requested", sample->requested);
    put_count(json, "given", sample->given);
    put_count(json, "live_objects", sample->live_objects);
    put_count(json, "live_blocks", sample->live_blocks);
    put_count(json, "occupied", recorded_occupied(recorded, sample));
    for (guint kind = 0; kind < FOOTPRINT_KINDS; kind++)
        put_count(json, page_names[kind], sample->pages[kind]);
    for (guint kind = 0; kind < FOOTPRINT_KINDS; kind++)
        put_count(json, inside_names[kind], sample->free_bytes[kind]);
    put_count(json, "seen", sample->seen * recorded->page_size);
    put_count(json, "address_span", sample->span * recorded->page_size);
    put_count(json, "free_in_span", span_free(recorded, sample));
    put_external(json, sample->free_blocks);
    json_builder_end_object(json);
}

/* Free blocks as the kernel would count them: it keeps none above its largest order. */
static void put_folded(JsonBuilder *json, const char *name, const guint64 *blocks, guint orders)
{
    guint64 folded[BUDDYINFO_ORDERS] = {0};
    for (guint order = 0; order < REPLAY_ORDERS; order++) {
        guint most = MIN(order, orders - 1);
        folded[most] += blocks[order] << (order - most);
    }
    put_counts(json, name, folded, orders);
}

static void put_change(JsonBuilder *json, const char *name, gint64 pages)
{
    json_builder_set_member_name(json, name);
    json_builder_add_int_value(json, pages);
}

static void put_buddyinfo(JsonBuilder *json, const struct recorded *recorded)
{
    const struct buddyinfo *info = &recorded->buddyinfo;
    guint orders = MAX(info->start.orders, info->end.orders);
    gint64 told = (gint64)(info->end.pages - info->start.pages);
    gint64 computed = (gint64)(info->freed - info->allocated);
    if (!info->compared)
        return;
    begin_object(json, "buddyinfo");
    put_count(json, "free_pages_start", info->start.pages);
    put_count(json, "free_pages_end", info->end.pages);
    put_change(json, "change", told);
    put_count(json, "allocated_pages", info->allocated);
    put_count(json, "freed_pages", info->freed);
    put_change(json, "change_by_events", computed);
    put_change(json, "difference", told - computed);
    put_count(json, "orphan_page_frees", recorded->hygiene.orphan_page_frees);
    put_count(json, "lost_events", recorded->hygiene.lost_events);
    put_counts(json, "free_blocks_start", info->start.blocks, orders);
    put_counts(json, "free_blocks_end", info->end.blocks, orders);
    if (recorded->figures) {
        put_folded(json, "seen_blocks", recorded->all_blocks, orders);
        put_folded(json, "seen_blocks_free_at_end", recorded->end.free_blocks, orders);
    }
    json_builder_end_object(json);
}

static void put_formulas(JsonBuilder *json)
{
    begin_object(json, "formulas");
    put_text(json, "occupied",
             "pages that a live object or block touches, and those of slabs, empty ones too");
    put_text(json, "free_in_object_pages",
             "bytes of pages that objects of less than a page touch - bytes alive there");
    put_text(json, "free_in_block_pages",
             "bytes of pages that only objects of a page or more and page blocks touch - bytes "
             "alive there");
    put_text(json, "free_pages", "F: pages in use at an earlier time, and not now");
    put_text(json, "free_blocks", "naturally aligned rows of 2^order such pages, in no larger one");
    put_text(json, "address_span",
             "pages from the lowest to the highest in use so far, in each 64 MiB of addresses");
    put_text(json, "difference", "change of free pages by buddyinfo - (freed - allocated pages)");
    json_builder_end_object(json);
}

static void put_figures(JsonBuilder *json, const struct recorded *recorded)
{
    const struct replay_account *account = &recorded->account;
    struct heap_ratios pages = heap_ratios(account, &account->occupied);
    struct heap_ratios addresses = heap_ratios(account, &account->span);
    put_count(json, "peak_requested_bytes", account->peak_requested);
    put_count(json, "peak_requested_event", account->peak_event);
    put_count(json, "peak_occupied_bytes", account->occupied.max_size);
    put_count(json, "occupied_at_peak_bytes", account->occupied.size_at_peak);
    put_count(json, "peak_address_span_bytes", account->span.max_size);
    put_moment(json, "peak", recorded, &recorded->peak);
    put_moment(json, "end", recorded, &recorded->end);
    if (recorded->given_told > 0) {
        struct internal_fragmentation internal = internal_fragmentation(account);
        put_internal(json, &internal);
    }
    begin_object(json, "heap_over_live");
    put_ratios(json, "pages", &pages);
    put_ratios(json, "addresses", &addresses);
    json_builder_end_object(json);
}

void put_recorded_pages(JsonBuilder *json, const struct recorded *recorded)
{
    if (!recorded->taken)
        return;
    begin_object(json, "recorded");
    put_text(json, "allocator", recorded->kernel ? "the kernel's own" : "the program's own");
    put_flag(json, "addresses", recorded->figures);
    put_flag(json, "direct_map_known", recorded->direct_map != 0);
    put_count(json, "page_size", recorded->page_size);
    put_count(json, "events", recorded->events);
    put_count(json, "allocs", recorded->allocs);
    put_count(json, "unplaced", recorded->unplaced);
    put_count(json, "given_told", recorded->given_told);
    put_count(json, "samples", recorded->figures ? recorded->samples->len : 0);
    if (recorded->figures)
        put_figures(json, recorded);
    put_buddyinfo(json, recorded);
    put_formulas(json);
    json_builder_end_object(json);
}

static void csv_line(const struct recorded *recorded, const struct recorded_sample *sample,
                     GString *out)
{
    g_string_append_printf(out, "%" G_GUINT64_FORMAT ",", sample->event);
    append_seconds(out, sample->time_ns);
    csv_count(out, sample->event == recorded->peak.event ? 1 : 0);
    csv_count(out, sample->requested);
    csv_count(out, sample->given);
    csv_count(out, recorded_occupied(recorded, sample));
    for (guint kind = 0; kind < FOOTPRINT_KINDS; kind++)
        csv_count(out, sample->pages[kind]);
    for (guint kind = 0; kind < FOOTPRINT_KINDS; kind++)
        csv_count(out, sample->free_bytes[kind]);
    csv_count(out, sample->seen * recorded->page_size);
    csv_count(out, sample->span * recorded->page_size);
    csv_count(out, span_free(recorded, sample));
    csv_count(out, sample->live_objects);
    csv_count(out, sample->live_blocks);
    csv_count(out, free_pages(sample->free_blocks));
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        csv_count(out, sample->free_blocks[order]);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        csv_fraction(out, unusable_free_space_index(sample->free_blocks, order));
    g_string_append_c(out, '\n');
}

void recorded_csv(const struct recorded *recorded, GString *out)
{
    g_string_append(out, "event,seconds,peak,requested,given,occupied");
    for (guint kind = 0; kind < FOOTPRINT_KINDS; kind++)
        g_string_append_printf(out, ",%s", page_names[kind]);
    for (guint kind = 0; kind < FOOTPRINT_KINDS; kind++)
        g_string_append_printf(out, ",%s", inside_names[kind]);
    g_string_append(out, ",seen,address_span,free_in_span,live_objects,live_blocks,free_pages");
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        g_string_append_printf(out, ",free_blocks_%u", order);
    for (guint order = 0; order < REPORT_ORDERS; order++)
        g_string_append_printf(out, ",unusable_%u", order);
    g_string_append_c(out, '\n');
    for (guint i = 0; i < recorded->samples->len; i++)
        csv_line(recorded, &g_array_index(recorded->samples, struct recorded_sample, i), out);
}

static char *to_json(const struct recorded *recorded, const char *name)
{
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    put_text(json, "program", "bsa-replay");
    put_count(json, "schema", REPORT_SCHEMA);
    begin_object(json, "trace");
    put_text(json, "name", name);
    put_text(json, "format", recorded->format);
    put_text(json, "layer", replay_layer_name(recorded->layer));
    put_flag(json, "kernel", recorded->kernel);
    put_count(json, "duration_ns", recorded->duration_ns);
    json_builder_end_object(json);
    put_recorded_pages(json, recorded);
    put_hygiene(json, &recorded->hygiene);
    json_builder_end_object(json);
    return finish_json(json);
}

gboolean recorded_write(const struct recorded *recorded, const struct replay_options *options,
                        const char *name, GError **error)
{
    char *json = to_json(recorded, name);
    gboolean ok = files_write(options->directory, "recorded.json", json, strlen(json), error);
    g_free(json);
    if (!ok || !recorded->figures)
        return ok;
    GString *csv = g_string_new(NULL);
    recorded_csv(recorded, csv);
    return files_write_string(options->directory, "recorded.csv", csv, error);
}
