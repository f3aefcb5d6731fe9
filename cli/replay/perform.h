/* SPDX-License-Identifier: Apache-2.0 */
/* One runner's part of a batch. */
#ifndef BSA_CLI_REPLAY_PERFORM_H
#define BSA_CLI_REPLAY_PERFORM_H

#include "clock.h"
#include "crew.h"

void replay_perform(struct replay_crew *crew, guint runner);

/* The first error of all is kept, and everybody stops. Always false. */
gboolean replay_break(const struct replay_batch *batch, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

#endif
