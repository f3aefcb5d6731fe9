/* SPDX-License-Identifier: Apache-2.0 */
#include "caches.h"

#include <string.h>

#include <buddyslab.h>

#include "interrupt.h"
#include "jobs.h"

G_STATIC_ASSERT(REPLAY_MAX_CACHES <= BSA_MAX_CACHES);

enum place { IN_CACHE, IN_CLASSES, IN_PAGES };

/* What a name stands for with one size and alignment. */
struct kind {
    struct replay_cache cache; /* the key: its size, align and name */
    enum place place;
    guint64 objects;
    guint order; /* of its first object among all kinds */
};

struct search {
    GHashTable *kinds; /* struct kind, by itself */
    struct replay_caches *found;
};

static guint kind_hash(gconstpointer data)
{
    const struct kind *kind = data;
    guint64 key = kind->cache.size * 31 + kind->cache.align * 7 + kind->cache.name;
    return (guint)((key * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)) >> 32);
}

static gboolean kind_equal(gconstpointer a, gconstpointer b)
{
    const struct replay_cache *x = &((const struct kind *)a)->cache;
    const struct replay_cache *y = &((const struct kind *)b)->cache;
    return x->size == y->size && x->align == y->align && x->name == y->name;
}

/* kmalloc has a cache for each of its size classes, "kmalloc-64", and more than one set of them. */
static gboolean is_kmalloc(const char *name)
{
    return g_str_has_prefix(name, "kmalloc-") || g_str_has_prefix(name, "dma-kmalloc-");
}

static enum place place_of(const struct kind *kind, const char *name)
{
    guint64 align = MAX(kind->cache.align, 8);
    if (kind->cache.size == 0 || is_kmalloc(name))
        return IN_CLASSES;
    if (align > BSA_MAX_CACHE_OBJECT || kind->cache.size > BSA_MAX_CACHE_OBJECT)
        return IN_PAGES;
    guint64 size = (kind->cache.size + align - 1) & ~(align - 1);
    return size > BSA_MAX_CACHE_OBJECT ? IN_PAGES : IN_CACHE;
}

static struct kind *kind_of(struct search *search, const trace_reader *reader,
                            const struct trace_event *event)
{
    struct kind key = {
        .cache = {.size = replay_cache_size(event), .align = event->align, .name = event->cache}};
    struct kind *kind = g_hash_table_lookup(search->kinds, &key);
    if (kind != NULL)
        return kind;
    const char *name = trace_name(reader, event->cache);
    kind = g_memdup2(&key, sizeof(key));
    kind->order = g_hash_table_size(search->kinds);
    kind->place = place_of(kind, name);
    g_strlcpy(kind->cache.text, name, sizeof(kind->cache.text));
    g_hash_table_add(search->kinds, kind);
    return kind;
}

static void note(struct search *search, const trace_reader *reader, const struct trace_event *event)
{
    if ((event->flags & TRACE_FAILED) != 0 || !trace_kind_is_alloc(event->kind) ||
        trace_kind_is_page(event->kind))
        return;
    struct kind *kind = event->cache == TRACE_NO_NAME ? NULL : kind_of(search, reader, event);
    if (kind == NULL || kind->place == IN_CLASSES) {
        search->found->unnamed++;
        return;
    }
    search->found->objects++;
    search->found->too_large += kind->place == IN_PAGES ? 1 : 0;
    kind->objects++;
}

static int by_objects(gconstpointer a, gconstpointer b)
{
    const struct kind *x = *(struct kind *const *)a, *y = *(struct kind *const *)b;
    if (x->objects != y->objects)
        return x->objects < y->objects ? 1 : -1;
    return x->order < y->order ? -1 : 1;
}

static int by_order(gconstpointer a, gconstpointer b)
{
    const struct kind *x = *(struct kind *const *)a, *y = *(struct kind *const *)b;
    return x->order < y->order ? -1 : 1;
}

/* Where there are too many, those that most objects are asked of. */
static void choose(struct search *search)
{
    GPtrArray *kinds = g_ptr_array_new();
    GHashTableIter each;
    gpointer kind;
    g_hash_table_iter_init(&each, search->kinds);
    while (g_hash_table_iter_next(&each, &kind, NULL)) {
        if (((struct kind *)kind)->place == IN_CACHE)
            g_ptr_array_add(kinds, kind);
    }
    g_ptr_array_sort(kinds, by_objects);
    for (guint i = REPLAY_MAX_CACHES; i < kinds->len; i++)
        search->found->too_many += ((struct kind *)g_ptr_array_index(kinds, i))->objects;
    g_ptr_array_set_size(kinds, (gint)MIN(kinds->len, REPLAY_MAX_CACHES));
    g_ptr_array_sort(kinds, by_order);
    for (guint i = 0; i < kinds->len; i++)
        search->found->cache[i] = ((struct kind *)g_ptr_array_index(kinds, i))->cache;
    search->found->count = kinds->len;
    g_ptr_array_free(kinds, TRUE);
}

static gboolean read_all(gconstpointer data, guint index, gpointer result, GError **error)
{
    trace_reader *reader = *(trace_reader *const *)data;
    struct search search = {.found = result};
    const struct trace_event *events;
    guint32 count;
    int more = 0;
    (void)index;
    search.kinds = g_hash_table_new_full(kind_hash, kind_equal, NULL, g_free);
    while (!replay_interrupted() &&
           (more = trace_next_events(reader, &events, &count, error)) == 1) {
        for (guint32 i = 0; i < count; i++)
            note(&search, reader, &events[i]);
    }
    choose(&search);
    g_hash_table_destroy(search.kinds);
    return more >= 0;
}

/* Caches of one name hang together, the first one first. */
static void index_names(struct replay_caches *caches)
{
    for (guint i = 0; i < caches->count; i++)
        caches->names = MAX(caches->names, caches->cache[i].name + 1);
    caches->first = g_new0(guint16, MAX(caches->names, 1));
    for (guint i = caches->count; i-- > 0;) {
        struct replay_cache *cache = &caches->cache[i];
        cache->next = caches->first[cache->name];
        caches->first[cache->name] = (guint16)(i + 1);
    }
}

gboolean replay_caches_find(struct replay_caches *caches, trace_reader *reader, GError **error)
{
    memset(caches, 0, sizeof(*caches));
    if (!replay_jobs_run(read_all, &reader, 1, caches, sizeof(*caches), error))
        return FALSE;
    index_names(caches);
    return TRUE;
}

void replay_caches_clear(struct replay_caches *caches)
{
    g_free(caches->first);
    caches->first = NULL;
    caches->names = 0;
    caches->count = 0;
}
