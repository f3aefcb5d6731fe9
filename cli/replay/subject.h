/* SPDX-License-Identifier: Apache-2.0 */
/* What the process under test does: run batches when it is told to. */
#ifndef BSA_CLI_REPLAY_SUBJECT_H
#define BSA_CLI_REPLAY_SUBJECT_H

#include <sys/types.h>

#include "backend.h"
#include "op.h"
#include "regions.h"

#define REPLAY_SUBJECT_RUN 'r'
#define REPLAY_SUBJECT_STANDS 's'

/* Just born: ends with its parent, whose id it is told, and leaves the user's interrupts to it. */
void replay_subject_settle(pid_t parent);

/* Until the channel ends. Exit status. */
int replay_subject_serve(const struct replay_batch *batch, struct replay_backend *backend,
                         struct replay_regions *regions, int channel);

#endif
