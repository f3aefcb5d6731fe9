/* SPDX-License-Identifier: Apache-2.0 */
/* The validator finds what is wrong: each fact that it checks is made false once, and told. */
#include <buddyslab/debug.h>

#include <stdio.h>
#include <string.h>

#include "buddy/blocks.h"
#include "support.h"

enum { MIB = 1 << 20, PAGE = 4096 };

/* A buddy with something of everything. */
struct state {
    char told[128]; /* first, as the log hook's ctx */
    struct region region;
    bsa_buddy *buddy;
    struct bsai_section *s;
    size_t single, triple, large, reserved; /* first pages of runs of 1, 3, 1200 and 5 pages */
    size_t broken;                          /* the tree of the first two */
    size_t full;                            /* a broken tree without a free page */
    size_t whole;                           /* first tree of a free block of several */
};

static void listen(void *ctx, int level, const char *message)
{
    if (level == BSA_LOG_ERROR)
        snprintf(ctx, sizeof(((struct state *)0)->told), "%s", message);
}

static size_t page_of(struct state *state, void *p)
{
    size_t page = 0;
    must(bsai_section_find(state->buddy, (uintptr_t)p, &page) == state->s);
    return page;
}

static size_t alloc(struct state *state, size_t pages, size_t align)
{
    void *p = NULL;
    assert_status(bsa_buddy_alloc(state->buddy, pages, align, &p), BSA_OK);
    return page_of(state, p);
}

static void begin(struct state *state)
{
    struct bsa_platform platform = BSA_PLATFORM_INIT;
    struct bsa_buddy_config config = BSA_BUDDY_CONFIG_INIT;
    memset(state, 0, sizeof(*state));
    platform.ctx = state;
    platform.log = listen;
    config.platform = &platform;
    state->region = region_make(64 * MIB, 64 * MIB, 0);
    assert_status(bsa_buddy_init(&state->buddy, state->region.start, state->region.bytes, &config),
                  BSA_OK);
    struct bsai_section *s = state->s = state->buddy->first;
    state->large = alloc(state, 1200, PAGE);
    /* The rest of tree 0, and a whole tree page by page. */
    while (s->trees[0].free_pages > 0)
        alloc(state, 1, 1);
    size_t filler = alloc(state, 1, 1);
    state->full = bsai_map_group(&s->map, filler);
    while (s->trees[state->full].free_pages > 0)
        alloc(state, 1, 1);
    state->single = alloc(state, 1, 1);
    state->triple = alloc(state, 3, 1);
    state->broken = bsai_map_group(&s->map, state->single);
    must(bsai_map_group(&s->map, state->triple) == state->broken && state->broken != state->full);
    state->reserved = state->triple + 100;
    assert_status(
        bsa_buddy_reserve(state->buddy, (void *)bsai_map_addr(&s->map, state->reserved), 5 * PAGE),
        BSA_OK);
    state->whole = s->whole[31 - bsai_clz32(s->whole_mask)];
    must(s->trees[state->whole].order >= 2);
    assert_status(bsa_buddy_validate(state->buddy), BSA_OK);
    must(state->told[0] == '\0');
}

/* The corruptions ------------------------------------------------------------------------------- */

static struct bsai_tree *broken(struct state *state)
{
    return &state->s->trees[state->broken];
}

static void set_word(struct state *state, size_t page, uint32_t word)
{
    state->s->map.hot[page] = word;
}

static void set_code(struct state *state, size_t tree, enum bsai_group_code code)
{
    bsai_group_set_code(state->s, tree, code);
}

static void free_page_has_word(struct state *state)
{
    set_word(state, state->triple + 50, bsai_word_run(BSAI_PAGE_BLOCK, 1));
}

static void head_is_lost(struct state *state)
{
    set_word(state, state->single, BSAI_PAGE_NONE);
}

static void run_is_empty(struct state *state)
{
    set_word(state, state->single, bsai_word_run(BSAI_PAGE_BLOCK, 0));
}

static void run_is_endless(struct state *state)
{
    set_word(state, state->single, bsai_word_run(BSAI_PAGE_BLOCK, state->s->map.pages));
}

static void run_is_too_long(struct state *state)
{
    set_word(state, state->triple, bsai_word_run(BSAI_PAGE_BLOCK, 7));
}

static void run_is_too_short(struct state *state)
{
    set_word(state, state->triple, bsai_word_run(BSAI_PAGE_BLOCK, 2));
}

static void run_begins_in_run(struct state *state)
{
    set_word(state, state->triple + 1, bsai_word_run(BSAI_PAGE_BLOCK, 1));
}

static void run_begins_in_large_run(struct state *state)
{
    bsai_group_make_ready(state->s, bsai_map_group(&state->s->map, state->large + 700));
    set_word(state, state->large + 700, bsai_word_run(BSAI_PAGE_BLOCK, 1));
}

