/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_symbols.h"

#include <string.h>

#include <event-parse.h>
#include <trace-seq.h>

#include "../trace/map.h"

struct kernel_symbols {
    struct tep_handle *formats;
    trace_names *names;
    struct trace_map sites; /* address -> name */
    struct trace_map flags; /* value -> name */
    gboolean known;
};

kernel_symbols *kernel_symbols_new(struct tep_handle *formats, const char *functions,
                                   trace_names *names)
{
    kernel_symbols *symbols = g_new0(kernel_symbols, 1);
    symbols->formats = formats;
    symbols->names = names;
    symbols->known = functions != NULL && tep_parse_kallsyms(formats, functions) == 0;
    trace_map_init(&symbols->sites);
    trace_map_init(&symbols->flags);
    return symbols;
}

guint32 kernel_symbols_site(kernel_symbols *symbols, guint64 address)
{
    const guint32 *known = trace_map_find(&symbols->sites, address);
    char text[256];
    if (known != NULL) {
        return *known;
    }
    const char *function = symbols->known ? tep_find_function(symbols->formats, address) : NULL;
    int length =
        function != NULL
            ? g_snprintf(text, sizeof text, "%s+0x%" G_GINT64_MODIFIER "x", function,
                         address - (guint64)tep_find_function_address(symbols->formats, address))
            : g_snprintf(text, sizeof text, "0x%" G_GINT64_MODIFIER "x", address);
    guint32 name = trace_names_intern(symbols->names, text, MIN((gsize)length, sizeof text - 1));
    trace_map_insert(&symbols->sites, address, name);
    return name;
}

/* The event's text has them as "gfp_flags=A|B". */
static guint32 print_flags(kernel_symbols *symbols, guint64 flags, struct tep_event *event,
                           struct tep_record *record)
{
    struct trace_seq text;
    char number[32];
    guint32 name;
    trace_seq_init(&text);
    tep_print_event(event->tep, &text, record, "%s", TEP_PRINT_INFO);
    trace_seq_terminate(&text);
    const char *found = text.state == TRACE_SEQ__GOOD ? strstr(text.buffer, "gfp_flags=") : NULL;
    if (found != NULL) {
        found += strlen("gfp_flags=");
        name = trace_names_intern(symbols->names, found, strcspn(found, " "));
    } else {
        int length = g_snprintf(number, sizeof number, "0x%" G_GINT64_MODIFIER "x", flags);
        name = trace_names_intern(symbols->names, number, (gsize)length);
    }
    trace_seq_destroy(&text);
    return name;
}

guint32 kernel_symbols_gfp(kernel_symbols *symbols, guint64 flags, struct tep_event *event,
                           struct tep_record *record)
{
    const guint32 *known = trace_map_find(&symbols->flags, flags);
    if (known != NULL) {
        return *known;
    }
    guint32 name = print_flags(symbols, flags, event, record);
    trace_map_insert(&symbols->flags, flags, name);
    return name;
}

guint32 kernel_symbols_cache(kernel_symbols *symbols, const char *name, gsize bytes)
{
    return trace_names_intern(symbols->names, name, strnlen(name, bytes));
}

gboolean kernel_symbols_known(const kernel_symbols *symbols)
{
    return symbols->known;
}

void kernel_symbols_free(kernel_symbols *symbols)
{
    trace_map_destroy(&symbols->sites);
    trace_map_destroy(&symbols->flags);
    g_free(symbols);
}
