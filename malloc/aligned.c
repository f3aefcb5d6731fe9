/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation at an alignment, and how much there is at an address. */
#include "fast.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_power_of_two(size_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static void *alloc_aligned(size_t align, size_t size)
{
    size_t least = bsam_align_for(size);
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return bsam_alloc(size, align > least ? align : least);
}

BSAM_EXPORT void *memalign(size_t align, size_t size)
{
    return alloc_aligned(align, size);
}

BSAM_EXPORT void *aligned_alloc(size_t align, size_t size)
{
    return alloc_aligned(align, size);
}

BSAM_EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    int saved = errno;
    if (!is_power_of_two(align) || align % sizeof(void *) != 0)
        return EINVAL;
    void *p = alloc_aligned(align, size);
    errno = saved;
    if (p == NULL)
        return ENOMEM;
    *out = p;
    return 0;
}

BSAM_EXPORT void *valloc(size_t size)
{
    return alloc_aligned((size_t)sysconf(_SC_PAGESIZE), size);
}

BSAM_EXPORT void *pvalloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes;
    if (__builtin_add_overflow(size == 0 ? 1 : size, page - 1, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return alloc_aligned(page, bytes & ~(page - 1));
}

BSAM_EXPORT size_t malloc_usable_size(void *p)
{
    if (p == NULL)
        return 0;
    size_t bytes = bsam_usable(p);
    if (bytes == 0)
        bsam_misuse("malloc_usable_size", p, "an address that is not live", BSAM_CALLER());
    return bytes;
}
