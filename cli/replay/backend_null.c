/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No allocator: each CPU hands out addresses one behind the other, from an arena that nobody may
 * write to, and begins again at its end. What a replay on it takes is what the replay takes.
 */
#include <sys/mman.h>

#include "allocators.h"
#include "backend.h"

#define ARENA_BYTES ((gsize)1 << 30)

struct share {
    _Alignas(64) guint64 used;
};

struct null_backend {
    struct replay_backend base;
    char *arena;
    guint64 share_bytes;
    gsize share_room; /* bytes of share[] */
    struct share *share;
};

static enum replay_status null_alloc(struct replay_backend *backend, guint cpu, guint64 size,
                                     guint64 align, void **out)
{
    struct null_backend *self = (struct null_backend *)backend;
    struct share *share = &self->share[cpu];
    guint64 start = (share->used + align - 1) & ~(align - 1);
    if (size > self->share_bytes || start > self->share_bytes - size)
        start = 0;
    share->used = start + size;
    *out = self->arena + cpu * self->share_bytes + start;
    return REPLAY_OK;
}

static enum replay_status null_free(struct replay_backend *backend, guint cpu, void *object)
{
    (void)backend;
    (void)cpu;
    (void)object;
    return REPLAY_OK;
}

static enum replay_status null_realloc(struct replay_backend *backend, guint cpu, void **object,
                                       guint64 size, guint64 align)
{
    (void)backend;
    (void)cpu;
    (void)object;
    (void)size;
    (void)align;
    return REPLAY_OK;
}

static enum replay_status null_page_alloc(struct replay_backend *backend, guint cpu, guint order,
                                          void **out)
{
    guint64 bytes = backend->page_size << order;
    return null_alloc(backend, cpu, bytes, backend->page_size, out);
}

static enum replay_status null_page_free(struct replay_backend *backend, guint cpu, void *block,
                                         guint order)
{
    (void)order;
    return null_free(backend, cpu, block);
}

static enum replay_status null_close(struct replay_backend *backend, guint64 *live)
{
    struct null_backend *self = (struct null_backend *)backend;
    *live = 0;
    munmap(self->arena, ARENA_BYTES);
    munmap(self->share, self->share_room);
    g_free(self);
    return REPLAY_OK;
}

static const struct replay_backend_ops null_ops = {
    .name = "null",
    .alloc = null_alloc,
    .free = null_free,
    .realloc = null_realloc,
    .page_alloc = null_page_alloc,
    .page_free = null_page_free,
    .close = null_close,
};

struct replay_backend *replay_backend_null(guint cpus, guint64 page_size)
{
    struct null_backend *self = g_new0(struct null_backend, 1);
    self->base.ops = &null_ops;
    self->base.version = "";
    self->base.page_size = page_size;
    self->base.no_memory_behind = TRUE;
    self->share_bytes = ARENA_BYTES / cpus & ~(guint64)65535;
    self->share_room = cpus * sizeof(*self->share);
    void *share =
        mmap(NULL, self->share_room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *arena =
        mmap(NULL, ARENA_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    self->share = share;
    self->arena = arena;
    if (share != MAP_FAILED && arena != MAP_FAILED)
        return &self->base;
    g_free(self);
    return NULL;
}