static void large_run_ends_early(struct state *state)
{
    set_word(state, state->large, bsai_word_run(BSAI_PAGE_BLOCK, 1000));
}

static void bit_is_lost(struct state *state)
{
    bsai_tree_clear(broken(state), 400, 1);
}

static void count_is_off(struct state *state)
{
    broken(state)->free_pages++;
}

static void bound_is_low(struct state *state)
{
    struct bsai_section *s = state->s;
    bsai_tree_lower_bound(s, state->broken, 0);
}

static void bound_is_impossible(struct state *state)
{
    broken(state)->bound = BSAI_TREE_TOP + 1;
}

static void use_is_impossible(struct state *state)
{
    broken(state)->use = BSAI_USES;
}

static void use_is_not_the_lists(struct state *state)
{
    broken(state)->use = BSAI_USE_SLABS;
}

static void tree_is_unlisted(struct state *state)
{
    struct bsai_section *s = state->s;
    unsigned bound = broken(state)->bound;
    s->partial[BSAI_USE_PAGES][bound] = BSAI_NO_TREE;
    s->partial_mask[BSAI_USE_PAGES] &= ~(1u << bound);
}

static void partial_mask_is_off(struct state *state)
{
    state->s->partial_mask[BSAI_USE_SLABS] |= 4;
}

static void words_are_not_ready(struct state *state)
{
    state->s->map.state[state->broken] &= (uint8_t)~BSAI_GROUP_READY;
}

static void whole_tree_is_broken(struct state *state)
{
    struct bsai_tree *tree = &state->s->trees[state->full];
    bsai_tree_set(tree, 0, BSAI_GROUP_PAGES);
    tree->free_pages = BSAI_GROUP_PAGES;
}

static void page_beyond_is_free(struct state *state)
{
    struct bsai_tree *tree = &state->s->trees[0];
    must(state->s->map.lead > 0);
    bsai_tree_set(tree, 0, 1);
}

static void cut_tree_is_whole(struct state *state)
{
    set_code(state, 0, BSAI_GROUP_INSIDE);
}

static void full_tree_is_odd(struct state *state)
{
    state->s->trees[state->full].odd = true;
}

static void odd_tree_is_unlisted(struct state *state)
{
    broken(state)->odd = true;
}

static void odd_list_is_off(struct state *state)
{
    state->s->odd = (uint32_t)state->broken;
    broken(state)->link[BSAI_TREES_ODD] = (struct bsai_tree_link){BSAI_NO_TREE, BSAI_NO_TREE};
}

static void memo_lies(struct state *state)
{
    state->s->missed_mask = 1;
    state->s->missed[0] = 3;
}

static void block_is_too_large(struct state *state)
{
    state->s->trees[state->whole].order = 20;
}

static void block_is_split(struct state *state)
{
    struct bsai_section *s = state->s;
    size_t half = (size_t)1 << (s->trees[state->whole].order - 1);
    s->trees[state->whole].order--;
    s->trees[state->whole + half].order = s->trees[state->whole].order;
    set_code(state, state->whole + half, BSAI_GROUP_FREE);
}

static void block_is_misaligned(struct state *state)
{
    struct bsai_section *s = state->s;
    set_code(state, state->whole, BSAI_GROUP_INSIDE);
    set_word(state, (state->whole << BSAI_GROUP_SHIFT) - s->map.lead,
             bsai_word_run(BSAI_PAGE_BLOCK, BSAI_GROUP_PAGES));
    s->map.state[state->whole] |= BSAI_GROUP_READY;
    set_code(state, state->whole + 1, BSAI_GROUP_FREE);
    s->trees[state->whole + 1].order = 1;
}

static void inside_is_marked(struct state *state)
{
    set_code(state, state->whole + 1, BSAI_GROUP_FREE);
}

static void taken_without_run(struct state *state)
{
    set_code(state, state->whole, BSAI_GROUP_INSIDE);
}

static void whole_mask_is_off(struct state *state)
{
    state->s->whole_mask ^= 1u << 30;
}

static void whole_list_is_off(struct state *state)
{
    state->s->trees[state->whole].link[BSAI_TREES_FREE].prev = 3;
}

static void whole_is_unlisted(struct state *state)
{
    unsigned order = state->s->trees[state->whole].order;
    state->s->whole[order] = BSAI_NO_TREE;
    state->s->whole_mask &= ~(1u << order);
}

static void free_count_is_off(struct state *state)
{
    state->s->free_pages--;
}

static void total_is_off(struct state *state)
{
    state->s->total_pages++;
}

static void sums_are_off(struct state *state)
{
    state->buddy->total_pages[BSAI_ZONE_HIGH]++;
}

static struct bsai_roster *roster(struct state *state)
{
    return &state->buddy->roster[state->s->zone];
}

static void section_is_not_enlisted(struct state *state)
{
    roster(state)->slot[0] = NULL;
}

