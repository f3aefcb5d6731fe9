/* SPDX-License-Identifier: Apache-2.0 */
#include "pins.h"

#include <stdlib.h>
#include <string.h>

/* Pages whose live objects pin something, and what each of these answers for. */
struct pinned {
    guintptr start, end;
    guint64 given;
    double slab_bytes, block_bytes;
    guint8 slab;
};

/* A live object that pins something. */
struct pin {
    guint64 given;
    guint32 cache, site, thread;
    guint16 cpu;
    guint8 slab;
    guint64 requested, born;
    double slab_bytes, block_bytes;
};

/* A naturally aligned block. */
struct block {
    guint64 used; /* pages */
};

struct search {
    const struct replay_execution *execution;
    const struct objects *objects;
    const struct replay_snapshot *snapshot;
    struct pins *pins;
    struct block *block[REPLAY_MAX_SECTIONS]; /* by section, from its first whole block on */
    gsize blocks[REPLAY_MAX_SECTIONS];
    GArray *pinned; /* struct pinned */
    GArray *pin;    /* struct pin */
    double owned;   /* bytes of blocks that live objects answer for */
};

static guint64 block_size(const struct search *search)
{
    return search->snapshot->page_size << PINS_ORDER;
}

/* The block at an address, its bytes before the first whole one left out; NULL: none, or one that
 * reaches out of its section. */
static struct block *block_at(const struct search *search, guintptr address)
{
    const struct replay_snapshot *snapshot = search->snapshot;
    for (guint i = 0; i < snapshot->sections; i++) {
        guintptr start = (guintptr)snapshot->section[i].start;
        guint64 bytes = snapshot->section[i].pages * snapshot->page_size;
        if (address < start || address - start >= bytes)
            continue;
        guint64 size = block_size(search);
        guint64 first = (start + size - 1) / size, number = address / size;
        return number < first || number - first >= search->blocks[i]
                   ? NULL
                   : &search->block[i][number - first];
    }
    return NULL;
}

static void make_blocks(struct search *search)
{
    const struct replay_snapshot *snapshot = search->snapshot;
    guint64 size = block_size(search);
    for (guint i = 0; i < snapshot->sections; i++) {
        guintptr start = (guintptr)snapshot->section[i].start;
        guint64 first = (start + size - 1) / size;
        guint64 end = (start + snapshot->section[i].pages * snapshot->page_size) / size;
        search->blocks[i] = end > first ? end - first : 0;
        search->block[i] = g_new0(struct block, MAX(search->blocks[i], 1));
    }
}

/* Pages of a run that lie in the block of its page number at; there the next block begins. */
static guint64 pages_in_block(const struct search *search, const struct replay_page_run *run,
                              guint64 at)
{
    guint64 page = (guintptr)run->address / search->snapshot->page_size + at;
    guint64 rest = (G_GUINT64_CONSTANT(1) << PINS_ORDER) - (page & ((1u << PINS_ORDER) - 1));
    return MIN(rest, run->pages - at);
}

static guintptr page_address(const struct search *search, const struct replay_page_run *run,
                             guint64 at)
{
    return (guintptr)run->address + (guintptr)(at * search->snapshot->page_size);
}

static void count_run(gpointer data, const struct replay_page_run *run)
{
    struct search *search = data;
    for (guint64 at = 0; at < run->pages; at += pages_in_block(search, run, at)) {
        struct block *block = block_at(search, page_address(search, run, at));
        if (block != NULL)
            block->used += pages_in_block(search, run, at);
    }
}

static gboolean nearly_free(const struct block *block)
{
    return block->used > 0 && block->used * 4 <= 1u << PINS_ORDER;
}

/* Free bytes of nearly free blocks that a run answers for. */
static double answers_for(const struct search *search, const struct replay_page_run *run)
{
    double bytes = 0.0;
    for (guint64 at = 0; at < run->pages; at += pages_in_block(search, run, at)) {
        const struct block *block = block_at(search, page_address(search, run, at));
        if (block == NULL || !nearly_free(block))
            continue;
        guint64 free = (1u << PINS_ORDER) - block->used;
        bytes += (double)(free * search->snapshot->page_size) *
                 (double)pages_in_block(search, run, at) / (double)block->used;
    }
    return bytes;
}

