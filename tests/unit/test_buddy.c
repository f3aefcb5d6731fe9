/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on whole buddies, through the functions that the heap uses as well as the
 * public ones, against a map of pages: no overlap, alignment, exact counters, and failure only when
 * there is nothing that could have served.
 */
#include <buddyslab/debug.h>

#include <stdlib.h>
#include <string.h>

#include "buddy/blocks.h"
#include "support.h"

enum { SECTIONS = 8, REGIONS = 3 };

struct block {
    struct bsai_section *section;
    size_t page;
    size_t pages;
    enum bsai_page_kind kind;
};

struct model {
    bsa_buddy *buddy;
    struct faults faults;
    size_t page_size;
    struct region regions[REGIONS];
    size_t region_count;
    struct bsai_section *section[SECTIONS];
    bool *taken[SECTIONS]; /* by page */
    size_t sections;
    struct block *blocks;
    size_t block_count, block_room;
    size_t live_pages, managed_pages;
    size_t failed[2]; /* requests for a power of two of pages, and others */
};

static size_t section_number(const struct model *m, const struct bsai_section *s)
{
    size_t i = 0;
    while (i < m->sections && m->section[i] != s)
        i++;
    must(i < m->sections);
    return i;
}

static void check_counters(const struct model *m, bool all)
{
    must(bsa_buddy_managed_bytes(m->buddy) == (m->managed_pages * m->page_size));
    must(bsa_buddy_allocated_bytes(m->buddy) == (m->live_pages * m->page_size));
    if (!all)
        return;
    assert_status(bsa_buddy_validate(m->buddy), BSA_OK);
    for (size_t i = 0; i < m->sections; i++) {
        const struct bsai_map *map = &m->section[i]->map;
        for (size_t page = 0; page < map->pages; page++)
            must(bsai_range_is_free(m->section[i], page, 1) == !m->taken[i][page]);
    }
}

static void mark(struct model *m, const struct bsai_section *s, size_t page, size_t n, bool taken)
{
    bool *map = m->taken[section_number(m, s)];
    must(page <= s->map.pages);
    must(n <= s->map.pages - page);
    for (size_t i = page; i < page + n; i++) {
        must(map[i] == !taken);
        map[i] = taken;
    }
    m->live_pages += taken ? n : (size_t)0 - n;
}

static void note(struct model *m, void *p, size_t pages, enum bsai_page_kind kind)
{
    size_t page = 0;
    struct bsai_section *s = bsai_section_find(m->buddy, (uintptr_t)p, &page);
    must(s != NULL);
    must((void *)bsai_map_addr(&s->map, page) == p);
    mark(m, s, page, pages, true);
    memset(p, 0xff, 64); /* the page is the caller's: what is written there disturbs nothing */
    if (m->block_count == m->block_room) {
        m->block_room = m->block_room * 2 + 64;
        m->blocks = realloc(m->blocks, m->block_room * sizeof(m->blocks[0]));
        must(m->blocks != NULL);
    }
    m->blocks[m->block_count++] = (struct block){s, page, pages, kind};
}

/* Whether n pages at a multiple of 2^align pages could have been had. For a power of two of pages
 * that is a naturally aligned block; other counts may also lie in a row, but less than half a tree
 * of them only within one. */
static bool could_serve(const struct model *m, size_t n, unsigned align)
{
    unsigned order = bsai_log2_up(n);
    if (bsai_is_pow2(n) && align < order)
        align = order;
    for (size_t i = 0; i < m->sections; i++) {
        const struct bsai_map *map = &m->section[i]->map;
        size_t base = map->start >> map->page_shift;
        size_t row = 0;
        for (size_t page = map->pages; page-- > 0;) {
            row = m->taken[i][page] ? 0 : row + 1;
            if (row < n || ((base + page) & (((size_t)1 << align) - 1)) != 0)
                continue;
            size_t room =
                (size_t)BSAI_GROUP_PAGES - ((base + page) & ((size_t)BSAI_GROUP_PAGES - 1));
            if (order >= BSAI_GROUP_SHIFT || align >= BSAI_GROUP_SHIFT || n <= room)
                return true;
        }
    }
    return false;
}

