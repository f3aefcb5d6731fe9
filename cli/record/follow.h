/* SPDX-License-Identifier: Apache-2.0 */
/* Packs large files while their processes write them, so that little is left to do in the end. */
#ifndef BSA_CLI_RECORD_FOLLOW_H
#define BSA_CLI_RECORD_FOLLOW_H

#include "files.h"
#include "pack.h"

typedef struct record_follower record_follower;

/* place outlives it. */
record_follower *record_follower_start(const struct record_place *place);

/* No more is packed: the command has ended. NULL is nothing. */
void record_follower_stop(record_follower *follower);

/* Once it has stopped: what has packed the file so far is the caller's; NULL: nothing has. Of NULL,
 * too. */
record_packer *record_follower_take(record_follower *follower, const char *path);
void record_follower_free(record_follower *follower);

#endif
