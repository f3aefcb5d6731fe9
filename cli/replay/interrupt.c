/* SPDX-License-Identifier: Apache-2.0 */
#include "interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t noted;

static void note(int signal)
{
    noted = signal;
}

static void catch_one(int signal)
{
    struct sigaction action;
    if (sigaction(signal, NULL, &action) != 0 || action.sa_handler == SIG_IGN)
        return;
    memset(&action, 0, sizeof(action));
    action.sa_handler = note;
    action.sa_flags = (int)SA_RESETHAND; /* what waits for something goes on waiting no more */
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

void replay_interrupt_catch(void)
{
    catch_one(SIGINT);
    catch_one(SIGTERM);
}

int replay_interrupted(void)
{
    return noted;
}