static void slot_is_off(struct state *state)
{
    struct bsai_roster *r = roster(state);
    r->slot[r->used++] = state->s;
}

static void section_bound_is_off(struct state *state)
{
    roster(state)->best[0]--;
}

static void section_bound_is_low(struct state *state)
{
    state->s->bound--;
    roster(state)->best[0]--;
}

static void roster_count_is_off(struct state *state)
{
    roster(state)->count++;
}

static void roster_level_is_off(struct state *state)
{
    roster(state)->best[roster(state)->capacity / 8]--; /* 64 slots from the start */
}

static void taken_page_is_idle(struct state *state)
{
    unsigned page = bsai_tree_index(state->s, state->single) & (BSAI_GROUP_PAGES - 1);
    broken(state)->idle[page / 64] |= UINT64_C(1) << (page % 64);
    broken(state)->idle_pages++;
}

static void idle_count_is_off(struct state *state)
{
    broken(state)->idle_pages++;
}

static void taken_tree_is_released(struct state *state)
{
    bsai_group_set_released(state->s, bsai_map_group(&state->s->map, state->large) + 1, true);
}

static void section_count_is_off(struct state *state)
{
    state->buddy->shown++;
}

static void section_is_not_found(struct state *state)
{
    static struct bsai_section other;
    state->buddy->lookup.near[0].section = &other;
}

static const struct corruption {
    void (*make)(struct state *state);
    const char *told;
} corruptions[] = {
    {free_page_has_word, "a free page has a word"},
    {head_is_lost, "taken, but by no run"},
    {run_is_empty, "a run has no pages"},
    {run_is_endless, "reaches beyond its section"},
    {run_is_too_long, "a page of a run is free"},
    {run_is_too_short, "taken, but by no run"},
    {run_begins_in_run, "a run begins inside another"},
    {run_begins_in_large_run, "a run begins inside another"},
    {large_run_ends_early, "its run ends inside it"},
    {bit_is_lost, "count of free pages is wrong"},
    {count_is_off, "count of free pages is wrong"},
    {bound_is_low, "larger free block than its bound"},
    {bound_is_impossible, "use or bound is impossible"},
    {use_is_impossible, "use or bound is impossible"},
    {use_is_not_the_lists, "a list of broken trees is wrong"},
    {tree_is_unlisted, "a broken tree is on no list"},
    {partial_mask_is_off, "mask of the lists of broken trees"},
    {words_are_not_ready, "a broken tree has no words"},
    {whole_tree_is_broken, "wholly free is still broken"},
    {page_beyond_is_free, "a page beyond the section"},
    {cut_tree_is_whole, "cut by the section's border"},
    {full_tree_is_odd, "a full tree is on the list"},
    {odd_tree_is_unlisted, "an odd tree is not on the list"},
    {odd_list_is_off, "the list of odd trees is wrong"},
    {memo_lies, "the memo says"},
    {block_is_too_large, "whole trees reaches beyond its section"},
    {block_is_split, "two free buddies are not merged"},
    {block_is_misaligned, "is not aligned"},
    {inside_is_marked, "a tree inside a free block is marked"},
    {taken_without_run, "taken, but by no run"},
    {whole_mask_is_off, "mask of the lists of free blocks"},
    {whole_list_is_off, "a list of free blocks is wrong"},
    {whole_is_unlisted, "a free block is on no list"},
    {free_count_is_off, "section's count of free pages"},
    {total_is_off, "section's count of managed pages"},
    {sums_are_off, "sums over low and high memory"},
    {section_is_not_enlisted, "not in the roster of its zone"},
    {slot_is_off, "not in its slot of the roster"},
    {section_bound_is_off, "bound is not the roster's"},
    {section_bound_is_low, "a larger free block than its bound"},
    {roster_count_is_off, "roster's count"},
    {roster_level_is_off, "a word of the roster"},
    {taken_page_is_idle, "marks of released pages"},
    {idle_count_is_off, "marks of released pages"},
    {taken_tree_is_released, "not free counts as released"},
    {section_count_is_off, "count of sections is wrong"},
    {section_is_not_found, "not found by its first address"},
};

START_TEST(corruption_is_told)
{
    struct state state;
    begin(&state);
    corruptions[_i].make(&state);
    assert_status(bsa_buddy_validate(state.buddy), BSA_ERR_INVALID_PARAM);
    if (strstr(state.told, corruptions[_i].told) == NULL)
        ck_abort_msg("told \"%s\", expected \"...%s...\"", state.told, corruptions[_i].told);
    region_free(&state.region);
}
END_TEST

static Suite *validate_suite(void)
{
    Suite *suite = suite_create("validate");
    TCase *tests = tcase_create("validate");
    tcase_add_loop_test(tests, corruption_is_told, 0, sizeof(corruptions) / sizeof(corruptions[0]));
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return run_suite(validate_suite());
}
