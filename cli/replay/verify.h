/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects filled with a pattern of their own, to find what an allocator gave to two owners, or did
 * not keep. The pattern of a byte depends on the object's number and the byte's place in it, so
 * that an object that moved is checked as one that did not.
 */
#ifndef BSA_CLI_REPLAY_VERIFY_H
#define BSA_CLI_REPLAY_VERIFY_H

#include <glib.h>

#include "regions.h"

/* Bytes from to to - 1 of the object. */
void replay_verify_fill(void *object, guint64 from, guint64 to, guint64 tag);

/* The first byte below bytes that is not as it was filled, or bytes. */
guint64 replay_verify_find(const void *object, guint64 bytes, guint64 tag);

/* What is wrong with the byte at a place, for a message. */
void replay_verify_say(char *out, gsize room, const void *object, guint64 place, guint64 bytes,
                       guint64 tag);

/* May what was handed out be written to: is it aligned, and in the regions, where there are any? */
gboolean replay_verify_place(char *out, gsize room, const void *object, guint64 bytes,
                             guint64 align, const struct replay_regions *regions);

#endif
