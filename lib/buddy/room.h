/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for what grows with the number of sections: the table in which they are looked up, and the
 * rosters of both zones.
 *
 * Some is made in advance, in the prefix of the first region. More is taken from pages of the first
 * region, or of one that holds a table already; else from the prefix of the region that is being
 * added, or from any pages: that region can then not be removed.
 */
#ifndef BSAI_ROOM_H
#define BSAI_ROOM_H

#include "internal.h"

/* Bytes that are wanted for each, 0 where there is room. */
struct bsai_room {
    size_t table, roster[BSAI_ZONES];
    size_t bytes;                /* of all */
    size_t capacity[BSAI_ZONES]; /* of the rosters */
    bool needed;                 /* without it the sections cannot be entered */
};

/* What is to be made in a first region of so many bytes. */
void bsai_room_in_advance(size_t bytes, struct bsai_room *room);
void bsai_room_use(struct bsa_buddy *b, const struct bsai_room *room, void *memory);

/* Sees to it that the sections of plan can be entered; the plan may get room for it. False when
 * memory is missing. */
bool bsai_room_make(struct bsa_buddy *b, struct bsai_plan *plan);

#endif
