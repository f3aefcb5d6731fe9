/* SPDX-License-Identifier: Apache-2.0 */
#include "prelude.h"

#include <string.h>

#include "map.h"
#include "random.h"

#define SAMPLE 1024u    /* allocations of which one is drawn */
#define SIZE_AT_LEAST 8 /* of objects of a trace that has no allocation at all */
#define NAME "before the trace"

/* What is known of an object's size, and how sure: Boyer and Moore's majority vote. */
struct evidence {
    guint64 size, given, align;
    guint32 cache;
    guint32 votes; /* of those heard, above the others'; 0: nobody spoke, or they are even */
    gboolean heard;
};

struct orphan {
    struct trace_record record;
    enum trace_prelude_rule rule;
};

struct trace_prelude {
    guint64 random, page_size;
    gboolean pages, settled;
    GArray *orphans;                          /* struct orphan */
    GArray *evidence;                         /* struct evidence */
    struct trace_map by[TRACE_PRELUDE_RULES]; /* key of an orphan -> evidence */
    struct evidence sample[SAMPLE];
    guint64 allocs; /* that the sample is of */
    guint32 *order; /* slots */
    guint32 next;   /* orphan */
    guint64 count[TRACE_PRELUDE_RULES];
};

static const char *const rule_names[] = {"told", "address", "cache", "page", "site", "drawn"};
G_STATIC_ASSERT(G_N_ELEMENTS(rule_names) == TRACE_PRELUDE_RULES);

const char *trace_prelude_rule_name(enum trace_prelude_rule rule)
{
    return rule_names[rule];
}

trace_prelude *trace_prelude_new(guint64 seed, guint64 page_size, gboolean pages)
{
    trace_prelude *prelude = g_new0(trace_prelude, 1);
    prelude->random = seed;
    prelude->page_size = page_size;
    prelude->pages = pages;
    prelude->orphans = g_array_new(FALSE, FALSE, sizeof(struct orphan));
    prelude->evidence = g_array_new(FALSE, TRUE, sizeof(struct evidence));
    for (guint rule = 0; rule < TRACE_PRELUDE_RULES; rule++) {
        trace_map_init(&prelude->by[rule]);
    }
    return prelude;
}

void trace_prelude_free(trace_prelude *prelude)
{
    if (prelude == NULL) {
        return;
    }
    for (guint rule = 0; rule < TRACE_PRELUDE_RULES; rule++) {
        trace_map_destroy(&prelude->by[rule]);
    }
    g_array_free(prelude->orphans, TRUE);
    g_array_free(prelude->evidence, TRUE);
    g_free(prelude->order);
    g_free(prelude);
}

guint32 trace_prelude_orphan(trace_prelude *prelude, const struct trace_record *record)
{
    struct orphan orphan = {*record, TRACE_PRELUDE_DRAWN};
    if (prelude->settled) {
        return prelude->next < prelude->orphans->len ? prelude->next++ : TRACE_NO_SLOT;
    }
    g_array_append_val(prelude->orphans, orphan);
    return TRACE_NO_SLOT;
}

static gboolean is_told(const struct trace_record *record)
{
    return trace_kind_is_page(record->kind) || record->size > 0;
}

/* By what a rule knows an object; FALSE: not at all. */
static gboolean key_of(const trace_prelude *prelude, enum trace_prelude_rule rule, guint64 address,
                       guint32 cache, guint32 site, guint64 *key)
{
    switch (rule) {
    case TRACE_PRELUDE_ADDRESS:
        *key = address;
        return TRUE;
    case TRACE_PRELUDE_CACHE:
        *key = cache;
        return cache != TRACE_NO_NAME;
    case TRACE_PRELUDE_PAGE:
        *key = address / prelude->page_size;
        return prelude->pages;
    case TRACE_PRELUDE_SITE:
        *key = site;
        return site != TRACE_NO_NAME;
    case TRACE_PRELUDE_TOLD:
    case TRACE_PRELUDE_DRAWN:
        break;
    }
    return FALSE;
}

void trace_prelude_begin_learning(trace_prelude *prelude)
{
    for (guint i = 0; i < prelude->orphans->len; i++) {
        const struct trace_record *record =
            &g_array_index(prelude->orphans, struct orphan, i).record;
        for (guint rule = 0; rule < TRACE_PRELUDE_RULES && !is_told(record); rule++) {
            guint64 key;
            if (!key_of(prelude, rule, record->address, record->cache, record->site, &key) ||
                trace_map_find(&prelude->by[rule], key) != NULL) {
                continue;
            }
            trace_map_insert(&prelude->by[rule], key, prelude->evidence->len);
            g_array_set_size(prelude->evidence, prelude->evidence->len + 1);
        }
    }
}

static void hear(struct evidence *evidence, const struct evidence *said)
{
    gboolean same = evidence->size == said->size && evidence->given == said->given &&
                    evidence->align == said->align && evidence->cache == said->cache;
    if (evidence->votes == 0) {
        *evidence = *said;
        evidence->votes = 1;
        evidence->heard = TRUE;
    } else {
        evidence->votes += same ? 1 : G_MAXUINT32; /* one less */
    }
}

