/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void set_word(struct bsa_buddy *buddy, void *block, enum bsai_page_kind kind, unsigned order)
{
    size_t page;
    struct bsai_section *section = bsai_section_find(buddy, (uintptr_t)block, &page);
    bsai_poke(&section->map.hot[page], bsai_word_run(kind, (size_t)1 << order));
}

static void account(struct bsa_cpu *cpu, struct bsai_page_list *list, size_t count, unsigned order)
{
    size_t change = count - list->count; /* may wrap: the sum below wraps back */
    bsai_poke(&list->count, (uint32_t)count);
    bsai_count(&cpu->pages_listed, change << order);
}

/* Takes a batch from the buddy: half the list, as far as the CPU's total allows. */
static void refill(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy, struct bsai_page_list *list,
                   unsigned order)
{
    size_t room = (cpu->pages_most - cpu->pages_listed) >> order;
    size_t want = min(room, (list->capacity + 1u) / 2);
    if (want == 0)
        return;
    size_t got =
        bsai_buddy_take_batch(buddy, call, order, want, BSAI_USE_PAGES, BSAI_PAGE_LISTED, list->slots);
    account(cpu, list, got, order);
}

void *bsai_page_list_pop(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy, unsigned order)
{
    struct bsai_page_list *list = &cpu->lists[order];
    if (list->count == 0)
        refill(cpu, call, buddy, list, order);
    else
        bsai_count(&cpu->counters.page_hits, (size_t)1);
    if (list->count == 0)
        return NULL;
    void *block = list->slots[list->count - 1];
    account(cpu, list, list->count - 1, order);
    set_word(buddy, block, BSAI_PAGE_BLOCK, order);
    return block;
}

/* Gives the oldest n blocks of a list back. */
static void give_oldest(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy, unsigned order, size_t n)
{
    struct bsai_page_list *list = &cpu->lists[order];
    size_t left = list->count - n;
    bsai_buddy_give_batch(buddy, call, list->slots, n, order);
    for (size_t i = 0; i < left; i++)
        bsai_poke(&list->slots[i], list->slots[i + n]);
    account(cpu, list, left, order);
}

/* Makes the CPU's share big enough for so many further pages: the largest blocks of other lists go. */
static bool make_share(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy, size_t pages)
{
    for (unsigned order = BSAI_LIST_ORDERS; order-- > 0 && cpu->pages_listed + pages > cpu->pages_most;) {
        if (cpu->lists[order].count != 0)
            give_oldest(cpu, call, buddy, order, (cpu->lists[order].count + 1u) / 2);
    }
    return cpu->pages_listed + pages <= cpu->pages_most;
}

bool bsai_page_list_push(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy, unsigned order,
                         void *block)
{
    struct bsai_page_list *list = &cpu->lists[order];
    size_t pages = (size_t)1 << order;
    if (list->capacity == 0)
        return false;
    if (list->count == list->capacity)
        give_oldest(cpu, call, buddy, order, (list->count + 1u) / 2);
    if (cpu->pages_listed + pages > cpu->pages_most && !make_share(cpu, call, buddy, pages))
        return false;
    bsai_poke(&list->slots[list->count], block);
    account(cpu, list, list->count + 1u, order);
    return true;
}

size_t bsai_page_list_drain(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy)
{
    size_t pages = cpu->pages_listed;
    for (unsigned order = 0; order < BSAI_LIST_ORDERS; order++) {
        if (cpu->lists[order].count != 0)
            give_oldest(cpu, call, buddy, order, cpu->lists[order].count);
    }
    return pages;
}
