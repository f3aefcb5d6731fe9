/* SPDX-License-Identifier: Apache-2.0 */
#include "page_list.h"

enum {
    REFILL_PART = 8, /* a refill takes no more than 1/8 of the room */
    LOAN_PART = 4    /* a loan is 1/4 of the share */
};

/* No block's word: what a list finds below its first one. */
static const uint32_t no_word = BSAI_PAGE_NONE;

static void wipe(struct bsai_block *from, const struct bsai_block *to)
{
    for (; from < to; from++)
        bsai_block_set(from, NULL, (uint32_t *)(uintptr_t)&no_word);
}

/* One before each list, and one behind the last. */
size_t bsai_page_lists_slots(const uint16_t *blocks, unsigned count)
{
    size_t slots = 1;
    for (unsigned i = 0; i < count; i++)
        slots += blocks[i] + 1u;
    return slots;
}

void bsai_page_lists_init(struct bsai_page_lists *lists, struct bsai_page_list *list,
                          unsigned count, struct bsai_block *slots, const uint16_t *blocks)
{
    lists->list = lists->last = list;
    lists->count = count;
    wipe(slots, slots + bsai_page_lists_slots(blocks, count));
    for (unsigned i = 0; i < count; i++, list++) {
        list->base = list->top = slots + 1;
        list->limit = list->base + blocks[i];
        slots = list->limit;
    }
}

static void add_room(struct bsai_page_lists *lists, size_t pages)
{
    bsai_shared_count(&lists->common->left, (size_t)0 - pages);
    lists->most += pages;
}

void bsai_page_lists_furnish(struct bsai_page_lists *lists, struct bsai_list_room *common,
                             size_t share)
{
    lists->common = common;
    lists->share = share;
}

void bsai_page_lists_ration(struct bsai_page_lists *lists, size_t share)
{
    if (lists->most != 0)
        add_room(lists, share - lists->most);
    lists->share = share;
}

/* The share is the CPU's as long as it uses its lists. */
static void claim_share(struct bsai_page_lists *lists)
{
    if (BSAI_UNLIKELY(lists->most < lists->share))
        add_room(lists, lists->share - lists->most);
}

void bsai_page_lists_own(struct bsai_page_lists *lists, unsigned cpu, bool locked, bool atomic,
                         bool fast)
{
    uint32_t holder = BSAI_HOLDER(cpu);
    lists->lent = locked ? BSAI_PAGE_BLOCK : bsai_word_held(BSAI_PAGE_LENT, holder);
    lists->kept = locked ? BSAI_PAGE_LISTED : bsai_word_held(BSAI_PAGE_KEPT, holder);
    lists->away = bsai_word_held(BSAI_PAGE_LENT, holder | BSAI_HOLDER_AWAY);
    lists->atomic = atomic;
    if (fast)
        lists->fast_most = lists->count < BSAI_LIST_RUN_MAX ? lists->count : BSAI_LIST_RUN_MAX;
    lists->fast = lists->fast_most;
    for (unsigned i = 0; i < lists->count; i++) {
        lists->list[i].lent = bsai_word_run(lists->lent, bsai_list_pages(i));
        lists->list[i].kept = bsai_word_run(lists->kept, bsai_list_pages(i));
    }
}

void bsai_page_lists_renew(struct bsai_page_lists *lists)
{
    /* In this order: what is said meanwhile is not forgotten. */
    bsai_poke(&lists->fast, lists->fast_most);
    for (unsigned i = 0; i < lists->count; i++)
        wipe(lists->list[i].top, lists->list[i].limit);
}

size_t bsai_blocks_listed(const struct bsai_page_lists *lists)
{
    size_t blocks = 0;
    for (unsigned i = 0; i < lists->count; i++)
        blocks += (size_t)(bsai_peek(&lists->list[i].top) - lists->list[i].base);
    return blocks;
}

