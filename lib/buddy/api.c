/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions: each checks its arguments, brackets the work with the hooks, and reports.
 */
#include <buddyslab/debug.h>

#include "blocks.h"

_Static_assert(BSAI_TREE_LEVELS - 1 <= BSA_MAX_ORDER, "a whole tree is counted as one block");

enum bsa_status bsa_buddy_init(bsa_buddy **buddy, void *region, size_t bytes,
                               const struct bsa_buddy_config *config)
{
    if (buddy == NULL)
        return BSA_ERR_INVALID_PARAM;
    if (*buddy != NULL)
        return BSA_ERR_ALREADY_INITIALIZED;
    struct bsa_buddy_config bare = BSA_BUDDY_CONFIG_INIT;
    if (config != NULL && !bsai_copy_sized(&bare, sizeof(bare), config, config->size))
        return BSA_ERR_INVALID_PARAM;
    if (bare.flags != 0)
        return BSA_ERR_INVALID_PARAM;
    bare.size = sizeof(bare);
    bare.flags = BSAI_BUDDY_BARE;

    uintptr_t at;
    if (!bsai_round_up((uintptr_t)region, BSA_CACHE_LINE, &at))
        return BSA_ERR_INVALID_PARAM;
    struct bsa_buddy *b = (struct bsa_buddy *)at;
    size_t front = at - (uintptr_t)region + sizeof(*b);
    enum bsa_status status = bsai_buddy_setup(b, region, bytes, front, &bare);
    if (status == BSA_OK)
        *buddy = b;
    return status;
}