static void op_alloc(struct model *m, struct rng *rng, size_t pages, unsigned align)
{
    size_t align_bytes = m->page_size << align;
    void *p = NULL;
    enum bsai_page_kind kind = BSAI_PAGE_BLOCK;
    if (align == 0)
        align_bytes = (size_t)1 << rng_below(rng, bsai_log2(m->page_size) + 1);
    if (rng_below(rng, 2) == 0) {
        enum bsa_status status = bsa_buddy_alloc(m->buddy, pages, align_bytes, &p);
        must(status == (p != NULL ? BSA_OK : BSA_ERR_NO_MEMORY));
    } else {
        struct bsai_call call;
        bsai_call_begin(&call, &m->buddy->platform);
        kind = BSAI_PAGE_META;
        p = bsai_buddy_take(m->buddy, &call, pages, align_bytes, false, BSAI_USE_SLABS, kind);
    }
    if (p == NULL) {
        m->failed[!bsai_is_pow2(pages)]++;
        if (could_serve(m, pages, align))
            ck_abort_msg("%zu pages at 2^%u pages were there", pages, align);
        return;
    }
    must((uintptr_t)p % align_bytes == 0);
    note(m, p, pages, kind);
}

static void op_free(struct model *m, size_t i)
{
    struct block block = m->blocks[i];
    void *p = (void *)bsai_map_addr(&block.section->map, block.page);
    if (block.kind == BSAI_PAGE_BLOCK) {
        assert_status(bsa_buddy_free(m->buddy, p, block.pages), BSA_OK);
    } else {
        struct bsai_call call;
        bsai_call_begin(&call, &m->buddy->platform);
        bsai_buddy_give(m->buddy, &call, block.section, block.page, block.pages);
    }
    mark(m, block.section, block.page, block.pages, false);
    m->blocks[i] = m->blocks[--m->block_count];
}

static void op_resize(struct model *m, struct rng *rng, size_t i)
{
    struct bsai_call call;
    struct block *block = &m->blocks[i];
    bsai_call_begin(&call, &m->buddy->platform);
    /* Only what its user holds is resized. */
    bool live = block->kind == BSAI_PAGE_BLOCK;
    uint32_t word = bsai_word_run(BSAI_PAGE_BLOCK, block->pages);
    if (block->pages > 1 && rng_below(rng, 2) == 0) {
        size_t to = rng_between(rng, 1, block->pages - 1);
        must(bsai_buddy_shrink(m->buddy, &call, block->section, block->page, word,
                               bsai_word_run(BSAI_PAGE_BLOCK, to)) == live);
        if (!live)
            return;
        mark(m, block->section, block->page + to, block->pages - to, false);
        block->pages = to;
        return;
    }
    const bool *taken = m->taken[section_number(m, block->section)];
    size_t end = block->page + block->pages;
    size_t to = block->pages + rng_between(rng, 1, rng_below(rng, 4) == 0 ? 2000 : 8);
    bool free = live && to <= block->section->map.pages - block->page;
    for (size_t page = end; free && page < block->page + to; page++)
        free = !taken[page];
    must(bsai_buddy_grow(m->buddy, &call, block->section, block->page, word,
                         bsai_word_run(BSAI_PAGE_BLOCK, to)) == free);
    if (free) {
        mark(m, block->section, end, to - block->pages, true);
        block->pages = to;
    }
}