bool bsai_block_claim(const struct bsai_page_lists *lists, uint32_t *at, uint32_t word,
                      bool to_list)
{
    uint32_t unheld = bsai_word_unheld(word);
    if (bsai_word_kind(unheld) != BSAI_PAGE_BLOCK)
        return false;
    size_t pages = bsai_word_count(unheld);
    /* A plain store claims only what stays: see the top of page/page.h. */
    if (word == bsai_word_run(lists->lent, pages))
        return bsai_block_reclaim(lists, at, word, lists->atomic || !to_list);
    uint32_t kind = word != unheld ? lists->away : to_list ? lists->kept : BSAI_PAGE_LISTED;
    return bsai_word_claim(at, &word, bsai_word_run(kind, pages));
}

/* The word that a block gets which is on two lists, by whoever looks first: the other one has it.
 */
static uint32_t leave_to_other(const struct bsai_page_lists *lists, uint32_t word)
{
    if (bsai_word_holder(word) == bsai_word_holder(lists->away))
        return (bsai_half)word | BSAI_HOLDER_AWAY << 16; /* nobody's: the one that wrote KEPT */
    return word ^ BSAI_PAGE_KEPT ^ BSAI_PAGE_LENT;
}

/* Whether a block on the CPU's list is its own. If not, another CPU freed it at the same moment; it
 * is on that one's list, or has even been handed out or sent home since. */
static bool is_own(const struct bsai_page_lists *lists, const struct bsai_page_list *list,
                   uint32_t *at)
{
    for (;;) {
        uint32_t word = bsai_peek(at);
        if (word == list->kept || word == bsai_word_run(lists->away, bsai_page_list_pages(list)))
            return true;
        if ((bsai_half)word != (bsai_half)list->kept ||
            (bsai_word_holder(word) & BSAI_HOLDER_AWAY) == 0)
            return false;
        bool nobodys = bsai_word_holder(word) == BSAI_HOLDER_AWAY;
        if (bsai_word_claim(at, &word, nobodys ? list->kept : leave_to_other(lists, word)))
            return nobodys;
    }
}

static void set_top(struct bsai_page_lists *lists, struct bsai_page_list *list,
                    struct bsai_block *top)
{
    bsai_poke(&lists->listed,
              lists->listed - (size_t)(list->top - top) * bsai_page_list_pages(list));
    bsai_poke(&list->top, top);
}

void *bsai_page_list_take(struct bsai_page_lists *lists, struct bsai_page_list *list, void **twice)
{
    while (list->top != list->base) {
        struct bsai_block *slot = list->top - 1;
        if (is_own(lists, list, slot->word)) {
            bsai_poke(slot->word, list->kept);
            return bsai_page_list_pop(lists, list, bsai_page_list_pages(list));
        }
        *twice = slot->start;
        set_top(lists, list, slot);
    }
    return NULL;
}

bool bsai_page_list_refill(struct bsai_page_lists *lists, struct bsai_call *call,
                           struct bsa_buddy *buddy, struct bsai_page_list *list)
{
    size_t n = (size_t)(list->limit - list->base + 1) / 2, pages = bsai_page_list_pages(list);
    unsigned order = bsai_log2(pages);
    claim_share(lists);
    size_t room = lists->most > lists->listed ? lists->most - lists->listed : 0;
    if (n > room / REFILL_PART >> order)
        n = room / REFILL_PART >> order;
    if (n == 0 || !bsai_is_pow2(pages))
        return false;
    n = bsai_buddy_take_batch(buddy, call, order, n, BSAI_USE_PAGES, lists->kept, list->base);
    set_top(lists, list, list->base + n);
    bsai_count(&lists->taken, n);
    return n != 0;
}

