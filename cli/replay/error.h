/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BSA_CLI_REPLAY_ERROR_H
#define BSA_CLI_REPLAY_ERROR_H

#include <glib.h>

#define REPLAY_ERROR_DOMAIN (replay_error_quark())

enum replay_error {
    REPLAY_ERROR_MEMORY,      /* memory or a process that cannot be had */
    REPLAY_ERROR_TOO_SMALL,   /* a region in which the allocator cannot start */
    REPLAY_ERROR_ALLOCATOR,   /* the allocator contradicts itself or the replay */
    REPLAY_ERROR_CLASSES,     /* a file of size classes that is none */
    REPLAY_ERROR_TRACE,       /* a stream that contradicts its summary */
    REPLAY_ERROR_CPUS,        /* CPUs that are not there */
    REPLAY_ERROR_STUCK,       /* runners that wait for ever */
    REPLAY_ERROR_INTERRUPTED, /* by the user, before there was anything to report */
    REPLAY_ERROR_BACKEND      /* an allocator that cannot be loaded, or whose process ended */
};

GQuark replay_error_quark(void);

#endif
