/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of a CPU's state: one block of whole cache lines, hot parts first. */
#include "cpu.h"

/* Offsets of the parts behind the header. */
struct layout {
    size_t shelves, lists, slots, blocks, bytes;
};

static struct layout lay_out(const struct bsai_cpu_shape *shape)
{
    struct layout l;
    size_t caches = shape->classes + 1 + shape->named, slots = 0;
    size_t blocks = bsai_page_lists_slots(shape->list, shape->list_count);
    size_t end = sizeof(struct bsa_cpu) + caches * sizeof(struct bsai_magazine);

    for (unsigned c = 0; c < shape->classes; c++)
        slots += bsai_slots_of(shape->magazine[c]);
    l.lists = bsai_append(&end, shape->list_count * sizeof(struct bsai_page_list), sizeof(void *));
    l.slots = bsai_append(&end, slots * sizeof(struct bsai_slot), sizeof(struct bsai_slot));
    l.blocks = bsai_append(&end, blocks * sizeof(struct bsai_block), sizeof(void *));
    /* Other CPUs write shelves: they must not share a line with what this CPU reads all the time.
     */
    l.shelves = bsai_append(&end, caches * sizeof(struct bsai_shelf), BSA_CACHE_LINE);
    l.bytes = bsai_align_up(end, BSA_CACHE_LINE);
    return l;
}

void bsai_cpu_measure(struct bsai_cpu_shape *shape)
{
    shape->bytes = lay_out(shape).bytes;
}

/* A section without pages. */
static const struct bsai_section nothing;

struct bsa_cpu *bsai_cpu_lay_out(void *memory, const struct bsai_cpu_shape *shape,
                                 const struct bsai_cache *caches)
{
    struct layout l = lay_out(shape);
    char *base = memory;
    bsai_memset(memory, 0, l.bytes);

    struct bsa_cpu *cpu = memory;
    bsai_lock_init(&cpu->lock);
    cpu->shelves = (struct bsai_shelf *)(void *)(base + l.shelves);

    struct bsai_slot *slots = (struct bsai_slot *)(void *)(base + l.slots);
    cpu->grown_most = shape->grown_most;
    for (unsigned c = 0; c < shape->classes; c++) {
        struct bsai_magazine *m = &cpu->magazines[c];
        m->object_size = caches[c].geometry.object_size;
        m->now = &caches[c].epoch;
        bsai_magazine_init(m, slots, shape->magazine[c], shape->adapts);
        slots += bsai_slots_of(shape->magazine[c]);
    }
    for (unsigned c = shape->classes; c <= shape->classes + shape->named; c++) {
        cpu->magazines[c].now = &caches[c].epoch;
        bsai_magazine_init(&cpu->magazines[c], c == shape->classes ? cpu->none : cpu->closed, 0,
                           false);
    }
    cpu->last = cpu->lent = &cpu->magazines[shape->classes];
    cpu->first = &nothing;
    bsai_page_lists_init(&cpu->lists, (struct bsai_page_list *)(void *)(base + l.lists),
                         shape->list_count, (struct bsai_block *)(void *)(base + l.blocks),
                         shape->list);
    return cpu;
}

void bsai_fast_tables_make(struct bsai_fast_tables *tables, const struct bsai_classes *classes)
{
    for (size_t i = 0; i < classes->largest / 8; i++) {
        for (unsigned row = 0; row < 2; row++) {
            unsigned c = bsai_class_for(classes, (i + 1) * 8, row == 0 ? 8 : 16);
            tables->place[row][i] =
                (uint8_t)(BSAI_MAGAZINE_PLACE(c) / sizeof(struct bsai_magazine));
        }
    }
}
