/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot is a MallocLab id as it is: dense, and an object's for as long as it
 * lives. mtrace knows addresses only: those that were recorded, which a table
 * by slot keeps for the frees; an object without one, and a block of pages,
 * whose frame number is none, gets one from its slot that no program can have.
 * So does one whose address is still that of another: a thread got it while
 * the realloc that left it had begun and not yet ended.
 */
#include "export.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "kinds.h"
#include "map.h"

#define LINES_BYTES ((gsize)1 << 16) /* are collected before they are written */
/* Neither a program's nor a kernel's on any 64-bit machine. */
#define MADE_UP G_GUINT64_CONSTANT(0x6000000000000000)

struct exporter {
    trace_reader *reader;
    FILE *out;
    GString *lines;
    guint64 *addresses;    /* mtrace: of each slot's object */
    struct trace_map live; /* mtrace: addresses of live objects */
    guint64 requests;      /* written */
};

static gboolean write_lines(struct exporter *exporter, GError **error)
{
    gsize length = exporter->lines->len;
    if (fwrite(exporter->lines->str, 1, length, exporter->out) != length ||
        fflush(exporter->out) != 0) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO, "writing failed: %s", g_strerror(errno));
        return FALSE;
    }
    g_string_truncate(exporter->lines, 0);
    return TRUE;
}

/* What an event gives a line; the first line stands in lines already. */
static gboolean export_events(struct exporter *exporter,
                              void (*add)(struct exporter *, const struct trace_event *),
                              GError **error)
{
    struct trace_event event;
    int got;
    while ((got = trace_next(exporter->reader, &event, error)) > 0) {
        add(exporter, &event);
        if (exporter->lines->len >= LINES_BYTES && !write_lines(exporter, error)) {
            return FALSE;
        }
    }
    return got == 0;
}

/* A request that the recorded allocator served: the others are in CSV alone. */
static gboolean is_served(const struct trace_event *event)
{
    return trace_kind_has_slot(event->kind) && (event->flags & TRACE_FAILED) == 0;
}

static void add_rep(struct exporter *exporter, const struct trace_event *event)
{
    if (!is_served(event)) {
        return;
    }
    exporter->requests++;
    if (trace_kind_is_free(event->kind)) {
        g_string_append_printf(exporter->lines, "f %u\n", event->slot);
    } else {
        g_string_append_printf(exporter->lines, "%c %u %" G_GUINT64_FORMAT "\n",
                               event->kind == TRACE_REALLOC ? 'r' : 'a', event->slot, event->size);
    }
}

static gboolean export_rep(struct exporter *exporter, GError **error)
{
    const struct trace_summary *summary = trace_summary(exporter->reader);
    const struct trace_hygiene *hygiene = trace_hygiene(exporter->reader);
    guint64 requests = hygiene->allocs + hygiene->frees + hygiene->reallocs + hygiene->page_allocs +
                       hygiene->page_frees;
    g_string_append_printf(
        exporter->lines, "%" G_GUINT64_FORMAT "\n%" G_GUINT64_FORMAT "\n%" G_GUINT64_FORMAT "\n1\n",
        summary->peak_live_bytes, summary->peak_slots, requests);
    if (!export_events(exporter, add_rep, error)) {
        return FALSE;
    }
    if (exporter->requests != requests) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_DAMAGED,
                    "%" G_GUINT64_FORMAT " requests where the trace's counts promised "
                    "%" G_GUINT64_FORMAT "; check it with bsa-trace check",
                    exporter->requests, requests);
        return FALSE;
    }
    return TRUE;
}

/* The caller as mtrace writes it: it ends with a bracket. */
static void append_site(struct exporter *exporter, const struct trace_event *event)
{
    const char *site = trace_name(exporter->reader, event->site);
    if (*site == '\0' || strpbrk(site, "\r\n") != NULL) {
        return;
    }
    g_string_append_printf(exporter->lines, g_str_has_suffix(site, "]") ? "@ %s " : "@ [%s] ",
                           site);
}

static void take_address(struct exporter *exporter, const struct trace_event *event)
{
    gboolean recorded = event->address != 0 && !trace_kind_is_page(event->kind);
    guint64 address = recorded ? event->address : MADE_UP + 16 * (guint64)event->slot;
    if (trace_map_find(&exporter->live, address) != NULL) {
        address = MADE_UP + 16 * (guint64)event->slot;
    }
    while (trace_map_find(&exporter->live, address) != NULL) {
        address++;
    }
    trace_map_insert(&exporter->live, address, event->slot);
    exporter->addresses[event->slot] = address;
}

static guint64 give_address(struct exporter *exporter, guint32 slot)
{
    guint32 same;
    trace_map_remove(&exporter->live, exporter->addresses[slot], &same);
    return exporter->addresses[slot];
}

static void append_call(struct exporter *exporter, const struct trace_event *event, char letter,
                        guint64 address)
{
    append_site(exporter, event);
    g_string_append_printf(exporter->lines, "%c 0x%" G_GINT64_MODIFIER "x", letter, address);
}

static void append_size(struct exporter *exporter, guint64 size)
{
    g_string_append_printf(exporter->lines, size == 0 ? " 0\n" : " 0x%" G_GINT64_MODIFIER "x\n",
                           size);
}

