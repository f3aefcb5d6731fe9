/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache and its slabs from inside: what is on which list when, who may take, and what an object's
 * state tells.
 */
#include "slab_bed.h"

START_TEST(a_slab_made)
{
    struct bed *b = make_bed(1);
    struct bsai_slab *slab = new_slab(b);
    size_t page = bsai_map_page(&b->map, slab->base), index;
    ck_assert_uint_eq(slab->free, CAPACITY);
    ck_assert_ptr_eq(bsai_map_slab(&b->map, page), slab);
    ck_assert_uint_eq(bsai_slab_live(slab), 0);
    ck_assert_uint_eq(b->hot[page], bsai_word_run(BSAI_PAGE_SLAB, 1));
    ck_assert_uint_eq(slab->cache, CLASS_512);
    for (uintptr_t offset = 0; offset < PAGE; offset++) {
        bool first = bsai_slab_locate(slab, slab->base + offset, &index);
        ck_assert(first == (offset % 512 == 0));
        if (first)
            ck_assert_uint_eq(index, offset / 512);
    }
    bsai_slab_unmake(&b->map, page, slab->pages);
    ck_assert_uint_eq(b->hot[page], BSAI_PAGE_NONE);
    ck_assert_ptr_null(bsai_map_slab(&b->map, page));
    end_bed(b);
}
END_TEST

/* Fresh, claimed, full, partial, and all of it taken again: lowest object last in each batch. */
START_TEST(round_trip)
{
    struct bed *b = make_bed(1);
    struct bsai_slab *slab = new_slab(b);
    struct bsai_slot slots[CAPACITY];
    ck_assert_uint_eq(take(b, 0, NULL, 3, slots), 0);
    ck_assert_uint_eq(take(b, 0, slab, 3, slots), 3);
    check(b, slab, BSAI_LIST_CLAIMED, 5);
    ck_assert_ptr_eq(b->shelves[0].claim, slab);
    ck_assert_uint_eq(slab->home, 0);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(slots[i].addr, slab->base + (2 - i) * 512);
        ck_assert_ptr_eq(slots[i].slab, slab);
        ck_assert_uint_eq(bsai_slot_index(&slots[i]), 2 - i);
        ck_assert_uint_eq(bsai_slot_addr(b->cache, &slots[i]), slots[i].addr);
    }
    /* As many as there are, then it is full: on no list, and no one's claim. */
    ck_assert_uint_eq(take(b, 0, NULL, 100, slots + 3), 5);
    check(b, slab, BSAI_LIST_NONE, 0);
    ck_assert_ptr_null(b->shelves[0].claim);
    struct bsai_slot again[3];
    ck_assert_uint_eq(take(b, 0, NULL, 1, again), 0);

    /* The first object back lists it for all. Another CPU's objects have no address for the fast
     * paths. */
    ck_assert(!put(b, 0, &slots[4], 1));
    check(b, slab, BSAI_LIST_SHELF, 1);
    ck_assert(!put(b, 0, &slots[6], 1));
    ck_assert_uint_eq(take(b, 1, NULL, 1, again), 0); /* its home's */
    ck_assert(!put(b, 1, slots, 3));
    check(b, slab, BSAI_LIST_SHELF, 5);
    ck_assert(!put(b, 1, &slots[7], 1));
    check(b, slab, BSAI_LIST_PARTIAL, 6);
    ck_assert_uint_eq(take(b, 1, NULL, 1, again), 1);
    check(b, slab, BSAI_LIST_CLAIMED, 5);
    ck_assert_uint_eq(again[0].addr, BSAI_NO_ADDRESS);
    ck_assert_uint_eq(bsai_slot_addr(b->cache, &again[0]), slab->base);
    ck_assert_uint_eq(take(b, 1, NULL, 2, again + 1), 2);
    ck_assert_uint_eq(bsai_slot_addr(b->cache, &again[2]), slab->base + 512);
    end_bed(b);
}
END_TEST

/* What other CPUs put is counted apart until the next take; a slab's home is who took from it
 * first. */
