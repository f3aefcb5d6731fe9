/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many objects in one call. A CPU is owned for a span of them at a time, so that one lock and one
 * look at the size serve many and yet nobody waits long; within a span objects go between the
 * magazine and the caller's array, and what the magazine cannot do is a single call's slow path.
 */
#include "fast.h"

enum { SPAN = 256 };

static size_t span_of(size_t left)
{
    return left < SPAN ? left : SPAN;
}

/* Up to n objects from the top of a magazine, as long as their states are in the same words: so
 * one word is written for all of them. 0 leaves everything as it was. */
static size_t pop_run(struct bsai_magazine *m, size_t n, void **out)
{
    struct bsai_slot *slot = m->top - 1;
    struct bsai_states *states = slot->states;
    bsai_word bits = 0;
    size_t got = 0;
    for (; got < n && slot->addr != BSAI_NO_ADDRESS && slot->states == states &&
           (bits & slot->bit) == 0;
         slot--) {
        out[got++] = (void *)slot->addr;
        bits |= slot->bit;
    }
    if (got == 0 || !bsai_hand_out(states, bits))
        return 0;
    bsai_poke(&m->top, slot + 1);
    return got;
}

/* Objects of a class, or blocks, for a span of out: how many. Sets *status when they are fewer. */
static size_t alloc_span(struct bsa_cpu *cpu, struct bsai_call *call, size_t size, size_t align,
                         size_t n, void **out, enum bsa_status *status)
{
    struct bsai_magazine *m = &cpu->magazines[bsai_class_for(&cpu->heap->classes, size, align)];
    size_t got = 0;
    while (got < n) {
        size_t run = pop_run(m, n - got, out + got);
        got += run;
        if (BSAI_LIKELY(run != 0))
            continue;
        *status = bsai_heap_alloc_any(cpu, call, size, align, &out[got]);
        if (*status != BSA_OK)
            break;
        got++;
        m = &call->cpu->magazines[m - cpu->magazines];
        cpu = call->cpu;
    }
    return got;
}

static enum bsa_status alloc_bulk(struct bsa_heap *heap, struct bsa_cpu *handle, size_t size,
                                  size_t align, size_t n, void **out, size_t *got)
{
    struct bsai_call call;
    enum bsa_status status = BSA_OK;
    size_t done = 0;
    if (!bsai_is_pow2(align)) {
        bsai_call_begin(&call, &heap->buddy.platform);
        bsai_misuse(&call, BSA_ERR_INVALID_PARAM, NULL, "an alignment that is not a power of two");
        status = bsai_call_end(&call, BSA_ERR_INVALID_PARAM);
    }
    while (done < n && status == BSA_OK) {
        struct bsa_cpu *cpu = bsai_heap_begin(heap, &call, handle);
        if (cpu != NULL) {
            done += alloc_span(cpu, &call, size, align, span_of(n - done), out + done, &status);
            bsai_heap_end(&call);
        }
        status = bsai_call_end(&call, cpu != NULL ? status : BSA_ERR_INVALID_PARAM);
    }
    for (size_t i = done; i < n; i++)
        out[i] = NULL;
    if (got != NULL)
        *got = done;
    return status;
}

/* The first objects, as long as they are live, of one slab, and their states are in the same words,
 * into the magazine: how many. 0 leaves everything as it was. */
