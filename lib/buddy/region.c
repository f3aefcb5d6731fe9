/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions become sections, and leave again.
 *
 * A region is checked, planned (section/section.c) and only then written. Its sections are made
 * with all pages taken, which are then released, so that what holds for a release holds from the
 * start; they can be found from then on.
 *
 * A region leaves when all its pages are free: then nobody holds an address in it, no CPU lists a
 * block of it, and only look-ups of wild addresses could lead to it. Its places go first, and what
 * a look-up that has found one of them still reads is left to the quiesce hook. The first region
 * holds the buddy itself and stays, as does a region in which a look-up table was put.
 */
#include "blocks.h"
#include "room.h"

enum {
    EARLY_GROUPS = 512, /* of a section: 1 GiB of pages of 4 KiB, 3 MiB of descriptors */
    PHYS_SAMPLES = 64   /* addresses at which virt_to_phys is asked, beside the ends */
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
    if (b->lowmem_reserve != BSA_NONE)
        bsai_poke(&b->low_reserve,
                  bsai_buddy_has_high(b)
                      ? bsai_divide(b->total_pages[BSAI_ZONE_LOW], b->lowmem_reserve)
                      : 0);
}

/* Sections ----------------------------------------------------------------------------- */

struct bsai_section *bsai_section_find_other(const struct bsa_buddy *b, uintptr_t addr,
                                             size_t *page)
{
    size_t steps = 0;
    struct bsai_section *s = bsai_lookup_find(&b->lookup, addr, b->page_shift, page, &steps);
    bsai_steps(b, steps);
    return s;
}

static void enroll(struct bsa_buddy *b, struct bsai_section *s)
{
    size_t *total = &b->total_pages[s->zone];
    bsai_roster_add(&b->roster[s->zone], s);
    s->prev = b->last;
    /* The look-up of objects is fastest where all words are valid: made so at once where that costs
     * little. */
    size_t groups = bsai_map_groups(&s->map);
    if (b->zeroed)
        bsai_publish(&s->map.ready, s->map.pages);
    for (size_t tree = 0; !b->zeroed && groups <= EARLY_GROUPS && tree < groups; tree++)
        bsai_group_make_ready(s, tree);
    if (b->last == NULL)
        b->first = s;
    else
        b->last->next = s;
    b->last = s;
    b->count++;
    bsai_poke(total, *total + s->map.pages);
    bsai_range_release(s, 0, s->map.pages);
    bsai_count_freed(b, s, s->map.pages);
    bsai_lookup_enter(&b->lookup, s);
}

static void enroll_all(struct bsa_buddy *b, struct bsai_section *s, bool pinned)
{
    for (struct bsai_section *part = s; part != NULL; part = part->other_part) {
        part->pinned = pinned;
        enroll(b, part);
    }
    bsai_set_low_reserve(b);
    bsai_poke(&b->shown, b->shown + 1);
}

static void dismiss(struct bsa_buddy *b, struct bsai_section *s)
{
    size_t *free = &b->free_pages[s->zone], *total = &b->total_pages[s->zone];
    bsai_lookup_leave(&b->lookup, s);
    bsai_roster_remove(&b->roster[s->zone], s);
    bsai_poke(free, *free - s->free_pages);
    bsai_poke(total, *total - s->total_pages);
    b->count--;
    s->prev->next = s->next; /* the first section stays */
    if (s->next != NULL)
        s->next->prev = s->prev;
    else
        b->last = s->prev;
}

static void dismiss_all(struct bsa_buddy *b, struct bsai_section *s)
{
    for (struct bsai_section *part = s; part != NULL; part = part->other_part)
        dismiss(b, part);
    bsai_set_low_reserve(b);
    bsai_poke(&b->shown, b->shown - 1);
}

static bool may_leave(const struct bsai_section *s)
{
    for (; s != NULL; s = s->other_part) {
        if (s->pinned || s->free_pages != s->total_pages || s->lent_pages != 0)
            return false;
    }
    return true;
}

static bool read_config(struct bsa_buddy_config *to, struct bsa_platform *platform,
                        const struct bsa_buddy_config *config)
{
    *to = (struct bsa_buddy_config)BSA_BUDDY_CONFIG_INIT;
    if (config != NULL && !bsai_copy_sized(to, sizeof(*to), config, config->size))
        return false;
    if (!bsai_read_page_size(&to->page_size))
        return false;
    if (to->lowmem_reserve == 0)
        to->lowmem_reserve = 32;
    if ((to->flags & ~(BSAI_BUDDY_BARE | BSAI_BUDDY_ZEROED)) != 0)
        return false;
    return bsai_read_platform(platform, to->platform);
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
    struct bsai_room room;
    bsai_room_in_advance(bytes, &room);
    plan.extra = room.bytes;
    if (!bsai_section_plan(&plan))
        return BSA_ERR_INVALID_PARAM;

    bsai_memset(b, 0, sizeof(*b));
    b->platform = platform;
    b->page_size = c.page_size;
    b->page_shift = plan.page_shift;
    b->lowmem_reserve = c.lowmem_reserve;
    b->cold = cold;
    b->zeroed = (c.flags & BSAI_BUDDY_ZEROED) != 0;
    bsai_lock_init(&b->lock);
    for (unsigned zone = 0; zone < BSAI_ZONES; zone++)
        bsai_roster_init(&b->roster[zone]);
    if (room.bytes != 0)
        bsai_room_use(b, &room, (void *)plan.extra_at);
    enroll_all(b, bsai_section_make(&plan), true);
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
    bsai_buddy_lock(b, call);
    if (overlaps(b, (uintptr_t)region, bytes))
        status = bsai_misuse(call, BSA_ERR_MEMORY_OVERLAP, region,
                             "a region that overlaps one that is there already");
    else if (!bsai_section_plan(&plan))
        status = bsai_misuse(call, BSA_ERR_INVALID_PARAM, region,
                             "a region too small for its metadata and one page");
    else if (!bsai_room_make(b, &plan))
        status = BSA_ERR_NO_MEMORY;
    else
        enroll_all(b, bsai_section_make(&plan), plan.extra != 0);
    bsai_buddy_unlock(b, call);
    return status;
}

enum bsa_status bsai_buddy_remove(struct bsa_buddy *b, struct bsai_call *call, const void *region)
{
    enum bsa_status status = BSA_OK;
    bsai_buddy_lock(b, call);
    struct bsai_section *s = b->first;
    while (s != NULL && (s->second_part || s->region_start != (uintptr_t)region))
        s = s->next;
    if (s == NULL)
        status =
            bsai_misuse(call, BSA_ERR_NOT_FOUND, region, "removal of a region that was not added");
    else if (s == b->first)
        status = bsai_misuse(call, BSA_ERR_INVALID_PARAM, region,
                             "removal of the first region, which holds the allocator itself");
    else if (!may_leave(s))
        status = BSA_ERR_MEMORY_OVERLAP;
    else
        dismiss_all(b, s);
    bsai_buddy_unlock(b, call);
    return status;
}