START_TEST(remote_counts)
{
    struct bed *b = make_bed(1);
    struct bsai_slab *slab = new_slab(b);
    struct bsai_slot slots[CAPACITY];
    ck_assert_uint_eq(take(b, 2, slab, CAPACITY, slots), CAPACITY);
    ck_assert(!put(b, 2, slots, 2));
    ck_assert_uint_eq(b->away, 0);
    ck_assert(!put(b, 3, slots + 2, 3));
    ck_assert_uint_eq(b->away, 3);
    ck_assert_uint_eq(slab->free, 5);
    ck_assert_uint_eq(slab->remote, 3);
    ck_assert_uint_eq(b->cache->remote, 3);
    ck_assert_uint_eq(take(b, 2, NULL, 1, slots), 1);
    ck_assert_uint_eq(slab->free, 4);
    ck_assert_uint_eq(slab->remote, 0);
    ck_assert_uint_eq(b->cache->remote, 0);
    end_bed(b);
}
END_TEST

/* All objects back: on the empty list, kept up to a number, then out. */
START_TEST(emptied)
{
    struct bed *b = make_bed(1);
    struct bsai_slab *slab = new_slab(b), *other = new_slab(b);
    struct bsai_slot slots[2 * CAPACITY];
    ck_assert_uint_eq(take(b, 0, slab, 4, slots), 4);
    ck_assert(!put(b, 0, slots, 3));
    check(b, slab, BSAI_LIST_CLAIMED, 7);
    ck_assert(!put(b, 1, slots + 3, 1));
    check(b, slab, BSAI_LIST_EMPTY, CAPACITY);
    ck_assert_ptr_null(b->shelves[0].claim);
    ck_assert_uint_eq(b->cache->remote, 1);
    /* One is kept... */
    ck_assert_ptr_null(bsai_cache_settle(b->cache, &b->call, 1, UINT32_MAX));
    ck_assert_uint_eq(b->cache->slabs, 1);
    /* ...a second one is too much... */
    ck_assert_uint_eq(take(b, 1, other, 2, slots), 2);
    ck_assert(put(b, 1, slots, 2));
    ck_assert_ptr_eq(bsai_cache_settle(b->cache, &b->call, 1, UINT32_MAX), other);
    ck_assert_ptr_null(other->next);
    ck_assert_uint_eq(b->cache->epoch, 1);
    /* ...and the first one until it is wanted. */
    ck_assert_ptr_eq(bsai_cache_settle(b->cache, &b->call, 0, UINT32_MAX), slab);
    ck_assert_uint_eq(b->cache->slabs, 0);
    ck_assert_uint_eq(b->cache->remote, 0);
    ck_assert_uint_eq(b->cache->available, 0);
    ck_assert_uint_eq(b->cache->epoch, 2);
    ck_assert_ptr_null(bsai_cache_settle(b->cache, &b->call, 0, UINT32_MAX));
    end_bed(b);
}
END_TEST

/* Emptied, then taken from again before anybody looked: it must not be taken for empty. */
START_TEST(emptied_and_taken_again)
{
    struct bed *b = make_bed(BSA_NONE);
    struct bsai_slab *slab = new_slab(b);
    struct bsai_slot slots[CAPACITY];
    ck_assert_uint_eq(take(b, 0, slab, 2, slots), 2);
    ck_assert(put(b, 0, slots, 2));
    ck_assert_uint_eq(take(b, 0, NULL, CAPACITY, slots), CAPACITY);
    check(b, slab, BSAI_LIST_NONE, 0);
    ck_assert_ptr_null(bsai_cache_settle(b->cache, &b->call, 0, UINT32_MAX));
    put(b, 0, slots, 1);
    check(b, slab, BSAI_LIST_SHELF, 1);
    ck_assert_uint_eq(take(b, 0, NULL, 1, slots), 1);
    end_bed(b);
}
END_TEST

