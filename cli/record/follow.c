/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include <sched.h>

enum {
    FOLLOWED_MAX = 8, /* files at once: a packer takes some megabytes */
    FOLLOWED_BYTES = 1 << 20,
    STEPS = 64, /* of one file before it is the next one's turn */
    PAUSE_US = 20000,
    PAUSES = 5 /* between two looks at the folder */
};

struct record_follower {
    const struct record_place *place;
    GThread *thread;
    GMutex lock;
    GCond stopped;
    gboolean stop;       /* the lock's */
    GHashTable *packers; /* path -> record_packer; the thread's until it has ended */
};

static gboolean is_stopped(record_follower *follower)
{
    g_mutex_lock(&follower->lock);
    gboolean stop = follower->stop;
    g_mutex_unlock(&follower->lock);
    return stop;
}

static void pause_for(record_follower *follower, gint64 us)
{
    gint64 until = g_get_monotonic_time() + us;
    g_mutex_lock(&follower->lock);
    while (!follower->stop && g_cond_wait_until(&follower->stopped, &follower->lock, until)) {
    }
    g_mutex_unlock(&follower->lock);
}

/* What fails here is tried again, and told, when the command has ended. */
static void find_files(record_follower *follower)
{
    GArray *files = record_files_find(follower->place, FOLLOWED_BYTES);
    for (guint i = 0; i < files->len; i++) {
        const char *path = g_array_index(files, struct record_file, i).path;
        if (g_hash_table_size(follower->packers) >= FOLLOWED_MAX)
            break;
        if (g_hash_table_contains(follower->packers, path))
            continue;
        record_packer *packer = record_packer_new(path, FALSE, NULL);
        if (packer != NULL)
            g_hash_table_insert(follower->packers, g_strdup(path), packer);
    }
    g_array_free(files, TRUE);
}

/* Whether there was anything to be packed; *bad: it cannot be. */
static gboolean pack_some(record_follower *follower, record_packer *packer, gboolean *bad)
{
    int got = 1;
    for (int i = 0; i < STEPS && got > 0 && !is_stopped(follower); i++)
        got = record_packer_step(packer, NULL);
    *bad = got < 0;
    return got > 0;
}

static gboolean pack_all(record_follower *follower)
{
    GHashTableIter iterator;
    gpointer packer;
    gboolean more = FALSE, bad;
    g_hash_table_iter_init(&iterator, follower->packers);
    while (g_hash_table_iter_next(&iterator, NULL, &packer)) {
        more |= pack_some(follower, packer, &bad);
        if (bad)
            g_hash_table_iter_remove(&iterator);
    }
    return more;
}

static gpointer follow(gpointer data)
{
    record_follower *follower = data;
    const struct sched_param none = {0};
    sched_setscheduler(0, SCHED_IDLE, &none); /* of this thread: what the target leaves */
    for (guint pauses = 0; !is_stopped(follower);) {
        if (pauses % PAUSES == 0)
            find_files(follower);
        if (!pack_all(follower)) {
            pause_for(follower, PAUSE_US);
            pauses++;
        }
    }
    return NULL;
}

record_follower *record_follower_start(const struct record_place *place)
{
    record_follower *follower = g_new0(record_follower, 1);
    follower->place = place;
    g_mutex_init(&follower->lock);
    g_cond_init(&follower->stopped);
    follower->packers =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)record_packer_free);
    follower->thread = g_thread_new("packer", follow, follower);
    return follower;
}

void record_follower_stop(record_follower *follower)
{
    if (follower == NULL)
        return;
    g_mutex_lock(&follower->lock);
    follower->stop = TRUE;
    g_cond_signal(&follower->stopped);
    g_mutex_unlock(&follower->lock);
    g_thread_join(follower->thread);
}

record_packer *record_follower_take(record_follower *follower, const char *path)
{
    gpointer key = NULL, packer = NULL;
    if (follower != NULL && g_hash_table_steal_extended(follower->packers, path, &key, &packer))
        g_free(key);
    return packer;
}

void record_follower_free(record_follower *follower)
{
    if (follower == NULL)
        return;
    g_hash_table_destroy(follower->packers);
    g_mutex_clear(&follower->lock);
    g_cond_clear(&follower->stopped);
    g_free(follower);
}
