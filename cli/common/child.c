/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <signal.h>

#include <sys/prctl.h>
#include <unistd.h>

void child_ends_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
}