/* A claim that is given up leaves the slab to all; an empty one goes to the empty list. */
START_TEST(disclaimed)
{
    struct bed *b = make_bed(1);
    struct bsai_slab *slab = new_slab(b), *second = new_slab(b);
    struct bsai_slot slots[CAPACITY];
    ck_assert_uint_eq(take(b, 0, slab, 1, slots), 1);
    bsai_cache_disclaim(b->cache, &b->call, &b->shelves[0]);
    check(b, slab, BSAI_LIST_PARTIAL, 7);
    ck_assert_ptr_null(b->shelves[0].claim);
    bsai_cache_disclaim(b->cache, &b->call, &b->shelves[0]);

    /* Empty now: from the partial list to the other. */
    ck_assert(!put(b, 0, slots, 1));
    check(b, slab, BSAI_LIST_EMPTY, CAPACITY);
    ck_assert_ptr_eq(bsai_cache_settle(b->cache, &b->call, 0, 1), slab);

    ck_assert_uint_eq(take(b, 0, second, 0, slots), 0);
    check(b, second, BSAI_LIST_CLAIMED, CAPACITY);
    bsai_cache_disclaim(b->cache, &b->call, &b->shelves[0]);
    check(b, second, BSAI_LIST_EMPTY, CAPACITY);
    end_bed(b);
}
END_TEST

/* Another CPU's shelf, then its claim, are taken from only by who may take from any. */
START_TEST(claims_of_others)
{
    struct bed *b = make_bed(1);
    struct bsai_slab *slab = new_slab(b);
    struct bsai_slot slots[CAPACITY];
    ck_assert_uint_eq(take(b, 0, slab, 1, slots), 1);
    ck_assert_uint_eq(take(b, 1, NULL, 1, slots), 0);
    ck_assert_uint_eq(
        bsai_cache_take(b->cache, &b->call, 1, &b->shelves[1], BSAI_TAKE_ANY, NULL, 2, slots), 2);
    ck_assert_ptr_null(b->shelves[0].claim);
    ck_assert_ptr_eq(b->shelves[1].claim, slab);
    check(b, slab, BSAI_LIST_CLAIMED, 5);

    struct bsai_slab *full = new_slab(b);
    struct bsai_slot all[CAPACITY];
    ck_assert_uint_eq(take(b, 2, full, CAPACITY, all), CAPACITY);
    put(b, 1, all, 2);
    check(b, full, BSAI_LIST_SHELF, 2);
    ck_assert_uint_eq(
        bsai_cache_take(b->cache, &b->call, 3, &b->shelves[3], BSAI_TAKE_ANY, NULL, 1, slots), 1);
    check(b, full, BSAI_LIST_CLAIMED, 1);
    ck_assert_uint_eq(full->home, 2);
    /* What is given up is partial, however few are free. */
    bsai_cache_disclaim(b->cache, &b->call, &b->shelves[3]);
    check(b, full, BSAI_LIST_SHELF, 1);
    bsai_cache_disclaim(b->cache, &b->call, &b->shelves[2]);
    check(b, full, BSAI_LIST_PARTIAL, 1);
    end_bed(b);
}
END_TEST

/* A fresh slab whose maker has a claim meanwhile goes to the empty ones, and a batch takes from
 * partial slabs first and spares empties once it has something. */
START_TEST(partial_before_empty)
{
    struct bed *b = make_bed(4);
    struct bsai_slab *one = new_slab(b), *two = new_slab(b), *three = new_slab(b);
    struct bsai_slot slots[3 * CAPACITY];
    ck_assert_uint_eq(take(b, 0, one, 1, slots), 1);
    ck_assert_uint_eq(take(b, 0, two, 1, slots + 1), 1);
    check(b, one, BSAI_LIST_CLAIMED, 6);
    check(b, two, BSAI_LIST_EMPTY, CAPACITY);
    ck_assert_uint_eq(take(b, 1, three, 2, slots + 2), 2);
    bsai_cache_disclaim(b->cache, &b->call, &b->shelves[1]);
    check(b, three, BSAI_LIST_PARTIAL, 6);
    /* The claim's six and the partial one's six, but not the empty one's. */
    ck_assert_uint_eq(take(b, 0, NULL, 20, slots + 4), 12);
    check(b, two, BSAI_LIST_EMPTY, CAPACITY);
    ck_assert_uint_eq(take(b, 0, NULL, 20, slots + 16), 8);
    end_bed(b);
}
END_TEST

