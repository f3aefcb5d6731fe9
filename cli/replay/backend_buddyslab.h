/* SPDX-License-Identifier: Apache-2.0 */
/* libbuddyslab under the replay, from inside: backend_buddyslab.c has its calls, and
 * backend_buddyslab_figures.c what it tells of itself. */
#ifndef BSA_CLI_REPLAY_BACKEND_BUDDYSLAB_H
#define BSA_CLI_REPLAY_BACKEND_BUDDYSLAB_H

#include <buddyslab.h>

#include "backend.h"

struct buddyslab_region {
    const void *start;
    guint64 bytes;
    guint64 before; /* bytes of the regions that came earlier */
};

struct buddyslab {
    struct replay_backend base;
    bsa_heap *heap;
    bsa_cpu **handle;
    bsa_cache *cache[REPLAY_MAX_CACHES];
    struct bsa_cache_stats cache_stats[REPLAY_MAX_CACHES];
    guint cpus;
    guint64 region_bytes;
    guint64 low; /* the first so many bytes of the regions lie below 4 GiB; 0: addresses tell */
    struct buddyslab_region region[REPLAY_MAX_SECTIONS];
    guint regions;
    char fault[128]; /* what the fault hook heard last */
};

static inline struct buddyslab *buddyslab_of(struct replay_backend *backend)
{
    return (struct buddyslab *)backend;
}

/* A status of the library; what the fault hook heard goes into the message of an error. */
enum replay_status buddyslab_status(struct buddyslab *self, enum bsa_status status,
                                    const char *call);

enum bsa_status buddyslab_read_caches(struct buddyslab *self);
enum replay_status buddyslab_free_blocks(struct replay_backend *backend, guint64 *counts);
guint64 buddyslab_usable(struct replay_backend *backend, gboolean low);
enum replay_status buddyslab_snapshot(struct replay_backend *backend, struct replay_snapshot *out);
enum replay_status buddyslab_counters(struct replay_backend *backend, guint cpu,
                                      struct replay_cache_counters *out);
void buddyslab_walk_pages(struct replay_backend *backend, replay_page_visit visit, gpointer data);
guint64 buddyslab_occupied(const struct replay_backend *backend);

#endif
