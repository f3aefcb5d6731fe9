/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool bsai_page_list_refill(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                           unsigned order)
{
    struct bsai_page_list *list = &cpu->lists[order];
    size_t room = (cpu->pages_most - cpu->pages_listed) >> order;
    size_t want = min(room, (list->capacity + 1u) / 2);
    if (want == 0)
        return false;
    size_t got = bsai_buddy_take_batch(buddy, call, order, want, BSAI_USE_PAGES, BSAI_PAGE_LISTED,
                                       list->slots);
    bsai_page_list_resize(cpu, order, got);
    return got != 0;
}

/* Gives the oldest n blocks of a list back. */
static void give_oldest(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                        unsigned order, size_t n)
{
    struct bsai_page_list *list = &cpu->lists[order];
    size_t left = list->count - n;
    bsai_buddy_give_batch(buddy, call, list->slots, n, order);
    for (size_t i = 0; i < left; i++)
        bsai_poke(&list->slots[i], list->slots[i + n]);
    bsai_page_list_resize(cpu, order, left);
}

bool bsai_page_list_flush(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                          unsigned order)
{
    size_t pages = (size_t)1 << order;
    if (cpu->lists[order].capacity == 0)
        return false;
    if (cpu->lists[order].count == cpu->lists[order].capacity)
        give_oldest(cpu, call, buddy, order, (cpu->lists[order].count + 1u) / 2);
    /* The CPU's share is used up: the largest blocks of other lists go first. */
    for (unsigned other = BSAI_LIST_ORDERS;
         other-- > 0 && cpu->pages_listed + pages > cpu->pages_most;) {
        if (cpu->lists[other].count != 0)
            give_oldest(cpu, call, buddy, other, (cpu->lists[other].count + 1u) / 2);
    }
    return cpu->pages_listed + pages <= cpu->pages_most;
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
