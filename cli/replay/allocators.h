/* SPDX-License-Identifier: Apache-2.0 */
/* The allocators that a trace can be replayed on, by the names that users give them. */
#ifndef BSA_CLI_REPLAY_ALLOCATORS_H
#define BSA_CLI_REPLAY_ALLOCATORS_H

#include <glib.h>

#define REPLAY_ALLOCATORS_HELP                                                                     \
    "buddyslab, libc, jemalloc, mimalloc, tcmalloc, recorded, null, or PATH.so"

enum replay_allocator_kind {
    REPLAY_BUDDYSLAB,
    REPLAY_RECORDED, /* the one that was recorded: nothing is run, its addresses tell */
    REPLAY_NULL,     /* no allocator: what the replay itself takes */
    REPLAY_MALLOC    /* the process's malloc, which a preloaded library may replace */
};

struct replay_allocator {
    enum replay_allocator_kind kind;
    const char *preload; /* library to be loaded before all others, or names of it; NULL: none */
    const char *from;    /* where a missing one is to be had */
};

/* Is it the one that was recorded? */
gboolean replay_allocator_is_recorded(const char *name);

/* False for what is no name and no path of a library. */
gboolean replay_allocator_find(const char *name, struct replay_allocator *allocator);

struct replay_backend;
/* The backends of kind NULL and MALLOC. NULL and errno where memory is missing. */
struct replay_backend *replay_backend_null(guint cpus, guint64 page_size);
struct replay_backend *replay_backend_malloc(guint64 page_size);

#endif
