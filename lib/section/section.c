/* SPDX-License-Identifier: Apache-2.0 */
#include "section.h"

enum { META_ALIGN = 8 };

_Static_assert(sizeof(uint64_t) % META_ALIGN == 0 && sizeof(struct bsai_slab *) <= META_ALIGN,
               "each array of the metadata begins at a multiple of this");
_Static_assert(BSA_CACHE_LINE % META_ALIGN == 0, "so does a section");

static size_t groups_of(size_t first, size_t end)
{
    return ((end - 1) >> BSAI_GROUP_SHIFT) - (first >> BSAI_GROUP_SHIFT) + 1;
}

/* Bytes that a section of pages [first, end) needs outside of them. */
static size_t part_bytes(const struct bsai_plan *plan, size_t first, size_t end)
{
    if (first >= end)
        return 0;
    size_t pages = end - first;
    size_t groups = groups_of(first, end);
    size_t bytes = bsai_align_up(sizeof(struct bsai_section), META_ALIGN);
    if (plan->cold)
        bytes += bsai_align_up(pages * sizeof(struct bsai_slab *), META_ALIGN);
    bytes += bsai_align_up(groups * sizeof(struct bsai_tree), META_ALIGN);
    bytes += bsai_align_up(pages * sizeof(uint32_t), META_ALIGN);
    bytes += groups;
    return bsai_align_up(bytes, BSA_CACHE_LINE);
}

static size_t clamp(size_t x, size_t low, size_t high)
{
    return x < low ? low : x > high ? high : x;
}

static size_t plan_bytes(const struct bsai_plan *plan, size_t first)
{
    size_t split = clamp(plan->split, first, plan->end);
    return part_bytes(plan, first, split) + part_bytes(plan, split, plan->end);
}

/* Number of the first page that ends beyond the last of n bytes from addr on. */
static size_t end_page(uintptr_t addr, size_t n, unsigned shift)
{
    uintptr_t last = addr + (n - 1);
    uintptr_t mask = ((uintptr_t)1 << shift) - 1;
    return (last >> shift) + ((last & mask) == mask ? 1 : 0);
}

/* Regions of one size are often aligned alike: their metadata would share a few sets of the caches.
 * So it begins anywhere in what room there is. */
static uintptr_t spread(const struct bsai_plan *plan, uintptr_t metadata)
{
    uintptr_t end = metadata + plan_bytes(plan, plan->first);
    size_t lines = ((plan->first << plan->page_shift) - end) / BSA_CACHE_LINE + 1;
    uint32_t hash = (uint32_t)(plan->region >> 12) * UINT32_C(0x9e3779b9);
    return metadata + (size_t)((uint64_t)hash * lines >> 32) * BSA_CACHE_LINE;
}

bool bsai_section_plan(struct bsai_plan *plan)
{
    uintptr_t metadata;
    if (plan->bytes == 0 || !bsai_add(plan->region, plan->front, &metadata) ||
        !bsai_round_up(metadata, BSA_CACHE_LINE, &metadata))
        return false;
    plan->extra_at = metadata;
    if (!bsai_add(metadata, plan->extra, &metadata) ||
        !bsai_round_up(metadata, BSA_CACHE_LINE, &metadata))
        return false;
    plan->sections_at = metadata;

    unsigned shift = plan->page_shift;
    plan->end = end_page(plan->region, plan->bytes, shift);
    plan->split = plan->low_bytes == 0 ? 0 : end_page(plan->region, plan->low_bytes, shift);
    /* List links are 32 bits wide: what lies beyond 2^32 trees (from 2 PiB on) stays unused. */
    size_t most = (size_t)(BSAI_NO_TREE - 1);
    if ((plan->end >> BSAI_GROUP_SHIFT) - (plan->region >> shift >> BSAI_GROUP_SHIFT) > most)
        plan->end = ((plan->region >> shift >> BSAI_GROUP_SHIFT) + most) << BSAI_GROUP_SHIFT;

    /* The later the first page, the less metadata and the more room for it. */
    size_t low = metadata >> shift, high = plan->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uintptr_t at = (uintptr_t)middle << shift;
        if (at >= metadata && at - metadata >= plan_bytes(plan, middle))
            high = middle;
        else
            low = middle + 1;
    }
    if (low >= plan->end)
        return false;
    plan->first = low;
    plan->split = clamp(plan->split, plan->first, plan->end);
    plan->sections_at = spread(plan, metadata);
    return true;
}

/* The next n bytes of a section's metadata. */
static void *carve(uintptr_t *at, size_t n)
{
    void *p = (void *)*at;
    *at += bsai_align_up(n, META_ALIGN);
    return p;
}

static struct bsai_section *make_part(const struct bsai_plan *plan, uintptr_t *at, size_t first,
                                      size_t end, enum bsai_zone zone)
{
    size_t pages = end - first;
    size_t groups = groups_of(first, end);
    struct bsai_section *s = carve(at, sizeof(*s));
    bsai_memset(s, 0, sizeof(*s));
    s->map.start = (uintptr_t)first << plan->page_shift;
    s->map.pages = pages;
    s->map.page_shift = plan->page_shift;
    s->map.lead = (unsigned)(first & (BSAI_GROUP_PAGES - 1));
    if (plan->cold)
        s->map.cold = carve(at, pages * sizeof(s->map.cold[0]));
    s->trees = carve(at, groups * sizeof(s->trees[0]));
    s->map.hot = carve(at, pages * sizeof(s->map.hot[0]));
    s->map.state = carve(at, groups);
    *at = bsai_align_up(*at, BSA_CACHE_LINE);
    bsai_memset(s->map.state, BSAI_GROUP_INSIDE, groups);

    s->zone = zone;
    s->region_start = plan->region;
    s->region_bytes = plan->bytes;
    s->first_tree = first >> BSAI_GROUP_SHIFT;
    s->total_pages = pages;
    s->odd = BSAI_NO_TREE;
    s->row_tree = BSAI_NO_TREE;
    for (unsigned order = 0; order < BSAI_UPPER_ORDERS; order++)
        s->whole[order] = BSAI_NO_TREE;
    for (unsigned use = 0; use < BSAI_USES; use++) {
        for (unsigned bound = 0; bound < BSAI_TREE_LEVELS; bound++)
            s->partial[use][bound] = BSAI_NO_TREE;
        for (unsigned i = 0; i < BSAI_ROW_LISTS; i++)
            s->rows[use][i] = BSAI_NO_TREE;
    }
    return s;
}

struct bsai_section *bsai_section_make(const struct bsai_plan *plan)
{
    uintptr_t at = plan->sections_at;
    struct bsai_section *low = NULL, *high = NULL;
    if (plan->first < plan->split)
        low = make_part(plan, &at, plan->first, plan->split, BSAI_ZONE_LOW);
    if (plan->split < plan->end)
        high = make_part(plan, &at, plan->split, plan->end, BSAI_ZONE_HIGH);
    bsai_assert(at <= (uintptr_t)plan->first << plan->page_shift);
    struct bsai_section *shown = low != NULL ? low : high;
    shown->metadata_bytes = plan->bytes - ((plan->end - plan->first) << plan->page_shift);
    if (low != NULL && high != NULL) {
        low->other_part = high;
        high->second_part = true;
    }
    return shown;
}
