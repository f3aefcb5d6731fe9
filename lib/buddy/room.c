/* SPDX-License-Identifier: Apache-2.0 */
#include "room.h"

#include "blocks.h"

enum {
    /* Of the first region, in advance, and of a later one, tables take at most: */
    SHARE_FIRST = 4096,
    SHARE = 8,
    SHARE_HARD = 2 /* where there is no other memory */
};

static void measure_room(const struct bsa_buddy *b, const struct bsai_plan *plan,
                         struct bsai_room *room)
{
    const size_t parts[BSAI_ZONES] = {
        [BSAI_ZONE_LOW] = plan->first < plan->split, [BSAI_ZONE_HIGH] = plan->split < plan->end};
    bool dense;
    room->table = bsai_lookup_wants(&b->lookup, parts[0] + parts[1], &dense);
    room->bytes = room->table;
    room->needed = !dense;
    for (unsigned zone = 0; zone < BSAI_ZONES; zone++) {
        const struct bsai_roster *roster = &b->roster[zone];
        /* One that is nearly full would be made dense again and again. */
        bool wanted = parts[zone] != 0 && bsai_roster_room(roster) < roster->capacity / 8;
        room->capacity[zone] = roster->capacity * BSAI_ROSTER_FEW;
        room->roster[zone] = wanted ? bsai_roster_bytes(room->capacity[zone]) : 0;
        room->bytes += room->roster[zone];
        room->needed = room->needed || bsai_roster_room(roster) < parts[zone];
    }
}

/* Memory for tables out of a section's pages, which are withdrawn; NULL when it has none. */
static void *pages_for_room(struct bsa_buddy *b, struct bsai_section *s, size_t bytes)
{
    size_t n = (bytes + b->page_size - 1) >> b->page_shift;
    void *memory = bsai_take_in(b, s, n, BSAI_PAGE_RESERVED);
    if (memory == NULL)
        return NULL;
    bsai_count_withdrawn(b, s, n);
    s->metadata_bytes += n << b->page_shift;
    s->pinned = true;
    return memory;
}

/* Plans the region again, with room for tables, if that takes no more than a share of it. */
static void *prefix_for_room(struct bsai_plan *plan, size_t bytes, unsigned share)
{
    struct bsai_plan roomy = *plan;
    roomy.extra = bytes;
    if (bytes > bsai_divide(plan->bytes, share) || !bsai_section_plan(&roomy))
        return NULL;
    *plan = roomy;
    return (void *)roomy.extra_at;
}

static void *memory_for_room(struct bsa_buddy *b, struct bsai_plan *plan, size_t bytes)
{
    void *memory = NULL;
    /* Where it pins nothing, then where it can grow. */
    for (struct bsai_section *s = b->first; s != NULL && memory == NULL; s = s->next)
        memory = s->pinned ? pages_for_room(b, s, bytes) : NULL;
    if (memory == NULL)
        memory = prefix_for_room(plan, bytes, SHARE);
    for (struct bsai_section *s = b->first; s != NULL && memory == NULL; s = s->next)
        memory = pages_for_room(b, s, bytes);
    return memory != NULL ? memory : prefix_for_room(plan, bytes, SHARE_HARD);
}

void bsai_room_use(struct bsa_buddy *b, const struct bsai_room *room, void *memory)
{
    char *at = memory;
    if (room->table != 0)
        bsai_lookup_extend(&b->lookup, at, room->table, b->first);
    at += room->table;
    for (unsigned zone = 0; zone < BSAI_ZONES; zone++) {
        if (room->roster[zone] != 0)
            bsai_roster_extend(&b->roster[zone], at, room->capacity[zone]);
        at += room->roster[zone];
    }
}

bool bsai_room_make(struct bsa_buddy *b, struct bsai_plan *plan)
{
    struct bsai_room room;
    measure_room(b, plan, &room);
    if (room.bytes == 0)
        return true;
    void *memory = memory_for_room(b, plan, room.bytes);
    if (memory != NULL)
        bsai_room_use(b, &room, memory);
    return memory != NULL || !room.needed;
}

void bsai_room_in_advance(size_t bytes, struct bsai_room *room)
{
    const size_t capacity = BSAI_ROSTER_FEW * BSAI_ROSTER_FEW;
    const size_t rosters = BSAI_ZONES * bsai_roster_bytes(capacity);
    size_t most = bytes / SHARE_FIRST;
    bsai_memset(room, 0, sizeof(*room));
    room->table = most > rosters ? bsai_lookup_fitting(most - rosters) : 0;
    if (room->table == 0)
        return;
    room->bytes = room->table + rosters;
    for (unsigned zone = 0; zone < BSAI_ZONES; zone++) {
        room->capacity[zone] = capacity;
        room->roster[zone] = bsai_roster_bytes(capacity);
    }
}