static size_t push_run(struct bsa_cpu *cpu, void *const *objects, size_t n)
{
    struct bsai_slab *slab = bsai_slab_at(cpu->heap, objects[0]);
    struct bsai_states *states = NULL;
    bsai_word bits = 0;
    size_t count = 0, index;
    if (BSAI_UNLIKELY(slab == NULL))
        return 0;
    struct bsai_magazine *m = bsai_magazine_at(cpu, slab->tag);
    struct bsai_slot *slot = m->top;
    bool home = bsai_is_home(cpu, slab);
    if (!home && bsai_magazine_is_due(m))
        return 0; /* what was freed away before travels on first */
    for (; count < n && slot < m->limit; count++, slot++) {
        uintptr_t p = (uintptr_t)objects[count];
        if ((count != 0 && bsai_slab_at(cpu->heap, objects[count]) != slab) ||
            !bsai_slab_index(slab, p, &index))
            break;
        struct bsai_states *own = bsai_states_of(slab, index);
        bsai_word bit = bsai_bit(index);
        if ((count != 0 && own != states) || (bits & bit) != 0)
            break;
        states = own;
        bits |= bit;
        *slot = (struct bsai_slot){p, slab, states, bit};
    }
    if (count == 0 || !bsai_take_back_any(cpu, slab, states, bits, &home)) {
        bsai_slots_wipe(m->top, slot);
        return 0;
    }
    for (struct bsai_slot *away = home ? slot : m->top; away < slot; away++)
        away->addr = BSAI_NO_ADDRESS;
    bsai_poke(&m->top, slot);
    if (!home)
        bsai_magazine_sink(m, (unsigned)count);
    return count;
}

/* Up to the span's end, or up to and including the first that is refused: how many were looked at.
 */
static size_t free_span(struct bsa_cpu *cpu, struct bsai_call *call, void *const *objects, size_t n,
                        size_t *freed, enum bsa_status *status)
{
    size_t i = 0;
    while (i < n && *status == BSA_OK) {
        if (BSAI_UNLIKELY(objects[i] == NULL)) {
            i++;
            continue;
        }
        size_t run = push_run(cpu, objects + i, n - i);
        if (BSAI_UNLIKELY(run == 0)) {
            run = 1;
            *status = bsai_heap_free_any(cpu, call, objects[i], 0);
        }
        i += run;
        *freed += *status == BSA_OK ? run : 0;
    }
    return i;
}

static enum bsa_status free_bulk(struct bsa_heap *heap, struct bsa_cpu *handle,
                                 void *const *objects, size_t n, size_t *freed)
{
    enum bsa_status first = BSA_OK;
    size_t done = 0, count = 0;
    while (done < n) {
        struct bsai_call call;
        enum bsa_status status = BSA_OK;
        struct bsa_cpu *cpu = bsai_heap_begin(heap, &call, handle);
        if (cpu == NULL) {
            first = bsai_call_end(&call, BSA_ERR_INVALID_PARAM);
            break;
        }
        done += free_span(cpu, &call, objects + done, span_of(n - done), &count, &status);
        bsai_heap_end(&call);
        bsai_call_end(&call, status);
        if (first == BSA_OK)
            first = status;
    }
    if (freed != NULL)
        *freed = count;
    return first;
}

enum bsa_status bsa_heap_alloc_bulk(bsa_heap *heap, size_t size, size_t align, size_t n, void **out,
                                    size_t *got)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    return out == NULL ? BSA_ERR_INVALID_PARAM : alloc_bulk(heap, NULL, size, align, n, out, got);
}

enum bsa_status bsa_cpu_alloc_bulk(bsa_cpu *cpu, size_t size, size_t align, size_t n, void **out,
                                   size_t *got)
{
    if (cpu == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    return out == NULL ? BSA_ERR_INVALID_PARAM
                       : alloc_bulk(cpu->heap, cpu, size, align, n, out, got);
}

enum bsa_status bsa_heap_free_bulk(bsa_heap *heap, void *const *objects, size_t n, size_t *freed)
{
    if (heap == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    return objects == NULL ? BSA_ERR_INVALID_PARAM : free_bulk(heap, NULL, objects, n, freed);
}

enum bsa_status bsa_cpu_free_bulk(bsa_cpu *cpu, void *const *objects, size_t n, size_t *freed)
{
    if (cpu == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    return objects == NULL ? BSA_ERR_INVALID_PARAM : free_bulk(cpu->heap, cpu, objects, n, freed);
}