enum bsa_status bsa_buddy_add_region(bsa_buddy *buddy, void *region, size_t bytes)
{
    struct bsai_call call;
    if (buddy == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    bsai_call_begin(&call, &buddy->platform);
    bsai_enter(&call);
    enum bsa_status status = bsai_buddy_add(buddy, &call, region, bytes);
    bsai_leave(&call);
    if (status == BSA_OK)
        bsai_log(&buddy->platform, BSA_LOG_INFO, "buddy: a region was added");
    return bsai_call_end(&call, status);
}

enum bsa_status bsa_buddy_remove_region(bsa_buddy *buddy, void *region)
{
    struct bsai_call call;
    if (buddy == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    bsai_call_begin(&call, &buddy->platform);
    bsai_enter(&call);
    enum bsa_status status = bsai_buddy_remove(buddy, &call, region);
    bsai_leave(&call);
    if (status == BSA_OK)
        bsai_buddy_removed(buddy);
    return bsai_call_end(&call, status);
}

void bsai_buddy_removed(const struct bsa_buddy *b)
{
    if (b->platform.quiesce != NULL)
        b->platform.quiesce(b->platform.ctx);
    bsai_log(&b->platform, BSA_LOG_INFO, "buddy: a region was removed");
}

size_t bsa_buddy_release(bsa_buddy *buddy, size_t min_bytes,
                         void (*release)(void *ctx, void *addr, size_t bytes), void *ctx)
{
    return buddy == NULL || release == NULL ? 0
                                            : bsai_buddy_release(buddy, min_bytes, release, ctx);
}

enum bsa_status bsa_buddy_reserve(bsa_buddy *buddy, void *addr, size_t bytes)
{
    struct bsai_call call;
    if (buddy == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    bsai_call_begin(&call, &buddy->platform);
    bsai_enter(&call);
    enum bsa_status status = bsai_buddy_withdraw(buddy, &call, addr, bytes);
    bsai_leave(&call);
    return bsai_call_end(&call, status);
}

static enum bsa_status alloc(bsa_buddy *buddy, size_t pages, size_t align, bool low, void **out)
{
    struct bsai_call call;
    if (out == NULL)
        return BSA_ERR_INVALID_PARAM;
    *out = NULL;
    if (buddy == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    bsai_call_begin(&call, &buddy->platform);
    if (BSAI_UNLIKELY(pages == 0 || !bsai_is_pow2(align))) {
        return bsai_call_end(&call,
                             bsai_misuse(&call, BSA_ERR_INVALID_PARAM, NULL,
                                         pages == 0 ? "allocation of no pages"
                                                    : "an alignment that is not a power of two"));
    }
    bsai_enter(&call);
    *out = bsai_buddy_take(buddy, &call, pages, align, low, BSAI_USE_PAGES, BSAI_PAGE_BLOCK);
    bsai_leave(&call);
    return *out != NULL ? BSA_OK : BSA_ERR_NO_MEMORY;
}

enum bsa_status bsa_buddy_alloc(bsa_buddy *buddy, size_t pages, size_t align, void **out)
{
    return alloc(buddy, pages, align, false, out);
}

enum bsa_status bsa_buddy_alloc_lowmem(bsa_buddy *buddy, size_t pages, size_t align, void **out)
{
    return alloc(buddy, pages, align, true, out);
}

/* Frees the block if it is one of exactly that count. */
static bool free_block(struct bsa_buddy *b, struct bsai_call *call, uintptr_t addr, size_t pages)
{
    size_t page = 0;
    struct bsai_section *s = bsai_section_find(b, addr, &page);
    if (s == NULL || bsai_map_addr(&s->map, page) != addr || pages > BSAI_COUNT_MAX ||
        bsai_map_word(&s->map, page) != bsai_word_run(BSAI_PAGE_BLOCK, pages))
        return false;
    return bsai_buddy_give_block(b, call, s, page, pages);
}

enum bsa_status bsa_buddy_free(bsa_buddy *buddy, void *addr, size_t pages)
{
    struct bsai_call call;
    enum bsa_status status = BSA_OK;
    if (buddy == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    bsai_call_begin(&call, &buddy->platform);
    bsai_enter(&call);
    if (BSAI_UNLIKELY(!free_block(buddy, &call, (uintptr_t)addr, pages)))
        status = bsai_buddy_blame(buddy, &call, addr);
    bsai_leave(&call);
    return bsai_call_end(&call, status);
}

size_t bsa_buddy_managed_bytes(const bsa_buddy *buddy)
{
    return buddy == NULL ? 0 : bsai_buddy_total_pages(buddy) << buddy->page_shift;
}

size_t bsa_buddy_allocated_bytes(const bsa_buddy *buddy)
{
    if (buddy == NULL)
        return 0;
    return (bsai_buddy_total_pages(buddy) - bsai_buddy_free_pages(buddy)) << buddy->page_shift;
}

size_t bsa_buddy_section_count(const bsa_buddy *buddy)
{
    return buddy == NULL ? 0 : bsai_peek(&buddy->shown);
}

enum bsa_status bsa_buddy_section(const bsa_buddy *buddy, size_t index,
                                  struct bsa_section_info *info)
{
    if (buddy == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    if (info == NULL || info->size < sizeof(info->size))
        return BSA_ERR_INVALID_PARAM;
    struct bsa_section_info found;
    struct bsai_call call;
    bsai_call_begin(&call, &buddy->platform);
    bsai_enter(&call);
    bool known = bsai_buddy_describe(buddy, &call, index, &found);
    bsai_leave(&call);
    if (!known)
        return BSA_ERR_NOT_FOUND;
    found.size = info->size;
    bsai_memcpy(info, &found, info->size < sizeof(found) ? info->size : sizeof(found));
    return BSA_OK;
}

enum bsa_status bsa_buddy_page_flags(const bsa_buddy *buddy, const void *addr, unsigned *flags)
{
    struct bsai_call call;
    if (buddy == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    if (flags == NULL)
        return BSA_ERR_INVALID_PARAM;
    *flags = 0;
    bsai_call_begin(&call, &buddy->platform);
    bsai_enter(&call);
    enum bsa_status status = bsai_buddy_flags(buddy, &call, addr, flags);
    bsai_leave(&call);
    return bsai_call_end(&call, status);
}

enum bsa_status bsa_buddy_free_blocks(const bsa_buddy *buddy, size_t *counts, size_t count)
{
    struct bsai_call call;
    if (buddy == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    if (counts == NULL || count == 0)
        return BSA_ERR_INVALID_PARAM;
    bsai_call_begin(&call, &buddy->platform);
    bsai_enter(&call);
    bsai_buddy_count_blocks(buddy, &call, counts, count);
    bsai_leave(&call);
    return bsai_call_end(&call, BSA_OK);
}

enum bsa_status bsa_buddy_validate(bsa_buddy *buddy)
{
    struct bsai_call call;
    if (buddy == NULL)
        return BSA_ERR_NOT_INITIALIZED;
    bsai_call_begin(&call, &buddy->platform);
    bsai_enter(&call);
    bsai_buddy_lock(buddy, &call);
    const char *wrong = bsai_buddy_check(buddy);
    bsai_buddy_unlock(buddy, &call);
    bsai_leave(&call);
    if (wrong == NULL)
        return BSA_OK;
    bsai_log(&buddy->platform, BSA_LOG_ERROR, wrong);
    return BSA_ERR_INVALID_PARAM;
}

size_t bsa_buddy_steps(const bsa_buddy *buddy)
{
    return buddy == NULL ? 0 : bsai_peek(&buddy->steps);
}
