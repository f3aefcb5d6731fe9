/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include <string.h>

/* Eight bytes of the pattern: neighbouring objects and places have nothing in common. */
static guint64 word_of(guint64 tag, guint64 place)
{
    guint64 word = (tag + 1) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15) + place / 8;
    word = (word ^ (word >> 29)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    return GUINT64_TO_LE(word ^ (word >> 32));
}

static guint8 byte_of(guint64 tag, guint64 place)
{
    guint64 word = word_of(tag, place);
    return ((const guint8 *)&word)[place % 8];
}

void replay_verify_fill(void *object, guint64 from, guint64 to, guint64 tag)
{
    guint8 *bytes = object;
    for (; from < to && from % 8 != 0; from++)
        bytes[from] = byte_of(tag, from);
    for (; to - from >= 8 && from < to; from += 8) {
        guint64 word = word_of(tag, from);
        memcpy(bytes + from, &word, 8);
    }
    for (; from < to; from++)
        bytes[from] = byte_of(tag, from);
}

guint64 replay_verify_find(const void *object, guint64 bytes, guint64 tag)
{
    const guint8 *found = object;
    guint64 place = 0;
    for (; bytes - place >= 8; place += 8) {
        guint64 word = word_of(tag, place);
        if (memcmp(found + place, &word, 8) != 0)
            break;
    }
    while (place < bytes && found[place] == byte_of(tag, place))
        place++;
    return place;
}

void replay_verify_say(char *out, gsize room, const void *object, guint64 place, guint64 bytes,
                       guint64 tag)
{
    g_snprintf(out, room,
               "byte %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
               " at %p, allocated by event %" G_GUINT64_FORMAT
               ", is 0x%02x and not 0x%02x as it was written: another object overlaps it, or the "
               "allocator wrote into it",
               place, bytes, object, tag, ((const guint8 *)object)[place], byte_of(tag, place));
}

gboolean replay_verify_place(char *out, gsize room, const void *object, guint64 bytes,
                             guint64 align, const struct replay_regions *regions)
{
    if (((guintptr)object & (align - 1)) != 0) {
        g_snprintf(out, room, "%p is misaligned: a multiple of %" G_GUINT64_FORMAT " was asked for",
                   object, align);
        return FALSE;
    }
    if (regions == NULL || replay_regions_find(regions, object, bytes) < regions->used)
        return TRUE;
    g_snprintf(out, room, "%p with %" G_GUINT64_FORMAT " bytes lies outside of the regions", object,
               bytes);
    return FALSE;
}