/* Full slabs cost a take nothing, and those with a free object a bounded number of steps. */
START_TEST(bounded_steps)
{
    struct bed *b = make_bed(0);
    enum { SLABS = 100 };
    struct bsai_slot slots[SLABS * CAPACITY];
    for (unsigned i = 0; i < SLABS; i++)
        ck_assert_uint_eq(take(b, 0, new_slab(b), CAPACITY, slots + i * CAPACITY), CAPACITY);
    size_t before = b->cache->steps;
    ck_assert_uint_eq(take(b, 0, NULL, 1, slots), 0);
    ck_assert_uint_le(b->cache->steps - before, 1);
    for (unsigned i = 0; i < SLABS; i++)
        put(b, 1, slots + i * CAPACITY + i % CAPACITY, 1);
    before = b->cache->steps;
    struct bsai_slot got;
    ck_assert_uint_eq(take(b, 0, NULL, 1, &got), 1);
    ck_assert_uint_le(b->cache->steps - before, 20);
    for (unsigned i = 1; i < SLABS; i++)
        ck_assert_uint_eq(take(b, 0, NULL, 1, &got), 1);
    ck_assert_uint_eq(take(b, 0, NULL, 1, &got), 0);
    end_bed(b);
}
END_TEST

/* One batch for several slabs, in any order. */
START_TEST(mixed_batches)
{
    struct bed *b = make_bed(0);
    struct rng rng = rng_for("mixed batches");
    struct bsai_slot slots[4 * CAPACITY];
    struct bsai_slab *slabs[4];
    for (unsigned i = 0; i < 4; i++) {
        slabs[i] = new_slab(b);
        ck_assert_uint_eq(take(b, 0, slabs[i], CAPACITY, slots + i * CAPACITY), CAPACITY);
    }
    for (unsigned i = 4 * CAPACITY - 1; i > 0; i--) {
        size_t j = rng_below(&rng, i + 1);
        struct bsai_slot swap = slots[i];
        slots[i] = slots[j];
        slots[j] = swap;
    }
    ck_assert(put(b, 0, slots, 4 * CAPACITY));
    for (unsigned i = 0; i < 4; i++)
        check(b, slabs[i], BSAI_LIST_EMPTY, CAPACITY);
    unsigned retired = 0;
    for (struct bsai_slab *s = bsai_cache_settle(b->cache, &b->call, 0, UINT32_MAX); s != NULL;
         s = s->next)
        retired++;
    ck_assert_uint_eq(retired, 4);
    end_bed(b);
}
END_TEST

/* An allocation by the home CPU and one by another, and frees by anybody, tell the first free from
 * the second. */
START_TEST(live_bits)
{
    struct bed *b = make_bed(1);
    struct bsai_slab *slab = new_slab(b);
    struct bsai_slot slots[CAPACITY];
    ck_assert_uint_eq(take(b, 0, slab, CAPACITY, slots), CAPACITY);
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < CAPACITY; i++) {
            struct bsai_states *states = bsai_states_of(slab, i);
            bsai_word bit = bsai_bit(i);
            bool home = (round + i) % 2 == 0, back_home = (round / 2 + i) % 2 == 0;
            ck_assert(!bsai_object_is_live(slab, i));
            ck_assert(home ? bsai_hand_out(states, bit) : bsai_hand_out_away(states, bit));
            ck_assert(bsai_object_is_live(slab, i));
            ck_assert_uint_eq(bsai_slab_live(slab), 1);
            ck_assert(back_home ? bsai_take_back(states, bit) : bsai_take_back_away(states, bit));
            ck_assert(!bsai_take_back(states, bit));
            ck_assert(!bsai_take_back_away(states, bit));
            ck_assert_uint_eq(bsai_slab_live(slab), 0);
        }
    }
    end_bed(b);
}
END_TEST

/* Shared mode: as long as a slab is private its home CPU frees plainly, and nobody else does; once
 * it is exposed all free atomically, until it is taken from when it is empty. */
