/* SPDX-License-Identifier: Apache-2.0 */
#include "interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t noted;

static void note(int signal)
{
    noted = signal;
}

void replay_interrupt_catch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = note;
    action.sa_flags = (int)SA_RESETHAND; /* what waits for something goes on waiting no more */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int replay_interrupted(void)
{
    return noted;
}
