/* SPDX-License-Identifier: Apache-2.0 */
/* The roster of sections against a plain array that is searched from the start. */
#include <stdlib.h>
#include <string.h>

#include "buddy/roster.h"
#include "support.h"

enum { MOST = 3000, BOUND_MAX = 41 };

struct plain {
    struct bsai_section *sections; /* MOST, of which some are in */
    struct bsai_section *order[MOST];
    size_t count;
};

static void remove_plain(struct plain *plain, size_t i)
{
    plain->count--;
    memmove(&plain->order[i], &plain->order[i + 1], (plain->count - i) * sizeof plain->order[0]);
}

/* What comes at or behind slot `from`, by looking at all. */
static struct bsai_section *plain_next(const struct plain *plain, size_t from, unsigned bound)
{
    for (size_t i = 0; i < plain->count; i++) {
        if (plain->order[i]->slot >= from && plain->order[i]->bound >= bound)
            return plain->order[i];
    }
    return NULL;
}

static void check_next(const struct bsai_roster *roster, const struct plain *plain, size_t from,
                       unsigned bound)
{
    size_t slot = bsai_roster_next(roster, from, bound);
    struct bsai_section *s = plain_next(plain, from, bound);
    must(slot == (s != NULL ? s->slot : BSAI_NO_SLOT));
    must(s == NULL || roster->slot[slot] == s);
}

START_TEST(as_a_plain_array)
{
    struct rng rng = rng_for("as_a_plain_array");
    struct bsai_roster roster;
    struct plain plain = {.sections = calloc(MOST, sizeof(struct bsai_section))};
    struct bsai_section *idle[MOST];
    void *memory[8];
    size_t memories = 0, idles = 0;
    must(plain.sections != NULL);
    while (idles < MOST) {
        idle[idles] = &plain.sections[idles];
        idles++;
    }
    bsai_roster_init(&roster);
    for (size_t i = 0; i < scaled(60000); i++) {
        bool grows = i / 15000 % 2 == 0;
        unsigned what = (unsigned)rng_below(&rng, 8);
        if (what < (grows ? 3u : 1u) && idles > 0) {
            if (bsai_roster_room(&roster) == 0) {
                size_t capacity = roster.capacity * BSAI_ROSTER_FEW;
                must(memories < 8);
                memory[memories] = malloc(bsai_roster_bytes(capacity));
                must(memory[memories] != NULL);
                bsai_roster_extend(&roster, memory[memories++], capacity);
            }
            struct bsai_section *s = idle[--idles];
            bsai_roster_add(&roster, s);
            plain.order[plain.count++] = s;
        } else if (what < 3 && plain.count > 0) {
            size_t k = rng_below(&rng, plain.count);
            idle[idles++] = plain.order[k];
            bsai_roster_remove(&roster, plain.order[k]);
            remove_plain(&plain, k);
        } else if (plain.count > 0) {
            struct bsai_section *s = plain.order[rng_below(&rng, plain.count)];
            s->bound = rng_below(&rng, 3) != 0 ? 0 : (unsigned)rng_between(&rng, 1, BOUND_MAX);
            bsai_roster_set(&roster, s->slot, s->bound);
        }
        check_next(&roster, &plain, 0, (unsigned)rng_between(&rng, 1, BOUND_MAX + 10));
        check_next(&roster, &plain, rng_below(&rng, roster.capacity + 1),
                   (unsigned)rng_between(&rng, 1, BOUND_MAX));
        if (i % 1024 == 0)
            must(bsai_roster_validate(&roster) == NULL);
    }
    must(roster.capacity >= 512);
    while (memories > 0)
        free(memory[--memories]);
    free(plain.sections);
}
END_TEST

START_TEST(bounds_of_every_size_are_told_apart)
{
    static struct bsai_section sections[BSAI_ROSTER_FEW];
    struct bsai_roster roster;
    bsai_roster_init(&roster);
    for (size_t i = 0; i < BSAI_ROSTER_FEW; i++)
        bsai_roster_add(&roster, &sections[i]);
    must(bsai_roster_room(&roster) == 0);
    for (size_t slot = 0; slot < BSAI_ROSTER_FEW; slot++) {
        for (unsigned bound = 1; bound <= BOUND_MAX; bound++) {
            bsai_roster_set(&roster, slot, bound);
            for (unsigned least = 1; least < 80; least++)
                must(bsai_roster_next(&roster, 0, least) == (least <= bound ? slot : BSAI_NO_SLOT));
            must(bsai_roster_next(&roster, slot + 1, 1) == BSAI_NO_SLOT);
        }
        bsai_roster_set(&roster, slot, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("roster");
    TCase *tcase = tcase_create("roster");
    tcase_add_test(tcase, as_a_plain_array);
    tcase_add_test(tcase, bounds_of_every_size_are_told_apart);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