START_TEST(private_and_exposed)
{
    struct bed *b = make_bed(1);
    struct bsai_slab *slab = new_slab(b);
    struct bsai_slot slots[CAPACITY];
    ck_assert_uint_eq(take(b, 0, slab, CAPACITY, slots), CAPACITY);
    struct bsai_states *states = slots[0].states;
    bsai_word bit = slots[0].bit;
    ck_assert(!bsai_take_back_private(slab, states, bit, 0)); /* is not live */
    ck_assert(bsai_hand_out(states, bit));
    ck_assert(!bsai_take_back_private(slab, states, bit, 1));
    ck_assert(!bsai_take_back_exposed(slab, states, bit));
    ck_assert(bsai_take_back_private(slab, states, bit, 0));
    ck_assert_uint_eq(states->away, 0);

    ck_assert(bsai_hand_out(states, bit));
    bsai_cache_expose(b->cache, &b->call, slab, 1); /* it is not at home there */
    ck_assert(!bsai_slab_is_exposed(slab));
    bsai_cache_expose(&b->caches[CLASS_512 + 1], &b->call, slab, 0); /* nor there */
    ck_assert(!bsai_slab_is_exposed(slab));
    for (unsigned i = 0; i < 2; i++) {
        bsai_cache_expose(b->cache, &b->call, slab, 0);
        ck_assert(bsai_slab_is_exposed(slab));
    }
    uint16_t version = slab->exposed;
    bsai_word here = states->here;
    ck_assert(!bsai_take_back_private(slab, states, bit, 0));
    ck_assert(bsai_take_back_exposed(slab, states, bit));
    ck_assert(!bsai_take_back_exposed(slab, states, bit));
    ck_assert_uint_eq(states->here, here);

    /* Not while anything is out; then, whoever takes it, and with another version. */
    put(b, 1, slots, CAPACITY - 1);
    ck_assert_uint_eq(take(b, 0, NULL, CAPACITY - 1, slots), CAPACITY - 1);
    ck_assert_uint_eq(slab->exposed, version);
    put(b, 0, slots, CAPACITY - 1);
    put(b, 0, &slots[CAPACITY - 1], 1);
    ck_assert_uint_eq(take(b, 2, NULL, 1, slots), 1);
    ck_assert(!bsai_slab_is_exposed(slab));
    ck_assert(bsai_hand_out(slots[0].states, slots[0].bit));
    ck_assert(!bsai_take_back_private(slab, slots[0].states, slots[0].bit, 0));
    ck_assert(bsai_take_back_private(slab, slots[0].states, slots[0].bit, 2));
    bsai_cache_expose(b->cache, &b->call, slab, 2);
    ck_assert_uint_eq(slab->exposed, version + 2);

    /* A record is another slab's: neither version nor states are those that were before. */
    put(b, 2, slots, 1);
    ck_assert_ptr_eq(bsai_cache_settle(b->cache, &b->call, 0, 1), slab);
    bsai_slab_unmake(&b->map, bsai_map_page(&b->map, slab->base), slab->pages);
    ck_assert_ptr_null(bsai_records_put(b->cache->records, &b->call, slab));
    ck_assert_ptr_eq(new_slab(b), slab);
    ck_assert_uint_eq(slab->exposed, version + 2);
    ck_assert_uint_eq(take(b, 1, slab, 1, slots), 1);
    ck_assert_uint_eq(slab->exposed, version + 3);

    /* The last version is not followed by the first one. */
    slab->exposed = UINT16_MAX;
    put(b, 1, slots, 1);
    ck_assert_uint_eq(take(b, 0, NULL, 1, slots), 1);
    ck_assert_uint_eq(slab->exposed, UINT16_MAX);
    end_bed(b);
}
END_TEST

/* Two frees of one object that did not see each other, as the home CPU's and another's may: its
 * parity says live, and neither slot is good for anything any more. */
static void free_twice_at_once(struct bsai_states *states, bsai_word bit)
{
    ck_assert(bsai_hand_out(states, bit));
    bsai_word before = states->here;
    ck_assert(bsai_take_back(states, bit));
    bsai_word after = states->here;
    states->here = before;
    ck_assert(bsai_take_back_away(states, bit));
    states->here = after;
}

static void put_refused(struct bed *b, const struct bsai_slot *slot)
{
    b->call.what = NULL;
    put(b, 1, slot, 1);
    ck_assert_str_eq(b->call.what, BSAI_FREED_TWICE);
    ck_assert_ptr_eq(b->call.addr, (void *)slot->addr);
    b->call.what = NULL;
}