static void find_pinned(gpointer data, const struct replay_page_run *run)
{
    struct search *search = data;
    gboolean slab = run->use == REPLAY_PAGE_SLAB;
    double block_bytes = answers_for(search, run), slab_bytes = 0.0;
    guint64 live = slab ? run->live : 1;
    if (slab && live > 0 && live * 4 <= run->objects) {
        slab_bytes = (double)((run->objects - live) * run->object_size);
        search->pins->slabs++;
        search->pins->slab_bytes += (guint64)slab_bytes;
    }
    if (live == 0 || (block_bytes == 0.0 && slab_bytes == 0.0) ||
        (!slab && run->use != REPLAY_PAGE_BLOCK))
        return;
    struct pinned pinned = {
        .start = (guintptr)run->address,
        .end = page_address(search, run, run->pages),
        .given = slab ? run->object_size : run->pages * search->snapshot->page_size,
        .slab_bytes = slab_bytes / (double)live,
        .block_bytes = block_bytes / (double)live,
        .slab = slab ? 1 : 0,
    };
    g_array_append_val(search->pinned, pinned);
}

static void add_pin(struct search *search, guint64 slot, const struct pinned *pages)
{
    const struct object_birth *birth = &search->objects->birth[slot];
    struct pin pin = {
        .given = pages->given,
        .cache = birth->cache,
        .site = birth->site,
        .thread = birth->thread,
        .cpu = birth->cpu,
        .slab = pages->slab,
        .requested = birth->size,
        .born = birth->event,
        .slab_bytes = pages->slab_bytes,
        .block_bytes = pages->block_bytes,
    };
    search->owned += pages->block_bytes;
    g_array_append_val(search->pin, pin);
}

#define COMPARE(x, y)                                                                              \
    if ((x) != (y))                                                                                \
        return (x) < (y) ? -1 : 1;

/* Pinned pages do not overlap: what lies in one is equal to it. */
static int by_address(gconstpointer a, gconstpointer b)
{
    const struct pinned *x = a, *y = b;
    if (x->start < y->end && y->start < x->end)
        return 0;
    return x->start < y->start ? -1 : 1;
}

/* Few pages pin something: they are sorted, and not the objects. */
static void find_pins(struct search *search)
{
    const struct replay_execution *execution = search->execution;
    g_array_sort(search->pinned, by_address);
    for (guint64 slot = 0; slot < execution->slots; slot++) {
        guintptr address = (guintptr)replay_object_address(execution, slot);
        struct pinned byte = {.start = address, .end = address + 1};
        guint at;
        if (address != 0 && g_array_binary_search(search->pinned, &byte, by_address, &at))
            add_pin(search, slot, &g_array_index(search->pinned, struct pinned, at));
    }
}

static int same_group(const struct pin *a, const struct pin *b)
{
    COMPARE(a->slab, b->slab)
    COMPARE(a->given, b->given)
    COMPARE(a->cache, b->cache)
    COMPARE(a->site, b->site)
    return 0;
}

static int by_group(gconstpointer a, gconstpointer b)
{
    const struct pin *x = a, *y = b;
    int order = same_group(x, y);
    if (order != 0)
        return order;
    COMPARE(x->thread, y->thread)
    COMPARE(x->born, y->born)
    return 0;
}

static int by_birth(gconstpointer a, gconstpointer b)
{
    const struct pin *x = a, *y = b;
    COMPARE(x->born, y->born)
    return 0;
}

/* Threads and CPUs of a group's pins, which lie by thread. */
static void count_owners(struct pin_group *group, const struct pin *pin, guint n)
{
    guint run = 0, most = 0;
    guint8 seen[(G_MAXUINT16 + 1u) / 8] = {0}; /* a bit for each CPU */
    for (guint i = 0; i < n; i++) {
        run = i > 0 && pin[i].thread == pin[i - 1].thread ? run + 1 : 1;
        group->threads += run == 1 ? 1 : 0;
        if (run > most) {
            most = run;
            group->thread = pin[i].thread;
        }
        guint8 bit = (guint8)(1u << pin[i].cpu % 8);
        group->cpus += (seen[pin[i].cpu / 8] & bit) == 0 ? 1 : 0;
        seen[pin[i].cpu / 8] |= bit;
    }
}

