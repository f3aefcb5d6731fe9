/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of pages; the last one is being filled. When there are as many as may be, the last one
 * goes to the file whenever it is full, and is filled anew: so the order is that of the other
 * blocks, the file, the last block.
 */
#include "kernel_pages.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../trace/error.h"
#include "../trace/temporary.h"

#define BLOCK_BYTES ((gsize)2 << 20) /* a huge page on most machines */

struct kernel_pages {
    gsize page_bytes;
    gsize block_bytes;
    guint blocks_most;
    GPtrArray *blocks; /* of block_bytes each */
    gsize used;        /* bytes in the last one */
    int fd;            /* -1: everything is in the blocks */
    guint64 file_bytes;

    char *at, *end; /* what is being read */
    guint next_block;
    guint64 file_read;
    char *spare; /* for what comes from the file */
};

kernel_pages *kernel_pages_new(gsize page_bytes, gsize memory)
{
    kernel_pages *pages = g_new0(kernel_pages, 1);
    pages->page_bytes = page_bytes;
    pages->block_bytes = MAX(BLOCK_BYTES, page_bytes);
    pages->blocks_most = (guint)CLAMP(memory / pages->block_bytes, 1, G_MAXUINT);
    pages->blocks = g_ptr_array_new_with_free_func(free);
    pages->fd = -1;
    return pages;
}

static gboolean next_block(kernel_pages *pages, GError **error)
{
    void *block = NULL;
    if (pages->blocks->len < pages->blocks_most) {
        block = aligned_alloc(pages->block_bytes, pages->block_bytes);
    }
    if (block != NULL) {
        madvise(block, pages->block_bytes, MADV_HUGEPAGE); /* a wish */
        g_ptr_array_add(pages->blocks, block);
    } else if (pages->blocks->len == 0) {
        g_set_error(error, TRACE_ERROR, TRACE_ERROR_IO,
                    "no memory for %" G_GSIZE_FORMAT " bytes of events; end other programs",
                    pages->block_bytes);
        return FALSE;
    } else {
        pages->blocks_most = pages->blocks->len;
        if (pages->fd < 0) {
            pages->fd = trace_temporary_open(error);
        }
        if (pages->fd < 0 ||
            !trace_temporary_write(pages->fd,
                                   g_ptr_array_index(pages->blocks, pages->blocks->len - 1),
                                   pages->block_bytes, error)) {
            return FALSE;
        }
        pages->file_bytes += pages->block_bytes;
    }
    pages->used = 0;
    return TRUE;
}

void *kernel_pages_room(kernel_pages *pages, GError **error)
{
    if ((pages->blocks->len == 0 || pages->used == pages->block_bytes) &&
        !next_block(pages, error)) {
        return NULL;
    }
    return (char *)g_ptr_array_index(pages->blocks, pages->blocks->len - 1) + pages->used;
}

void kernel_pages_keep(kernel_pages *pages)
{
    pages->used += pages->page_bytes;
}

/* The next run of pages; at equals end when there is none. */
static gboolean next_run(kernel_pages *pages, GError **error)
{
    guint blocks = pages->blocks->len;
    gsize bytes = pages->block_bytes;
    if (pages->next_block + 1 >= blocks && pages->file_read < pages->file_bytes) {
        if (pages->spare == NULL) {
            pages->spare = g_malloc(bytes);
        }
        if (!trace_temporary_read(pages->fd, pages->spare, bytes, pages->file_read, error)) {
            return FALSE;
        }
        pages->file_read += bytes;
        pages->at = pages->spare;
    } else if (pages->next_block < blocks) {
        pages->at = g_ptr_array_index(pages->blocks, pages->next_block++);
        bytes = pages->next_block == blocks ? pages->used : bytes;
    } else {
        return TRUE;
    }
    pages->end = pages->at + bytes;
    return TRUE;
}

int kernel_pages_next(kernel_pages *pages, void **page, GError **error)
{
    if (pages->at == pages->end && !next_run(pages, error)) {
        return -1;
    }
    if (pages->at == pages->end) {
        return 0;
    }
    *page = pages->at;
    pages->at += pages->page_bytes;
    return 1;
}

void kernel_pages_free(kernel_pages *pages)
{
    if (pages == NULL) {
        return;
    }
    if (pages->fd >= 0) {
        close(pages->fd);
    }
    g_ptr_array_free(pages->blocks, TRUE);
    g_free(pages->spare);
    g_free(pages);
}
