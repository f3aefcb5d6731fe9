/* SPDX-License-Identifier: Apache-2.0 */
#include "roster.h"

#include "../base/arith.h"

enum { FAN = BSAI_ROSTER_FEW };

static const uint64_t every_byte = UINT64_C(0x0101010101010101);

/* Place of the first byte of a word from one on that is at least so much; FAN when none is. All are
 * less than 128, so that no byte of the difference borrows from the next. */
static unsigned byte_at_least(uint64_t word, unsigned from, unsigned least)
{
    uint64_t high = every_byte << 7;
    uint64_t enough = ((word | high) - every_byte * least) & high & ~UINT64_C(0) << (from * 8);
    return enough == 0 ? (unsigned)FAN : bsai_ctz64(enough) / 8;
}

static unsigned byte_of(uint64_t word, unsigned place)
{
    return (unsigned)(word >> (place * 8)) & 0xff;
}

static unsigned largest_byte(uint64_t word)
{
    unsigned largest = 0;
    for (; word != 0; word >>= 8)
        largest = (word & 0xff) > largest ? (unsigned)(word & 0xff) : largest;
    return largest;
}

size_t bsai_roster_next(const struct bsai_roster *roster, size_t from, unsigned bound)
{
    const uint64_t *level = roster->best;
    size_t words = roster->capacity / FAN;
    size_t at = from;
    for (;;) { /* up, until something is found */
        unsigned place = at / FAN < words ? byte_at_least(level[at / FAN], at % FAN, bound) : FAN;
        if (place < FAN) {
            at = at / FAN * FAN + place;
            break;
        }
        if (words == 1)
            return BSAI_NO_SLOT;
        at = at / FAN + 1;
        level += words;
        words /= FAN;
    }
    while (words < roster->capacity / FAN) { /* and down to it */
        words *= FAN;
        level -= words;
        at = at * FAN + byte_at_least(level[at], 0, bound);
    }
    return at;
}

void bsai_roster_set(struct bsai_roster *roster, size_t slot, unsigned bound)
{
    uint64_t *level = roster->best;
    for (size_t words = roster->capacity / FAN;; words /= FAN) {
        unsigned place = slot % FAN;
        slot /= FAN;
        if (byte_of(level[slot], place) == bound)
            return;
        level[slot] &= ~(UINT64_C(0xff) << (place * 8));
        level[slot] |= (uint64_t)bound << (place * 8);
        if (words == 1)
            return;
        bound = largest_byte(level[slot]);
        level += words;
    }
}

static size_t words_of(size_t capacity)
{
    size_t words = 0;
    for (size_t width = capacity / FAN; width != 0; width /= FAN)
        words += width;
    return words;
}

void bsai_roster_init(struct bsai_roster *roster)
{
    bsai_memset(roster, 0, sizeof(*roster));
    roster->capacity = FAN;
    roster->slot = roster->few_slots;
    roster->best = &roster->few_best;
}

/* Moves all sections together in slots and words that have been made for them. */
static void settle(struct bsai_roster *roster, struct bsai_section **from, size_t used)
{
    roster->used = 0;
    bsai_memset(roster->best, 0, words_of(roster->capacity) * sizeof(roster->best[0]));
    for (size_t i = 0; i < used; i++) {
        struct bsai_section *s = from[i];
        if (s == NULL)
            continue;
        s->slot = roster->used;
        roster->slot[roster->used++] = s;
        bsai_roster_set(roster, s->slot, s->bound);
    }
}

void bsai_roster_add(struct bsai_roster *roster, struct bsai_section *section)
{
    bsai_assert(bsai_roster_room(roster) != 0);
    if (roster->used == roster->capacity)
        settle(roster, roster->slot, roster->used);
    section->slot = roster->used;
    section->bound = 0;
    roster->slot[roster->used++] = section;
    roster->count++;
}

void bsai_roster_remove(struct bsai_roster *roster, struct bsai_section *section)
{
    bsai_roster_set(roster, section->slot, 0);
    roster->slot[section->slot] = NULL;
    roster->count--;
}

size_t bsai_roster_bytes(size_t capacity)
{
    return words_of(capacity) * sizeof(uint64_t) + capacity * sizeof(struct bsai_section *);
}

void bsai_roster_extend(struct bsai_roster *roster, void *memory, size_t capacity)
{
    struct bsai_section **from = roster->slot;
    roster->capacity = capacity;
    roster->best = memory;
    roster->slot = (struct bsai_section **)(void *)(roster->best + words_of(capacity));
    settle(roster, from, roster->used);
}

const char *bsai_roster_validate(const struct bsai_roster *roster)
{
    const uint64_t *level = roster->best;
    size_t count = 0;
    for (size_t i = 0; i < roster->capacity; i++) {
        const struct bsai_section *s = i < roster->used ? roster->slot[i] : NULL;
        count += s != NULL;
        if (s != NULL && s->slot != i)
            return "a section is not in its slot of the roster";
        if (byte_of(level[i / FAN], i % FAN) != (s != NULL ? s->bound : 0))
            return "a section's bound is not the roster's";
    }
    if (count != roster->count)
        return "the roster's count of sections is wrong";
    for (size_t words = roster->capacity / FAN; words > 1; level += words, words /= FAN) {
        for (size_t i = 0; i < words; i++) {
            if (byte_of(level[words + i / FAN], i % FAN) != largest_byte(level[i]))
                return "a word of the roster does not have the largest bound below";
        }
    }
    return NULL;
}
