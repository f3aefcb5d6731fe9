/* SPDX-License-Identifier: Apache-2.0 */
/* A process that works for the one that has started it. */
#ifndef BSA_CLI_COMMON_CHILD_H
#define BSA_CLI_COMMON_CHILD_H

#include <sys/types.h>

/* In the new process: it is killed when its parent ends, and ends now if that is gone already. So
 * the parent's id is one that was asked for before there was a child. */
void child_ends_with(pid_t parent);

#endif
