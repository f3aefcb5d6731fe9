/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions become sections.
 *
 * A region is checked, planned (section/section.c) and only then written. Its sections are made
 * with all pages taken, which are then released, so that what holds for a release holds from the
 * start; they are shown to other contexts last: table, inline array, list, count, in this order.
 */
#include "../section/lookup.h"
#include "blocks.h"

enum {
    PHYS_SAMPLES = 64,    /* addresses at which virt_to_phys is asked, beside the ends */
    TABLE_SHARE = 8,      /* a look-up table takes 1/8 of a new region at most, */
    TABLE_SHARE_HARD = 2, /*   or half of it where there is no other memory */
    TABLE_BITS_MIN = 5
};

static const uint64_t low_end = UINT64_C(1) << 32;

/* Checks that the region's addresses are sane and finds how many of its bytes, from the start, are
 * physically below 4 GiB. What is wrong, or NULL. */
static const char *check_region(const struct bsa_platform *platform, const void *region,
                                size_t bytes, size_t *low_bytes)
{
    uintptr_t start = (uintptr_t)region, last;
    if (region == NULL)
        return "a region at NULL";
    if (bytes == 0 || !bsai_add(start, bytes - 1, &last))
        return "a region that is empty or reaches beyond the end of the address space";
    uint64_t phys = start;
    if (platform->virt_to_phys != NULL) {
        phys = platform->virt_to_phys(platform->ctx, region);
        if (platform->virt_to_phys(platform->ctx, (const void *)last) != phys + (bytes - 1))
            return "a region whose physical addresses are not its virtual ones plus a constant";
        for (size_t i = 1; i < PHYS_SAMPLES; i++) {
            size_t offset = bytes / PHYS_SAMPLES * i;
            if (platform->virt_to_phys(platform->ctx, (const void *)(start + offset)) !=
                phys + offset)
                return "a region whose physical addresses are not its virtual ones plus a constant";
        }
    }
    if (phys + (bytes - 1) < phys)
        return "a region that reaches beyond the end of the physical address space";
    *low_bytes = phys >= low_end ? 0 : low_end - phys < bytes ? (size_t)(low_end - phys) : bytes;
    return NULL;
}

static bool overlaps(const struct bsa_buddy *b, uintptr_t start, size_t bytes)
{
    for (const struct bsai_section *s = b->first; s != NULL; s = s->next) {
        if (start <= s->region_start + (s->region_bytes - 1) &&
            s->region_start <= start + (bytes - 1))
            return true;
    }
    return false;
}

void bsai_set_low_reserve(struct bsa_buddy *b)
{
    size_t low, high, reserve;
    if (b->lowmem_reserve == BSA_NONE)
        return;
    do { /* who stores last has seen the totals as they are */
        low = bsai_peek(&b->low_total);
        high = bsai_peek(&b->high_total);
        reserve = high != 0 ? bsai_divide(low, b->lowmem_reserve) : 0;
        bsai_poke(&b->low_reserve, reserve);
    } while (low != bsai_peek(&b->low_total) || high != bsai_peek(&b->high_total));
}

/* The look-up table ----------------------------------------------------------------------------- */

struct bsai_section *bsai_section_find_other(const struct bsa_buddy *b, uintptr_t addr,
                                             size_t *page)
{
    size_t count = bsai_consume(&b->count);
    size_t n = count < BSAI_INLINE_SECTIONS ? count : (size_t)BSAI_INLINE_SECTIONS;
    struct bsai_section *s = NULL;
    for (size_t i = 1; i < n && s == NULL; i++) {
        if (bsai_map_page(&b->inline_sections[i]->map, addr) < b->inline_sections[i]->map.pages)
            s = b->inline_sections[i];
    }
    if (s == NULL && count > BSAI_INLINE_SECTIONS) {
        size_t steps = 0;
        s = bsai_table_find(bsai_consume(&b->table), addr, &steps);
        bsai_steps(b, steps);
    }
    if (s != NULL)
        *page = bsai_map_page(&s->map, addr);
    return s;
}