static void learn(trace_prelude *prelude, const struct trace_event *event,
                  enum trace_prelude_rule rule, const struct evidence *said)
{
    guint64 key;
    if (!key_of(prelude, rule, event->address, event->cache, event->site, &key)) {
        return;
    }
    const guint32 *at = trace_map_find(&prelude->by[rule], key);
    if (at != NULL) {
        hear(&g_array_index(prelude->evidence, struct evidence, *at), said);
    }
}

/* Vitter's algorithm R. */
static void take_sample(trace_prelude *prelude, const struct evidence *said)
{
    guint64 place = prelude->allocs++;
    if (place >= SAMPLE) {
        place = trace_random_below(&prelude->random, prelude->allocs);
    }
    if (place < SAMPLE) {
        prelude->sample[place] = *said;
    }
}

void trace_prelude_learn(trace_prelude *prelude, const struct trace_event *event)
{
    struct evidence said = {event->size, event->given, event->align, event->cache, 0, FALSE};
    if ((event->flags & (TRACE_FAILED | TRACE_IMPLICIT)) != 0) {
        return;
    }
    if (event->kind == TRACE_FREE) {
        said = (struct evidence){.size = event->size}; /* the rest is of the free */
        learn(prelude, event, TRACE_PRELUDE_SITE, &said);
    } else if (event->kind <= TRACE_ALIGNED_ALLOC) {
        learn(prelude, event, TRACE_PRELUDE_ADDRESS, &said);
        learn(prelude, event, TRACE_PRELUDE_CACHE, &said);
        learn(prelude, event, TRACE_PRELUDE_PAGE, &said);
        take_sample(prelude, &said);
    }
}

static struct evidence find(trace_prelude *prelude, struct orphan *orphan)
{
    const struct trace_record *record = &orphan->record;
    for (guint rule = TRACE_PRELUDE_ADDRESS; rule < TRACE_PRELUDE_DRAWN; rule++) {
        guint64 key;
        if (!key_of(prelude, rule, record->address, record->cache, record->site, &key)) {
            continue;
        }
        guint32 at = *trace_map_find(&prelude->by[rule], key);
        if (g_array_index(prelude->evidence, struct evidence, at).heard) {
            orphan->rule = rule;
            return g_array_index(prelude->evidence, struct evidence, at);
        }
    }
    orphan->rule = TRACE_PRELUDE_DRAWN;
    if (prelude->allocs == 0) {
        return (struct evidence){.size = SIZE_AT_LEAST};
    }
    return prelude->sample[trace_random_below(&prelude->random, MIN(prelude->allocs, SAMPLE))];
}

/* The record of the free becomes that of the allocation. */
static void settle(trace_prelude *prelude, struct orphan *orphan, guint32 site)
{
    struct trace_record *record = &orphan->record;
    if (is_told(record)) {
        orphan->rule = TRACE_PRELUDE_TOLD;
        record->size =
            trace_kind_is_page(record->kind) ? prelude->page_size << record->order : record->size;
        record->given = trace_kind_is_page(record->kind) ? record->size : record->given;
    } else {
        struct evidence evidence = find(prelude, orphan);
        record->size = evidence.size;
        record->given = evidence.given;
        record->align = evidence.align;
        record->cache = record->cache != TRACE_NO_NAME ? record->cache : evidence.cache;
    }
    record->kind = trace_kind_is_page(record->kind) ? TRACE_PAGE_ALLOC : TRACE_ALLOC;
    record->flags = TRACE_PRELUDE;
    record->gfp = TRACE_NO_NAME;
    record->site = site;
    record->time_ns = 0;
    record->line = 0;
    prelude->count[orphan->rule]++;
}

/* Fisher and Yates. */
static void shuffle(trace_prelude *prelude)
{
    guint count = prelude->orphans->len;
    prelude->order = g_new(guint32, count);
    for (guint i = 0; i < count; i++) {
        guint j = (guint)trace_random_below(&prelude->random, (guint64)i + 1);
        prelude->order[i] = prelude->order[j];
        prelude->order[j] = i;
    }
}

void trace_prelude_settle(trace_prelude *prelude, trace_names *names)
{
    guint32 site = trace_names_intern(names, NAME, strlen(NAME));
    for (guint i = 0; i < prelude->orphans->len; i++) {
        settle(prelude, &g_array_index(prelude->orphans, struct orphan, i), site);
    }
    shuffle(prelude);
    prelude->settled = TRUE;
}

guint trace_prelude_count(const trace_prelude *prelude)
{
    return prelude->settled ? prelude->orphans->len : 0;
}

void trace_prelude_restart(trace_prelude *prelude)
{
    prelude->next = 0;
}

struct trace_event trace_prelude_event(const trace_prelude *prelude, guint32 slot)
{
    struct trace_event event =
        trace_event_of(&g_array_index(prelude->orphans, struct orphan, slot).record);
    event.slot = slot;
    return event;
}

guint32 trace_prelude_slot(const trace_prelude *prelude, guint place)
{
    return prelude->order[place];
}

guint64 trace_prelude_by_rule(const trace_prelude *prelude, enum trace_prelude_rule rule)
{
    return prelude->count[rule];
}
