/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's own malloc, the C library's or one that was preloaded. It has CPUs of its own, or
 * threads: which thread calls is what counts. Page blocks are aligned allocations of their size.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "allocators.h"
#include "backend.h"

/* What malloc promises: as aligned as an object of this size can need. */
static gboolean plain(guint64 size, guint64 align)
{
    return align <= (size >= 16 ? 16 : 8);
}

static enum replay_status got(void *address, void **out)
{
    *out = address;
    return address != NULL ? REPLAY_OK : REPLAY_NO_MEMORY;
}

static enum replay_status malloc_alloc(struct replay_backend *backend, guint cpu, guint64 size,
                                       guint64 align, void **out)
{
    void *address = NULL;
    (void)backend;
    (void)cpu;
    if (size > G_MAXSIZE || align > G_MAXSIZE)
        return REPLAY_NO_MEMORY;
    if (plain(size, align))
        return got(malloc(MAX((size_t)size, 1)), out);
    if (posix_memalign(&address, (size_t)align, MAX((size_t)size, 1)) != 0)
        address = NULL;
    return got(address, out);
}

static enum replay_status malloc_calloc(struct replay_backend *backend, guint cpu, guint64 size,
                                        guint64 align, void **out)
{
    if (size <= G_MAXSIZE && plain(size, align))
        return got(calloc(1, MAX((size_t)size, 1)), out);
    enum replay_status status = malloc_alloc(backend, cpu, size, align, out);
    if (status == REPLAY_OK)
        memset(*out, 0, (size_t)size);
    return status;
}

static enum replay_status malloc_free(struct replay_backend *backend, guint cpu, void *object)
{
    (void)backend;
    (void)cpu;
    free(object);
    return REPLAY_OK;
}

/* realloc keeps no alignment beyond malloc's: then it is an allocation that moved by chance. */
static enum replay_status malloc_realloc(struct replay_backend *backend, guint cpu, void **object,
                                         guint64 size, guint64 align)
{
    (void)backend;
    (void)cpu;
    if (size > G_MAXSIZE)
        return REPLAY_NO_MEMORY;
    void *address = realloc(*object, MAX((size_t)size, 1));
    if (address == NULL)
        return REPLAY_NO_MEMORY;
    *object = address;
    if (((guintptr)address & (align - 1)) == 0)
        return REPLAY_OK;
    void *aligned = NULL;
    if (posix_memalign(&aligned, (size_t)align, MAX((size_t)size, 1)) != 0)
        return REPLAY_OK; /* it is larger, and lies as malloc likes */
    memcpy(aligned, address, (size_t)size);
    free(address);
    *object = aligned;
    return REPLAY_OK;
}

static enum replay_status malloc_page_alloc(struct replay_backend *backend, guint cpu, guint order,
                                            void **out)
{
    (void)cpu;
    guint64 bytes = backend->page_size << order;
    void *address = NULL;
    if (bytes > G_MAXSIZE || posix_memalign(&address, (size_t)bytes, (size_t)bytes) != 0)
        address = NULL;
    return got(address, out);
}

static enum replay_status malloc_page_free(struct replay_backend *backend, guint cpu, void *block,
                                           guint order)
{
    (void)order;
    return malloc_free(backend, cpu, block);
}

static enum replay_status malloc_close(struct replay_backend *backend, guint64 *live)
{
    (void)backend;
    *live = 0;
    return REPLAY_OK;
}

static const struct replay_backend_ops malloc_ops = {
    .name = "malloc",
    .alloc = malloc_alloc,
    .calloc = malloc_calloc,
    .free = malloc_free,
    .realloc = malloc_realloc,
    .page_alloc = malloc_page_alloc,
    .page_free = malloc_page_free,
    .close = malloc_close,
};

/* There is one, as there is one malloc, and nothing of it lies in what is measured. */
struct replay_backend *replay_backend_malloc(guint64 page_size)
{
    static struct replay_backend self = {.ops = &malloc_ops, .version = ""};
    self.page_size = page_size;
    return &self;
}