static struct pin_group make_group(struct pin *pin, guint n, guint64 now)
{
    struct pin_group group = {
        .given = pin->given, .slab = pin->slab, .cache = pin->cache, .site = pin->site, .count = n};
    double slab_bytes = 0.0, block_bytes = 0.0;
    count_owners(&group, pin, n);
    for (guint i = 0; i < n; i++) {
        group.requested += pin[i].requested;
        slab_bytes += pin[i].slab_bytes;
        block_bytes += pin[i].block_bytes;
    }
    group.slab_bytes = (guint64)(slab_bytes + 0.5);
    group.block_bytes = (guint64)(block_bytes + 0.5);
    qsort(pin, n, sizeof(pin[0]), by_birth);
    group.oldest = pin[0].born;
    group.youngest = pin[n - 1].born;
    group.median_age = now - pin[n / 2].born;
    return group;
}

static guint64 weight(const struct pin_group *group)
{
    return MAX(group->slab_bytes, group->block_bytes);
}

static int by_weight(const void *a, const void *b)
{
    const struct pin_group *x = a, *y = b;
    COMPARE(weight(y), weight(x))
    COMPARE(x->given, y->given)
    COMPARE(x->oldest, y->oldest)
    return 0;
}

static void make_groups(struct search *search)
{
    GArray *groups = g_array_new(FALSE, FALSE, sizeof(struct pin_group));
    struct pin *pin = (struct pin *)(void *)search->pin->data;
    g_array_sort(search->pin, by_group);
    for (guint from = 0, to; from < search->pin->len; from = to) {
        for (to = from + 1; to < search->pin->len && same_group(&pin[to], &pin[from]) == 0; to++)
            ;
        struct pin_group group = make_group(&pin[from], to - from, search->execution->events);
        g_array_append_val(groups, group);
    }
    g_array_sort(groups, by_weight);
    search->pins->groups = MIN(groups->len, PINS_KEPT);
    search->pins->group = g_memdup2(groups->data, search->pins->groups * sizeof(struct pin_group));
    g_array_free(groups, TRUE);
}

static void count_blocks(struct search *search)
{
    for (guint i = 0; i < search->snapshot->sections; i++) {
        for (gsize k = 0; k < search->blocks[i]; k++) {
            const struct block *block = &search->block[i][k];
            if (!nearly_free(block))
                continue;
            search->pins->blocks++;
            search->pins->block_bytes +=
                ((1u << PINS_ORDER) - block->used) * search->snapshot->page_size;
        }
    }
}

void pins_take(struct pins *pins, const struct replay_execution *execution,
               const struct objects *objects, const struct replay_snapshot *snapshot)
{
    struct replay_backend *backend = execution->backend;
    struct search search = {
        .execution = execution, .objects = objects, .snapshot = snapshot, .pins = pins};
    pins_clear(pins);
    if (backend->ops->walk_pages == NULL)
        return;
    pins->taken = TRUE;
    pins->event = execution->events;
    search.pinned = g_array_new(FALSE, FALSE, sizeof(struct pinned));
    search.pin = g_array_new(FALSE, FALSE, sizeof(struct pin));
    make_blocks(&search);
    backend->ops->walk_pages(backend, count_run, &search);
    count_blocks(&search);
    backend->ops->walk_pages(backend, find_pinned, &search);
    find_pins(&search);
    pins->idle_bytes = pins->block_bytes - MIN(pins->block_bytes, (guint64)(search.owned + 0.5));
    make_groups(&search);
    for (guint i = 0; i < snapshot->sections; i++)
        g_free(search.block[i]);
    g_array_free(search.pinned, TRUE);
    g_array_free(search.pin, TRUE);
}

void pins_clear(struct pins *pins)
{
    g_free(pins->group);
    *pins = (struct pins){.taken = FALSE};
}
