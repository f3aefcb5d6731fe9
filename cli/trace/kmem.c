/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields are found by their key, not by their place: kernels have added, moved
 * and dropped some. A value ends at a space; what follows without '=' (a
 * module's "[name]", the symbol in parentheses) is passed over, or belongs to
 * the name of a cache, the only value that may hold a space.
 */
#include "kmem.h"

#include "import.h"
#include "scan.h"

/* kmalloc(0) yields this address, and kfree takes it as it takes NULL. */
#define ZERO_SIZE_POINTER 16u
#define ORDER_MAX 30u

struct event_name {
    const char *name;
    enum trace_kmem_event event;
};

/* Those of today first: they are looked for in this order. */
static const struct event_name event_names[] = {
    {"kfree", TRACE_KMEM_FREE},
    {"kmalloc", TRACE_KMEM_ALLOC},
    {"kmem_cache_alloc", TRACE_KMEM_ALLOC},
    {"kmem_cache_free", TRACE_KMEM_FREE},
    {"mm_page_alloc", TRACE_KMEM_PAGE_ALLOC},
    {"mm_page_free", TRACE_KMEM_PAGE_FREE},
    {"mm_page_free_batched", TRACE_KMEM_PAGE_REPEAT},
    /* kernels before 6.1 */
    {"kmalloc_node", TRACE_KMEM_ALLOC},
    {"kmem_cache_alloc_node", TRACE_KMEM_ALLOC},
    /* kernels before 3.3 */
    {"mm_page_free_direct", TRACE_KMEM_PAGE_FREE},
    {"mm_pagevec_free", TRACE_KMEM_PAGE_REPEAT},
};

enum trace_kmem_event trace_kmem_event(const char *name, gsize length)
{
    const char *end = name + length;
    if (TRACE_BEGINS(name, end, "kmem:")) {
        name += 5;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(event_names); i++) {
        const char *known = event_names[i].name;
        if (trace_is_word(name, end, known, strlen(known))) {
            return event_names[i].event;
        }
    }
    return TRACE_KMEM_OTHER;
}

enum field {
    FIELD_POINTER = 1u << 0,
    FIELD_FRAME = 1u << 1,
    FIELD_REQUESTED = 1u << 2,
    FIELD_GIVEN = 1u << 3,
    FIELD_ORDER = 1u << 4,
    FIELD_MIGRATETYPE = 1u << 5,
    FIELD_NODE = 1u << 6,
    FIELD_BAD = 1u << 7
};

struct fields {
    unsigned found; /* enum field */
    guint64 pointer, frame, requested, given, order, migratetype, node;
};

static void set(struct fields *fields, enum field field, gboolean good)
{
    fields->found |= good ? field : FIELD_BAD;
}

static const char *token_end(const char *text, const char *end)
{
    const char *space = memchr(text, ' ', (gsize)(end - text));
    return space != NULL ? space : end;
}

/* The name of a cache goes on over words without '='. */
static const char *name_end(const char *stop, const char *end)
{
    while (stop < end) {
        const char *word = stop + 1;
        const char *word_end = token_end(word, end);
        if (word == word_end || memchr(word, '=', (gsize)(word_end - word)) != NULL) {
            break;
        }
        stop = word_end;
    }
    return stop;
}

/* Takes key=value; value ends at stop, which is moved where the value goes on behind it. */
static void take(struct fields *fields, struct trace_record *record, trace_names *names,
                 const char *key, const char *value, const char **stop, const char *end)
{
    const char *equals = value - 1;
    if (TRACE_IS(key, equals, "ptr")) {
        set(fields, FIELD_POINTER, trace_scan_pointer(value, *stop, &fields->pointer));
    } else if (TRACE_IS(key, equals, "call_site")) {
        record->site = trace_names_intern(names, value, (gsize)(*stop - value));
    } else if (TRACE_IS(key, equals, "name")) {
        *stop = name_end(*stop, end);
        record->cache = trace_names_intern(names, value, (gsize)(*stop - value));
    } else if (TRACE_IS(key, equals, "bytes_req")) {
        set(fields, FIELD_REQUESTED, trace_scan_number(value, *stop, &fields->requested));
    } else if (TRACE_IS(key, equals, "bytes_alloc")) {
        set(fields, FIELD_GIVEN, trace_scan_number(value, *stop, &fields->given));
    } else if (TRACE_IS(key, equals, "pfn")) {
        set(fields, FIELD_FRAME, trace_scan_number(value, *stop, &fields->frame));
    } else if (TRACE_IS(key, equals, "order")) {
        set(fields, FIELD_ORDER, trace_scan_number(value, *stop, &fields->order));
    } else if (TRACE_IS(key, equals, "migratetype")) {
        set(fields, FIELD_MIGRATETYPE, trace_scan_number(value, *stop, &fields->migratetype));
    } else if (TRACE_IS(key, equals, "gfp_flags")) {
        record->gfp = trace_names_intern(names, value, (gsize)(*stop - value));
    } else if (TRACE_IS(key, equals, "node")) {
        set(fields, FIELD_NODE, trace_scan_number(value, *stop, &fields->node));
    }
}

static void scan(struct fields *fields, struct trace_record *record, trace_names *names,
                 const char *text, const char *end)
{
    while (text < end) {
        if (*text == ' ') {
            text++;
            continue;
        }
        const char *stop = token_end(text, end);
        const char *equals = memchr(text, '=', (gsize)(stop - text));
        if (equals != NULL) {
            take(fields, record, names, text, equals + 1, &stop, end);
        }
        text = stop;
    }
}

static gboolean has(const struct fields *fields, unsigned needed)
{
    return (fields->found & FIELD_BAD) == 0 && (fields->found & needed) == needed;
}

enum trace_kmem_result trace_kmem_check(const struct trace_record *record)
{
    gboolean alloc = trace_kind_is_alloc(record->kind);
    guint64 frame = record->address;
    if (record->size > TRACE_SIZE_MAX || record->order > ORDER_MAX) {
        return TRACE_KMEM_BAD;
    }
    if (!trace_kind_is_page(record->kind) && record->address <= ZERO_SIZE_POINTER) {
        return alloc ? TRACE_KMEM_FAILED : TRACE_KMEM_NULL;
    }
    if (record->kind == TRACE_PAGE_ALLOC &&
        (frame == 0 || frame == G_MAXUINT64 || frame == G_MAXUINT32)) {
        return TRACE_KMEM_FAILED;
    }
    return TRACE_KMEM_RECORD;
}

static enum trace_kmem_result
object_record(enum trace_kmem_event event, const struct fields *fields, struct trace_record *record)
{
    gboolean alloc = event == TRACE_KMEM_ALLOC;
    if (!has(fields, alloc ? FIELD_POINTER | FIELD_REQUESTED : FIELD_POINTER)) {
        return TRACE_KMEM_BAD;
    }
    record->kind = alloc ? TRACE_ALLOC : TRACE_FREE;
    record->size = fields->requested;
    record->address = fields->pointer;
    record->given = fields->given;
    if ((fields->found & FIELD_NODE) != 0 && fields->node < TRACE_NO_NODE) {
        record->node = (guint16)fields->node;
    }
    return trace_kmem_check(record);
}

static enum trace_kmem_result page_record(enum trace_kmem_event event, const struct fields *fields,
                                          struct trace_record *record)
{
    if (!has(fields, FIELD_FRAME | FIELD_ORDER)) {
        return TRACE_KMEM_BAD;
    }
    record->kind = event == TRACE_KMEM_PAGE_ALLOC ? TRACE_PAGE_ALLOC : TRACE_PAGE_FREE;
    record->address = fields->frame;
    record->order = (guint8)MIN(fields->order, G_MAXUINT8);
    if ((fields->found & FIELD_MIGRATETYPE) != 0 && fields->migratetype < TRACE_NO_MIGRATETYPE) {
        record->migratetype = (guint8)fields->migratetype;
    }
    return trace_kmem_check(record);
}

enum trace_kmem_result trace_kmem_fields(enum trace_kmem_event event, const char *text,
                                         const char *end, trace_names *names,
                                         struct trace_record *record)
{
    struct fields fields = {0};
    scan(&fields, record, names, text, end);
    if (event == TRACE_KMEM_PAGE_ALLOC || event == TRACE_KMEM_PAGE_FREE) {
        return page_record(event, &fields, record);
    }
    return object_record(event, &fields, record);
}