static void op_batch(struct model *m, struct rng *rng)
{
    struct bsai_call call;
    struct bsai_block blocks[16];
    unsigned order = (unsigned)rng_below(rng, BSAI_TREE_LEVELS);
    size_t n = rng_between(rng, 1, 16);
    bsai_call_begin(&call, &m->buddy->platform);
    size_t got =
        bsai_buddy_take_batch(m->buddy, &call, order, n, BSAI_USE_PAGES, BSAI_PAGE_LISTED, blocks);
    must(got <= n);
    for (size_t i = 0; i < got; i++) {
        must(((uintptr_t)blocks[i].start % m->page_size) == 0);
        must(*blocks[i].word == bsai_word_run(BSAI_PAGE_LISTED, (size_t)1 << order));
        note(m, blocks[i].start, (size_t)1 << order, BSAI_PAGE_LISTED);
    }
    must(got == n || !could_serve(m, (size_t)1 << order, 0));
    size_t back = rng_below(rng, got + 1);
    bsai_buddy_give_batch(m->buddy, &call, blocks + (got - back), back, (size_t)1 << order);
    for (size_t i = 0; i < back; i++) {
        const struct block *block = &m->blocks[--m->block_count];
        mark(m, block->section, block->page, block->pages, false);
    }
}

/* Withdraws a range that may or may not be free. */
static void op_reserve(struct model *m, struct rng *rng)
{
    size_t i = rng_below(rng, m->sections);
    struct bsai_section *s = m->section[i];
    size_t page = rng_below(rng, s->map.pages);
    size_t n = rng_between(rng, 1, rng_below(rng, 4) == 0 ? 600 : 3);
    if (n > s->map.pages - page)
        n = s->map.pages - page;
    if (n > m->managed_pages / 16)
        return;
    bool free = true;
    for (size_t at = page; at < page + n; at++)
        free = free && !m->taken[i][at];
    size_t cut = rng_below(rng, m->page_size); /* both ends may lie within a page */
    uintptr_t start = bsai_map_addr(&s->map, page) + cut;
    size_t bytes = n * m->page_size - cut;
    if (n > 1)
        bytes -= rng_below(rng, m->page_size);
    assert_status(bsa_buddy_reserve(m->buddy, (void *)start, bytes),
                  free ? BSA_OK : BSA_ERR_MEMORY_OVERLAP);
    if (free) {
        mark(m, s, page, n, true);
        m->live_pages -= n;
        m->managed_pages -= n;
    }
}

static size_t random_count(struct rng *rng, size_t managed)
{
    switch (rng_below(rng, 8)) {
    case 0:
        return rng_between(rng, 1, managed);
    case 1:
    case 2:
        return (size_t)1 << rng_below(rng, 11);
    case 3:
        return rng_between(rng, 1, 1200);
    default:
        return rng_between(rng, 1, 20);
    }
}

static void random_operation(struct model *m, struct rng *rng, bool fill)
{
    size_t chance = rng_below(rng, 100);
    if (chance < 3)
        op_batch(m, rng);
    else if (m->block_count == 0 || chance < (fill ? 70u : 25u))
        op_alloc(m, rng, random_count(rng, m->managed_pages),
                 rng_below(rng, 3) != 0 ? 0 : (unsigned)rng_below(rng, 14));
    else if (chance < 85)
        op_free(m, rng_below(rng, m->block_count));
    else
        op_resize(m, rng, rng_below(rng, m->block_count));
    if (rng_below(rng, 2000) == 0)
        op_reserve(m, rng);
}

static void model_region(struct model *m, size_t bytes, size_t align, size_t offset)
{
    struct region region = region_make(bytes, align, offset);
    memset(region.start, 0xa5, bytes < 1 << 20 ? bytes : 1 << 20); /* memory is not zero */
    if (m->buddy == NULL) {
        struct bsa_platform platform = BSA_PLATFORM_INIT;
        struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
        platform.ctx = &m->faults;
        platform.fault = faults_record;
        config.page_size = m->page_size;
        config.platform = &platform;
        assert_status(bsa_buddy_init(&m->buddy, region.start, bytes, &config), BSA_OK);
    } else {
        assert_status(bsa_buddy_add_region(m->buddy, region.start, bytes), BSA_OK);
    }
    struct bsai_section *s = m->buddy->last;
    must(s->map.start >= (uintptr_t)region.start);
    must(bsai_map_addr(&s->map, s->map.pages) <= (uintptr_t)region.start + bytes);
    m->regions[m->region_count++] = region;
    m->section[m->sections] = s;
    m->taken[m->sections] = calloc(s->map.pages, sizeof(bool));
    must(m->taken[m->sections] != NULL);
    m->sections++;
    m->managed_pages = bsa_buddy_managed_bytes(m->buddy) / m->page_size;
    check_counters(m, true);
}

