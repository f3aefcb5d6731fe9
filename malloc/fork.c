/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork: the child gets a heap that nobody was in the middle of changing, and what the threads that
 * it does not have kept ready for themselves. Handlers run before ours in the parent and after ours
 * in the child allocate as ever; what runs between, libc's own and those registered earlier, is
 * served from the emergency store.
 */
#include "internal.h"

#include <pthread.h>

static void before(void)
{
    /* Not stopped: a signal handler that interrupted a call forks, or there is no heap yet. */
    bsam_self.stopped = bsam_quiesce();
}

static void in_parent(void)
{
    if (bsam_self.stopped)
        bsam_resume();
}

static void in_child(void)
{
    if (bsam_self.stopped) {
        bsam_forget_others();
        bsam_resume();
    }
}

/* As early as it can be: the handlers that are registered first run last before the fork and first
 * after it. */
__attribute__((constructor(101))) static void register_handlers(void)
{
    pthread_atfork(before, in_parent, in_child);
}