/* Memory for a table out of pages that are managed so far; NULL when there is none. */
static void *pages_for_table(struct bsa_buddy *b, struct bsai_call *call, size_t bytes)
{
    size_t page = 0;
    size_t n = (bytes + b->page_size - 1) >> b->page_shift;
    void *p = bsai_buddy_take(b, call, n, b->page_size, false, BSAI_USE_PAGES, BSAI_PAGE_RESERVED);
    if (p == NULL)
        return NULL;
    struct bsai_section *s = bsai_section_find(b, (uintptr_t)p, &page);
    bsai_lock_take(&s->lock, BSAI_RANK_SECTION, call);
    bsai_count_withdrawn(b, s, n);
    s->metadata_bytes += n << b->page_shift;
    bsai_lock_drop(&s->lock, BSAI_RANK_SECTION, call);
    return p;
}

/* Plans the region again, with room for a table, if that takes no more than a share of it. */
static void *prefix_for_table(struct bsai_plan *plan, size_t bytes, unsigned share)
{
    struct bsai_plan roomy = *plan;
    roomy.extra = bytes;
    if (bytes > bsai_divide(plan->bytes, share) || !bsai_section_plan(&roomy))
        return NULL;
    *plan = roomy;
    return (void *)roomy.extra_at;
}

static void replace_table(struct bsa_buddy *b, struct bsai_section_table *table, unsigned bits)
{
    bsai_table_init(table, bits);
    for (struct bsai_section *s = b->first; s != NULL; s = s->next)
        bsai_table_insert(table, s);
    bsai_publish(&b->table, table);
}

/* Sees to it that the sections of plan can be entered. False when memory for a table is missing. */
static bool make_room_in_table(struct bsa_buddy *b, struct bsai_call *call, struct bsai_plan *plan)
{
    size_t parts = plan->first < plan->split && plan->split < plan->end ? 2 : 1;
    if (b->count + parts <= BSAI_INLINE_SECTIONS)
        return true;
    size_t entries = b->table != NULL ? b->table->used : b->count * BSAI_TABLE_ENTRIES;
    size_t slots = b->table != NULL ? (size_t)1 << b->table->slot_bits : 0;
    entries += 2 * BSAI_TABLE_ENTRIES;
    if (entries * 2 <= slots)
        return true;
    unsigned bits = b->table != NULL ? b->table->slot_bits : TABLE_BITS_MIN;
    while ((size_t)1 << bits < entries * 2)
        bits++;
    size_t bytes = bsai_table_bytes(bits);
    void *table = prefix_for_table(plan, bytes, TABLE_SHARE);
    if (table == NULL)
        table = pages_for_table(b, call, bytes);
    if (table == NULL)
        table = prefix_for_table(plan, bytes, TABLE_SHARE_HARD);
    if (table != NULL) {
        replace_table(b, table, bits);
        return true;
    }
    return entries <= slots - slots / 8; /* denser than it should be */
}

/* Sections -------------------------------------------------------------------------------------- */

static void enroll(struct bsa_buddy *b, struct bsai_section *s)
{
    s->index = b->count;
    bsai_range_release(s, 0, s->map.pages);
    bsai_poke(&s->free_pages, s->map.pages);
    if (s->zone == BSAI_ZONE_LOW)
        bsai_shared_count(&b->low_free, s->map.pages);
    bsai_shared_count(s->zone == BSAI_ZONE_LOW ? &b->low_total : &b->high_total, s->map.pages);
    if (b->table != NULL)
        bsai_table_insert(b->table, s);
    if (b->count < BSAI_INLINE_SECTIONS)
        b->inline_sections[b->count] = s;
    if (b->last == NULL)
        bsai_publish(&b->first, s);
    else
        bsai_publish(&b->last->next, s);
    b->last = s;
    bsai_publish(&b->count, b->count + 1);
}