static void model_end(struct model *m)
{
    while (m->block_count > 0)
        op_free(m, m->block_count - 1);
    check_counters(m, true);
    must(m->live_pages == 0);
    must(m->faults.count == 0);
    for (size_t i = 0; i < m->sections; i++)
        free(m->taken[i]);
    for (size_t i = 0; i < m->region_count; i++)
        region_free(&m->regions[i]);
    free(m->blocks);
}

static const struct shape {
    size_t page_size;
    struct {
        size_t bytes, align, offset;
    } region[REGIONS];
} shapes[] = {
    {4096, {{8 << 20, 2 << 20, 0}}},
    {4096, {{(8 << 20) + 5000, 1 << 20, 1}, {(3 << 20) - 77, 4096, 4095}, {40000, 4096, 8}}},
    {1024, {{3 << 20, 1024, 512}, {300000, 4096, 1}}},
    {16384, {{40 << 20, 4096, 4096}, {1 << 20, 4096, 100}}},
    {65536, {{200 << 20, 32 << 20, 12345}, {5 << 20, 65536, 1}, {1 << 20, 65536, 65535}}},
    {4096, {{60000, 4096, 100}}},
};

START_TEST(random_operations_are_exact)
{
    const struct shape *shape = &shapes[_i];
    struct rng rng = rng_for("random_operations");
    struct model m;
    memset(&m, 0, sizeof(m));
    m.page_size = shape->page_size;
    for (int i = 0; i < REGIONS && shape->region[i].bytes != 0; i++)
        model_region(&m, shape->region[i].bytes, shape->region[i].align, shape->region[i].offset);
    size_t operations = scaled(BSA_CHECKS >= 2 ? 30000 : 100000);
    for (size_t i = 0; i < operations; i++) {
        random_operation(&m, &rng, (i / 500) % 2 == 0);
        check_counters(&m, BSA_CHECKS >= 2 || i % 64 == 0);
    }
    must(m.failed[0] > 0);
    must(m.failed[1] > 0);
    model_end(&m);
}
END_TEST

/* Small runs only, and few frees: the memory is nearly full and the memo of what is missing in use.
 */
START_TEST(nearly_full_memory_is_exact)
{
    struct rng rng = rng_for("nearly_full");
    struct model m;
    memset(&m, 0, sizeof(m));
    m.page_size = 4096;
    model_region(&m, 6 << 20, 2 << 20, 4096 * 3);
    size_t operations = scaled(BSA_CHECKS >= 2 ? 30000 : 100000);
    size_t memo = 0, odd = 0;
    for (size_t i = 0; i < operations; i++) {
        if (rng_below(&rng, 100) < 55)
            op_alloc(&m, &rng, rng_between(&rng, 1, 7), (unsigned)rng_below(&rng, 10));
        else if (m.block_count > 0)
            op_free(&m, rng_below(&rng, m.block_count));
        memo += m.section[0]->missed_mask != 0;
        odd += m.section[0]->odd != BSAI_NO_TREE;
        check_counters(&m, BSA_CHECKS >= 2 || i % 64 == 0);
    }
    must(memo > operations / 10);
    must(odd > 0);
    model_end(&m);
}
END_TEST

static Suite *buddy_suite(void)
{
    Suite *suite = suite_create("buddy");
    TCase *model = tcase_create("model");
    tcase_add_loop_test(model, random_operations_are_exact, 0, sizeof(shapes) / sizeof(shapes[0]));
    tcase_add_test(model, nearly_full_memory_is_exact);
    suite_add_tcase(suite, model);
    return suite;
}

int main(void)
{
    return run_suite(buddy_suite());
}
