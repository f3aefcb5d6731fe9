/* SPDX-License-Identifier: Apache-2.0 */
/* The user's wish to end a replay early, with a report of what was done. */
#ifndef BSA_CLI_REPLAY_INTERRUPT_H
#define BSA_CLI_REPLAY_INTERRUPT_H

#include <glib.h>

/* Until replay_interrupt_catch, SIGINT and SIGTERM end the program at once; it says these words. */
void replay_interrupt_tell(const char *words);

/* From now on the first SIGINT or SIGTERM is noted, and a second one ends the program at once; one
 * that is ignored, as by nohup(1) or in a script's background, stays so. What one process notes the
 * processes that it forks from now on see too, and the other way round: the signal of kill(1) goes
 * to one of them. Once in a process. */
void replay_interrupt_catch(void);

/* The signal that was noted, or 0. */
int replay_interrupted(void);

#endif
