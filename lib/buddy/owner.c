/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a page is, for what does not free a live block: misuse, and questions.
 *
 * Only the first page of a run has a word, so the run that holds a page is found by walking back to
 * one. That costs up to a tree's pages and a tree for each tree of the run; a right free never
 * comes here.
 */
#include "blocks.h"

size_t bsai_run_pages(uint32_t word)
{
    bool further = bsai_word_kind(word) == BSAI_PAGE_SLAB && !bsai_word_is_slab(word);
    return further ? 1 : bsai_word_count(word);
}

/* The last page at or before `page`, in the same tree, whose word is not NONE. */
static size_t head_in_tree(const struct bsa_buddy *b, const struct bsai_section *s, size_t tree,
                           size_t page)
{
    unsigned low, high;
    bsai_tree_span(s, tree, &low, &high);
    size_t first = bsai_page_of(s, tree, low);
    if (bsai_group_code(s, tree) == BSAI_GROUP_INSIDE) {
        /* Taken as a whole: a run can only begin where the tree does. */
        return bsai_word_kind(bsai_map_word(&s->map, first)) != BSAI_PAGE_NONE ? first
                                                                               : BSAI_NO_PAGE;
    }
    bsai_steps(b, page - first);
    for (size_t at = page + 1; at-- > first;) {
        if (bsai_word_kind(bsai_map_word(&s->map, at)) != BSAI_PAGE_NONE)
            return at;
    }
    return BSAI_NO_PAGE;
}

size_t bsai_run_head(const struct bsa_buddy *b, const struct bsai_section *s, size_t page)
{
    size_t at = page;
    for (;;) {
        size_t tree = bsai_map_group(&s->map, at);
        bsai_steps(b, 1);
        if (bsai_group_code(s, tree) == BSAI_GROUP_FREE)
            return BSAI_NO_PAGE;
        size_t head = head_in_tree(b, s, tree, at);
        if (head != BSAI_NO_PAGE)
            return page - head < bsai_run_pages(bsai_map_word(&s->map, head)) ? head : BSAI_NO_PAGE;
        if (tree == 0)
            return BSAI_NO_PAGE;
        at = bsai_page_of(s, tree, 0) - 1;
    }
}

static bool page_is_free(const struct bsai_section *s, size_t page)
{
    return bsai_range_is_free(s, page, 1);
}

/* What is wrong, in words and as a status; the lock is held. */
static enum bsa_status blame_locked(const struct bsa_buddy *b, const struct bsai_section *s,
                                    size_t page, uintptr_t addr, const char **what)
{
    if (page_is_free(s, page)) {
        *what = "double free of a page block";
        return BSA_ERR_NOT_ALLOCATED;
    }
    size_t head = bsai_run_head(b, s, page);
    if (head == BSAI_NO_PAGE) {
        *what = "double free of a page block, in the middle of the first one";
        return BSA_ERR_NOT_ALLOCATED;
    }
    switch (bsai_word_kind(bsai_map_word(&s->map, head))) {
    case BSAI_PAGE_LISTED:
        *what = "double free of a page block, which is on a CPU's page list";
        return BSA_ERR_NOT_ALLOCATED;
    case BSAI_PAGE_SLAB:
        *what = head == page ? "free of an address in a slab as a page block"
                             : "free of an address inside an object";
        return BSA_ERR_INVALID_PARAM;
    case BSAI_PAGE_META:
        *what = "free of pages that are not handed out: the allocator has them itself";
        return BSA_ERR_NOT_ALLOCATED;
    case BSAI_PAGE_RESERVED:
        *what = "free of reserved pages, which were never handed out";
        return BSA_ERR_NOT_FOUND;
    default:
        break;
    }
    if (bsai_map_addr(&s->map, head) == addr)
        *what = "free of a page block with another page count than it has";
    else if (bsai_map_addr(&s->map, page) == addr)
        *what = "free of a page inside a page block";
    else
        *what = "free of a misaligned address inside a page block";
    return BSA_ERR_INVALID_PARAM;
}

enum bsa_status bsai_buddy_blame(struct bsa_buddy *b, struct bsai_call *call, const void *addr)
{
    size_t page = 0;
    enum bsa_status status = BSA_ERR_NOT_FOUND;
    const char *what = "free of an address outside the memory that is handed out";
    bsai_buddy_lock(b, call);
    struct bsai_section *s = bsai_section_find(b, (uintptr_t)addr, &page);
    if (s != NULL)
        status = blame_locked(b, s, page, (uintptr_t)addr, &what);
    bsai_buddy_unlock(b, call);
    return bsai_misuse(call, status, addr, what);
}

static unsigned flags_of_run(enum bsai_page_kind kind, bool first)
{
    switch (kind) {
    case BSAI_PAGE_BLOCK:
        return first ? BSA_PAGE_HEAD : BSA_PAGE_TAIL;
    case BSAI_PAGE_LISTED:
        return BSA_PAGE_FREE | BSA_PAGE_CACHED;
    case BSAI_PAGE_SLAB:
        return BSA_PAGE_SLAB;
    case BSAI_PAGE_META:
        return BSA_PAGE_META;
    case BSAI_PAGE_RESERVED:
        return BSA_PAGE_RESERVED;
    case BSAI_PAGE_NONE:
        break;
    }
    return 0;
}

static unsigned flags_of(const struct bsa_buddy *b, const struct bsai_section *s, size_t page)
{
    unsigned flags = s->zone == BSAI_ZONE_LOW ? (unsigned)BSA_PAGE_LOW : 0;
    if (page_is_free(s, page))
        return flags | BSA_PAGE_FREE;
    size_t head = bsai_run_head(b, s, page);
    if (head == BSAI_NO_PAGE)
        return flags;
    return flags | flags_of_run(bsai_word_kind(bsai_map_word(&s->map, head)), head == page);
}

enum bsa_status bsai_buddy_flags(const struct bsa_buddy *b, struct bsai_call *call,
                                 const void *addr, unsigned *flags)
{
    size_t page = 0;
    bsai_buddy_lock(b, call);
    struct bsai_section *s = bsai_section_find(b, (uintptr_t)addr, &page);
    if (s != NULL)
        *flags = flags_of(b, s, page);
    bsai_buddy_unlock(b, call);
    return s != NULL ? BSA_OK : BSA_ERR_NOT_FOUND;
}