static void enroll_all(struct bsa_buddy *b, struct bsai_section *s)
{
    enroll(b, s);
    if (s->other_part != NULL)
        enroll(b, s->other_part);
    bsai_set_low_reserve(b);
    bsai_poke(&b->shown, b->shown + 1);
}

static bool read_config(struct bsa_buddy_config *to, struct bsa_platform *platform,
                        const struct bsa_buddy_config *config)
{
    *to = (struct bsa_buddy_config)BSA_BUDDY_CONFIG_INIT;
    *platform = (struct bsa_platform)BSA_PLATFORM_INIT;
    if (config != NULL && !bsai_copy_sized(to, sizeof(*to), config, config->size))
        return false;
    if (to->page_size == 0)
        to->page_size = 4096;
    if (to->lowmem_reserve == 0)
        to->lowmem_reserve = 32;
    if (!bsai_is_pow2(to->page_size) || to->page_size < 1024 || to->page_size > 65536)
        return false;
    if ((to->flags & ~BSAI_BUDDY_BARE) != 0)
        return false;
    return to->platform == NULL ||
           bsai_copy_sized(platform, sizeof(*platform), to->platform, to->platform->size);
}

static void make_plan(struct bsai_plan *plan, const void *region, size_t bytes, size_t front,
                      size_t low_bytes, size_t page_size, bool cold)
{
    bsai_memset(plan, 0, sizeof(*plan));
    plan->region = (uintptr_t)region;
    plan->bytes = bytes;
    plan->front = front;
    plan->low_bytes = low_bytes;
    plan->page_shift = bsai_log2(page_size);
    plan->cold = cold;
}

enum bsa_status bsai_buddy_setup(struct bsa_buddy *b, void *region, size_t bytes, size_t front,
                                 const struct bsa_buddy_config *config)
{
    struct bsa_buddy_config c;
    struct bsa_platform platform;
    struct bsai_plan plan;
    size_t low_bytes;
    if (!read_config(&c, &platform, config) ||
        check_region(&platform, region, bytes, &low_bytes) != NULL)
        return BSA_ERR_INVALID_PARAM;
    bool cold = (c.flags & BSAI_BUDDY_BARE) == 0;
    make_plan(&plan, region, bytes, front, low_bytes, c.page_size, cold);
    if (!bsai_section_plan(&plan))
        return BSA_ERR_INVALID_PARAM;

    bsai_memset(b, 0, sizeof(*b));
    b->platform = platform;
    b->page_size = c.page_size;
    b->page_shift = plan.page_shift;
    b->lowmem_reserve = c.lowmem_reserve;
    b->cold = cold;
    bsai_lock_init(&b->registry);
    enroll_all(b, bsai_section_make(&plan));
    return BSA_OK;
}

enum bsa_status bsai_buddy_add(struct bsa_buddy *b, struct bsai_call *call, void *region,
                               size_t bytes)
{
    struct bsai_plan plan;
    size_t low_bytes;
    const char *wrong = check_region(&b->platform, region, bytes, &low_bytes);
    if (wrong != NULL)
        return bsai_misuse(call, BSA_ERR_INVALID_PARAM, region, wrong);
    make_plan(&plan, region, bytes, 0, low_bytes, b->page_size, b->cold);

    enum bsa_status status = BSA_OK;
    bsai_lock_take(&b->registry, BSAI_RANK_REGISTRY, call);
    if (overlaps(b, (uintptr_t)region, bytes))
        status = bsai_misuse(call, BSA_ERR_MEMORY_OVERLAP, region,
                             "a region that overlaps one that is there already");
    else if (!bsai_section_plan(&plan))
        status = bsai_misuse(call, BSA_ERR_INVALID_PARAM, region,
                             "a region too small for its metadata and one page");
    else if (!make_room_in_table(b, call, &plan))
        status = BSA_ERR_NO_MEMORY;
    else
        enroll_all(b, bsai_section_make(&plan));
    bsai_lock_drop(&b->registry, BSAI_RANK_REGISTRY, call);
    return status;
}