START_TEST(freed_twice_at_once)
{
    struct bed *b = make_bed(1);
    struct bsai_slab *slab = new_slab(b);
    struct bsai_slot slots[CAPACITY];
    ck_assert_uint_eq(take(b, 0, slab, CAPACITY, slots), CAPACITY);
    struct bsai_states *states = slots[0].states;
    bsai_word bit = slots[0].bit;
    free_twice_at_once(states, bit);
    ck_assert(!bsai_hand_out(states, bit));
    ck_assert(!bsai_hand_out_away(states, bit));
    put_refused(b, &slots[0]);
    ck_assert_uint_eq(slab->free, 0);
    /* A third free is let through then; what is home once is not taken home again. */
    ck_assert(bsai_take_back(states, bit));
    put(b, 0, slots, 1);
    ck_assert_ptr_null(b->call.what);
    check(b, slab, BSAI_LIST_SHELF, 1);
    put_refused(b, &slots[0]);
    check(b, slab, BSAI_LIST_SHELF, 1);
    end_bed(b);
}
END_TEST

/* The validator is no yes-man: each contradiction is told. */
START_TEST(contradictions)
{
    struct bed *b = make_bed(1);
    struct bsai_slab *slab = new_slab(b);
    struct bsai_slot slots[CAPACITY];
    ck_assert_uint_eq(take(b, 0, slab, 2, slots), 2);
    ck_assert_ptr_null(bsai_slab_validate(b->cache, slab));

    slab->free--;
    ck_assert_ptr_nonnull(bsai_slab_validate(b->cache, slab));
    slab->free++;
    slab->remote = CAPACITY;
    ck_assert_ptr_nonnull(bsai_slab_validate(b->cache, slab));
    slab->remote = 0;
    slab->cache++;
    ck_assert_ptr_nonnull(bsai_slab_validate(b->cache, slab));
    slab->cache--;
    slab->scan = 1;
    ck_assert_ptr_nonnull(bsai_slab_validate(b->cache, slab));
    slab->scan = 0;
    bsai_hand_out(slab->states, bsai_bit(5)); /* is free as well */
    ck_assert_ptr_nonnull(bsai_slab_validate(b->cache, slab));
    bsai_take_back(slab->states, bsai_bit(5));
    bsai_hand_out(slab->states, bsai_bit(CAPACITY)); /* there is no such object */
    ck_assert_ptr_nonnull(bsai_slab_validate(b->cache, slab));
    bsai_take_back(slab->states, bsai_bit(CAPACITY));
    b->shelves[0].claim = NULL;
    ck_assert_ptr_nonnull(bsai_slab_validate(b->cache, slab));
    b->shelves[0].claim = slab;
    slab->list = BSAI_LIST_EMPTY;
    ck_assert_ptr_nonnull(bsai_slab_validate(b->cache, slab));
    ck_assert_ptr_nonnull(wrong_with_cache(b));
    slab->list = BSAI_LIST_CLAIMED;
    slab->next = slab; /* a list without an end */
    ck_assert_ptr_nonnull(wrong_with_cache(b));
    slab->next = NULL;
    b->cache->claimed = NULL;
    ck_assert_ptr_nonnull(wrong_with_cache(b));
    b->cache->claimed = slab;
    b->cache->empty_slabs++;
    ck_assert_ptr_nonnull(wrong_with_cache(b));
    b->cache->empty_slabs--;
    b->cache->empty_pages++;
    ck_assert_ptr_nonnull(wrong_with_cache(b));
    b->cache->empty_pages--;
    ck_assert_ptr_null(bsai_slab_validate(b->cache, slab));
    ck_assert_ptr_null(wrong_with_cache(b));
    end_bed(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slab");
    TCase *tcase = tcase_create("cache");
    tcase_add_test(tcase, a_slab_made);
    tcase_add_test(tcase, round_trip);
    tcase_add_test(tcase, remote_counts);
    tcase_add_test(tcase, emptied);
    tcase_add_test(tcase, emptied_and_taken_again);
    tcase_add_test(tcase, disclaimed);
    tcase_add_test(tcase, claims_of_others);
    tcase_add_test(tcase, partial_before_empty);
    tcase_add_test(tcase, bounded_steps);
    tcase_add_test(tcase, mixed_batches);
    tcase_add_test(tcase, live_bits);
    tcase_add_test(tcase, private_and_exposed);
    tcase_add_test(tcase, freed_twice_at_once);
    tcase_add_test(tcase, contradictions);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