static void add_failed(struct exporter *exporter, const struct trace_event *event)
{
    if (event->kind == TRACE_REALLOC && event->slot != TRACE_NO_SLOT) {
        append_call(exporter, event, '!', exporter->addresses[event->slot]);
    } else {
        append_site(exporter, event);
        g_string_append(exporter->lines, "+ (nil)");
    }
    append_size(exporter, event->size);
}

static void add_mtrace(struct exporter *exporter, const struct trace_event *event)
{
    if (!is_served(event)) {
        if (trace_kind_has_slot(event->kind)) {
            add_failed(exporter, event);
        }
        return;
    }
    if (trace_kind_is_free(event->kind)) {
        append_call(exporter, event, '-', give_address(exporter, event->slot));
        g_string_append_c(exporter->lines, '\n');
        return;
    }
    if (event->kind == TRACE_REALLOC) {
        append_call(exporter, event, '<', give_address(exporter, event->slot));
        g_string_append_c(exporter->lines, '\n');
    }
    take_address(exporter, event);
    append_call(exporter, event, event->kind == TRACE_REALLOC ? '>' : '+',
                exporter->addresses[event->slot]);
    append_size(exporter, event->size);
}

static gboolean export_mtrace(struct exporter *exporter, GError **error)
{
    exporter->addresses = g_new0(guint64, trace_summary(exporter->reader)->peak_slots);
    g_string_append(exporter->lines, "= Start\n");
    trace_map_init(&exporter->live);
    gboolean good = export_events(exporter, add_mtrace, error);
    trace_map_destroy(&exporter->live);
    g_string_append(exporter->lines, "= End\n");
    return good;
}

static void append_number(GString *line, guint64 value)
{
    g_string_append_printf(line, ",%" G_GUINT64_FORMAT, value);
}

/* Empty where it is not known. */
static void append_known(GString *line, guint64 value, guint64 unknown)
{
    if (value == unknown) {
        g_string_append_c(line, ',');
    } else {
        append_number(line, value);
    }
}

/* In quotes where it needs them; a quote becomes two (RFC 4180). */
static void append_text(GString *line, const char *text)
{
    g_string_append_c(line, ',');
    if (strpbrk(text, ",\"\r\n") == NULL) {
        g_string_append(line, text);
        return;
    }
    g_string_append_c(line, '"');
    for (; *text != '\0'; text++) {
        g_string_append(line, *text == '"' ? "\"" : "");
        g_string_append_c(line, *text);
    }
    g_string_append_c(line, '"');
}

static void append_flags(GString *line, guint flags)
{
    const char *between = ",";
    g_string_append(line, flags == 0 ? "," : "");
    for (guint flag = 1; flag <= flags; flag <<= 1) {
        const char *name = (flags & flag) != 0 ? trace_flag_name(flag) : NULL;
        if (name != NULL) {
            g_string_append_printf(line, "%s%s", between, name);
            between = "|";
        }
    }
}

static void add_csv(struct exporter *exporter, const struct trace_event *event)
{
    trace_reader *reader = exporter->reader;
    GString *line = exporter->lines;
    g_string_append_printf(line, "%" G_GUINT64_FORMAT, event->number);
    append_number(line, event->time_ns);
    append_number(line, event->thread);
    append_number(line, event->cpu);
    append_text(line, trace_kind_name(event->kind));
    append_known(line, event->slot, TRACE_NO_SLOT);
    if (event->address == 0) {
        g_string_append_c(line, ',');
    } else {
        g_string_append_printf(line, ",0x%" G_GINT64_MODIFIER "x", event->address);
    }
    append_number(line, event->size);
    append_known(line, event->given, 0);
    append_known(line, event->align, 0);
    append_known(line, trace_kind_is_page(event->kind) ? event->order : G_MAXUINT64, G_MAXUINT64);
    append_text(line, trace_name(reader, event->cache));
    append_text(line, trace_name(reader, event->site));
    append_text(line, trace_name(reader, event->gfp));
    append_known(line, event->node, TRACE_NO_NODE);
    append_known(line, event->migratetype, TRACE_NO_MIGRATETYPE);
    append_flags(line, event->flags);
    append_known(line, event->line, 0);
    g_string_append_c(line, '\n');
}

static gboolean export_csv(struct exporter *exporter, GError **error)
{
    g_string_append(exporter->lines, "number,time_ns,thread,cpu,kind,slot,address,size,given,align,"
                                     "order,cache,site,gfp,node,migratetype,flags,line\n");
    return export_events(exporter, add_csv, error);
}

gboolean trace_export(enum trace_export_format format, trace_reader *reader, FILE *out,
                      GError **error)
{
    struct exporter exporter = {.reader = reader, .out = out, .lines = g_string_new(NULL)};
    gboolean (*const formats[])(struct exporter *, GError **) = {
        [TRACE_EXPORT_REP] = export_rep,
        [TRACE_EXPORT_CSV] = export_csv,
        [TRACE_EXPORT_MTRACE] = export_mtrace,
    };
    gboolean good = formats[format](&exporter, error) && write_lines(&exporter, error);
    g_free(exporter.addresses);
    g_string_free(exporter.lines, TRUE);
    return good;
}
