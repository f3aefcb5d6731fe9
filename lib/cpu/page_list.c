/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

bool bsai_page_list_refill(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                           struct bsai_page_list *list, size_t pages)
{
    if (list->capacity == 0 || !bsai_is_pow2(pages))
        return false;
    size_t got = bsai_buddy_take_batch(buddy, call, bsai_log2(pages), (list->capacity + 1u) / 2,
                                       BSAI_USE_PAGES, BSAI_PAGE_LISTED, list->slots, list->words);
    bsai_poke(&list->count, (uint32_t)got);
    bsai_count(&cpu->counters.blocks_taken, got);
    return got != 0;
}

/* Gives the oldest n blocks of a list back. */
static void give_oldest(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                        struct bsai_page_list *list, size_t pages, uint32_t n)
{
    uint32_t left = list->count - n;
    bsai_buddy_give_batch(buddy, call, list->slots, n, pages);
    for (uint32_t i = 0; i < left; i++) {
        bsai_poke(&list->slots[i], list->slots[i + n]);
        list->words[i] = list->words[i + n];
    }
    bsai_poke(&list->count, left);
    bsai_count(&cpu->counters.blocks_given, (size_t)n);
}

void bsai_page_list_flush(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy,
                          struct bsai_page_list *list, size_t pages)
{
    give_oldest(cpu, call, buddy, list, pages, (list->count + 1) / 2);
}

size_t bsai_page_list_drain(struct bsa_cpu *cpu, struct bsai_call *call, struct bsa_buddy *buddy)
{
    size_t listed = bsai_pages_listed(cpu);
    for (unsigned i = 0; i < cpu->list_count; i++) {
        if (cpu->lists[i].count != 0)
            give_oldest(cpu, call, buddy, &cpu->lists[i], bsai_list_pages(i), cpu->lists[i].count);
    }
    return listed;
}
