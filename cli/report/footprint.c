/* SPDX-License-Identifier: Apache-2.0 */
#include "footprint.h"

/* Neighbouring pages. Memory is 16 bytes a page, and that only where something has been. */
struct group {
    guint64 number;
    guint64 seen; /* a bit for each page */
    guint64 used;
    guint32 users[FOOTPRINT_KINDS][ALIGNED_GROUP]; /* what is alive on each page */
    guint32 bytes[ALIGNED_GROUP];                  /* and takes of it, slabs left out */
};

/* Pages, relative to the window's first. */
struct window {
    guint32 low, high;
};

void footprint_init(struct footprint *footprint, guint64 page_size)
{
    *footprint = (struct footprint){.page_size = page_size};
    trace_map_init(&footprint->index);
    trace_map_init(&footprint->window_index);
    aligned_init(&footprint->free);
    aligned_init(&footprint->all);
    footprint->groups = g_ptr_array_new_with_free_func(g_free);
    footprint->windows = g_array_new(FALSE, FALSE, sizeof(struct window));
}

void footprint_clear(struct footprint *footprint)
{
    if (footprint->groups == NULL)
        return;
    trace_map_destroy(&footprint->index);
    trace_map_destroy(&footprint->window_index);
    aligned_clear(&footprint->free);
    aligned_clear(&footprint->all);
    g_ptr_array_free(footprint->groups, TRUE);
    g_array_free(footprint->windows, TRUE);
    footprint->groups = NULL;
}

static struct group *find_group(struct footprint *footprint, guint64 number)
{
    const guint32 *place = trace_map_find(&footprint->index, number);
    if (place != NULL)
        return g_ptr_array_index(footprint->groups, *place);
    struct group *group = g_new0(struct group, 1);
    group->number = number;
    trace_map_insert(&footprint->index, number, footprint->groups->len);
    g_ptr_array_add(footprint->groups, group);
    return group;
}

/* What the page holds; FOOTPRINT_KINDS: nothing. */
static enum footprint_kind kind_of(const struct group *group, guint page)
{
    for (guint kind = 0; kind < FOOTPRINT_KINDS; kind++) {
        if (group->users[kind][page] > 0)
            return (enum footprint_kind)kind;
    }
    return FOOTPRINT_KINDS;
}

/* Counts the page as what it is, or (add is FALSE) no longer so. */
static void count_page(struct footprint *footprint, const struct group *group, guint page,
                       gboolean add)
{
    enum footprint_kind kind = kind_of(group, page);
    if (kind == FOOTPRINT_KINDS)
        return;
    /* Objects whose ends were lost overlap others: a page has no more than itself to give. */
    guint64 taken = MIN(group->bytes[page], footprint->page_size);
    guint64 free_bytes = footprint->page_size - taken;
    footprint->pages[kind] += add ? 1 : (guint64)-1;
    footprint->free_bytes[kind] += add ? free_bytes : 0 - free_bytes;
}

/* An end that is told twice, or of what never began, cannot be: slots say what is alive. */
static void change_page(struct footprint *footprint, struct group *group, guint page,
                        enum footprint_kind kind, guint32 bytes, gboolean add)
{
    guint64 bit = (guint64)1 << page;
    count_page(footprint, group, page, FALSE);
    group->users[kind][page] += add ? 1 : (guint32)-1;
    if (kind != FOOTPRINT_SLAB)
        group->bytes[page] += add ? bytes : 0 - bytes;
    count_page(footprint, group, page, TRUE);
    if (kind_of(group, page) != FOOTPRINT_KINDS)
        group->used |= bit;
    else
        group->used &= ~bit;
    if ((group->seen & bit) == 0)
        footprint->seen++;
    group->seen |= bit;
}

/* The part of a thing that lies in one group: bytes from first to last, both counted within it. */
static void change_group(struct footprint *footprint, guint64 number, enum footprint_kind kind,
                         guint64 first, guint64 last, gboolean add)
{
    struct group *group = find_group(footprint, number);
    guint64 page_size = footprint->page_size;
    guint64 seen = group->seen, free_before = group->seen & ~group->used;
    for (guint64 page = first / page_size; page <= last / page_size; page++) {
        guint64 from = MAX(first, page * page_size);
        guint64 to = MIN(last, page * page_size + page_size - 1);
        change_page(footprint, group, (guint)page, kind, (guint32)(to - from + 1), add);
    }
    aligned_change(&footprint->free, number, free_before, group->seen & ~group->used);
    aligned_change(&footprint->all, number, seen, group->seen);
}

/* first and last are pages of one window. */
static void widen_window(struct footprint *footprint, guint64 number, guint32 first, guint32 last)
{
    const guint32 *place = trace_map_find(&footprint->window_index, number);
    if (place == NULL) {
        struct window begins = {first, last};
        trace_map_insert(&footprint->window_index, number, footprint->windows->len);
        g_array_append_val(footprint->windows, begins);
        footprint->span += last - first + 1;
        return;
    }
    struct window *window = &g_array_index(footprint->windows, struct window, *place);
    guint32 before = window->high - window->low;
    window->low = MIN(window->low, first);
    window->high = MAX(window->high, last);
    footprint->span += window->high - window->low - before;
}

static void widen(struct footprint *footprint, guint64 address, guint64 last)
{
    for (guint64 from = address;;) {
        guint64 number = from / FOOTPRINT_WINDOW;
        guint64 to = MIN(last, number * FOOTPRINT_WINDOW + (FOOTPRINT_WINDOW - 1));
        widen_window(footprint, number, (guint32)(from % FOOTPRINT_WINDOW / footprint->page_size),
                     (guint32)(to % FOOTPRINT_WINDOW / footprint->page_size));
        if (to == last)
            return;
        from = to + 1;
    }
}

static void change(struct footprint *footprint, enum footprint_kind kind, guint64 address,
                   guint64 bytes, gboolean add)
{
    guint64 group_bytes = footprint->page_size * ALIGNED_GROUP;
    /* What reaches over the end of the address space was told wrongly. */
    guint64 last = bytes - 1 <= G_MAXUINT64 - address ? address + (bytes - 1) : G_MAXUINT64;
    if (add)
        widen(footprint, address, last);
    for (guint64 number = address / group_bytes; number <= last / group_bytes; number++) {
        guint64 begin = number * group_bytes;
        guint64 first = MAX(address, begin) - begin;
        guint64 end = MIN(last - begin, group_bytes - 1);
        change_group(footprint, number, kind, first, end, add);
    }
}

void footprint_add(struct footprint *footprint, enum footprint_kind kind, guint64 address,
                   guint64 bytes)
{
    change(footprint, kind, address, bytes, TRUE);
}

void footprint_remove(struct footprint *footprint, enum footprint_kind kind, guint64 address,
                      guint64 bytes)
{
    change(footprint, kind, address, bytes, FALSE);
}

guint64 footprint_occupied(const struct footprint *footprint)
{
    guint64 pages = 0;
    for (guint kind = 0; kind < FOOTPRINT_KINDS; kind++)
        pages += footprint->pages[kind];
    return pages;
}