/* Gives n blocks of a list back, from a slot on. */
static void give(struct bsai_page_lists *lists, struct bsai_call *call, struct bsa_buddy *buddy,
                 struct bsai_page_list *list, struct bsai_block *from, size_t n)
{
    struct bsai_block *rest = from + n;
    size_t own = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_own(lists, list, from[i].word))
            bsai_block_set(&from[own++], from[i].start, from[i].word);
        else
            bsai_misuse(call, BSA_ERR_NOT_ALLOCATED, from[i].start, BSAI_BLOCK_FREED_TWICE);
    }
    bsai_buddy_give_batch(buddy, call, from, own, bsai_page_list_pages(list));
    for (; rest < list->top; from++, rest++)
        bsai_block_set(from, rest->start, rest->word);
    set_top(lists, list, list->top - n);
    bsai_count(&lists->given, own);
}

static struct bsai_block *find(const struct bsai_page_list *list, const void *start)
{
    struct bsai_block *slot = list->base;
    while (slot < list->top && slot->start != start)
        slot++;
    return slot < list->top ? slot : NULL;
}

bool bsai_page_lists_have(const struct bsai_page_lists *lists, const void *start, size_t pages)
{
    const struct bsai_page_list *list = bsai_page_list(lists, pages);
    return list != NULL && find(list, start) != NULL;
}

void bsai_page_lists_give(struct bsai_page_lists *lists, struct bsai_call *call,
                          struct bsa_buddy *buddy, const void *start, size_t pages)
{
    struct bsai_page_list *list = bsai_page_list(lists, pages);
    give(lists, call, buddy, list, find(list, start), 1);
}

static size_t blocks_of(const struct bsai_page_list *list)
{
    return (size_t)(list->top - list->base);
}

/* The list that has most pages. */
static struct bsai_page_list *largest(const struct bsai_page_lists *lists)
{
    struct bsai_page_list *found = lists->list;
    size_t most = 0;
    for (unsigned i = 0; i < lists->count; i++) {
        size_t pages = blocks_of(&lists->list[i]) * bsai_list_pages(i);
        if (pages > most) {
            found = &lists->list[i];
            most = pages;
        }
    }
    return found;
}

static void borrow(struct bsai_page_lists *lists, size_t pages)
{
    size_t loan = lists->share / LOAN_PART;
    ptrdiff_t left = (ptrdiff_t)bsai_peek(&lists->common->left);
    if (loan >= pages && left >= (ptrdiff_t)loan && lists->most + loan <= lists->common->most)
        add_room(lists, loan);
}

/* What is to be given back of loans. */
static size_t owed(const struct bsai_page_lists *lists)
{
    size_t loans = lists->most > lists->share ? lists->most - lists->share : 0;
    ptrdiff_t left = (ptrdiff_t)bsai_peek(&lists->common->left);
    size_t overdrawn = left < 0 ? (size_t)0 - (size_t)left : 0;
    return loans < overdrawn ? loans : overdrawn;
}

void bsai_page_list_make_room(struct bsai_page_lists *lists, struct bsai_call *call,
                              struct bsa_buddy *buddy, struct bsai_page_list *list)
{
    size_t pages = bsai_page_list_pages(list), debt = owed(lists);
    claim_share(lists);
    if (list->top == list->limit)
        give(lists, call, buddy, list, list->base, (blocks_of(list) + 1) / 2);
    if (!bsai_page_lists_have_room(lists, pages))
        borrow(lists, pages);
    while (!bsai_page_lists_have_room(lists, pages + debt)) {
        struct bsai_page_list *most = largest(lists);
        give(lists, call, buddy, most, most->base, (blocks_of(most) + 1) / 2);
    }
    if (BSAI_UNLIKELY(debt != 0))
        add_room(lists, (size_t)0 - debt);
}

size_t bsai_page_lists_drain(struct bsai_page_lists *lists, struct bsai_call *call,
                             struct bsa_buddy *buddy)
{
    size_t listed = lists->listed;
    for (struct bsai_page_list *list = lists->list; list < lists->list + lists->count; list++) {
        if (list->top != list->base)
            give(lists, call, buddy, list, list->base, blocks_of(list));
    }
    add_room(lists, (size_t)0 - lists->most);
    return listed;
}
