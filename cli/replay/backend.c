/* SPDX-License-Identifier: Apache-2.0 */
/* What all backends share: the routing of sizes, as far as the books of the replay need it. */
#include "backend.h"

guint replay_class_of(const struct replay_backend *backend, guint64 size, guint64 align)
{
    for (guint i = 0; i < backend->classes; i++) {
        guint64 object = backend->class_size[i];
        guint64 natural = object & (~object + 1);
        if (object >= size && natural >= align)
            return i;
    }
    return REPLAY_NO_CLASS;
}

guint replay_number_of(const struct replay_backend *backend, const struct replay_caches *caches,
                       const struct trace_event *event, guint64 align)
{
    gboolean begins = event->kind != TRACE_REALLOC && backend->caches > 0;
    guint cache = begins ? replay_cache_of(caches, event) : REPLAY_NO_CACHE;
    return cache != REPLAY_NO_CACHE ? backend->classes + cache
                                    : replay_class_of(backend, event->size, align);
}

guint64 replay_usable_pages(struct replay_backend *backend, gboolean low,
                            const guint64 *free_blocks)
{
    guint64 pages = 0;
    if (backend->ops->usable != NULL)
        return backend->ops->usable(backend, low);
    for (guint order = 0; free_blocks != NULL && order < REPLAY_ORDERS; order++)
        pages += free_blocks[order] << order;
    return pages;
}

guint64 replay_given(const struct replay_backend *backend, guint size_class, guint64 size)
{
    if (size_class != REPLAY_NO_CLASS)
        return backend->class_size[size_class];
    if (backend->classes == 0)
        return size; /* an allocator that does not tell */
    guint64 pages = size / backend->page_size + (size % backend->page_size != 0);
    return MAX(pages, 1) * backend->page_size;
}
