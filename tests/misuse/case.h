/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A misuse as a table entry, and how it is put to the test: in every mode, with and without
 * magazines, by CPU hook and by handle, it must give its status, exactly one call of the fault hook
 * that says what is wrong, change nothing, and leave a heap that works.
 */
#ifndef BSA_TESTS_MISUSE_CASE_H
#define BSA_TESTS_MISUSE_CASE_H

#include "bed.h"

struct misuse {
    const char *name;
    enum bsa_status status;
    const char *says; /* part of the fault's message */
    void (*prepare)(struct bed *bed);
    enum bsa_status (*commit)(struct bed *bed);
    bool nowhere; /* no address is to blame */
};

/* What is done. */

static inline enum bsa_status frees(struct bed *bed)
{
    return bed_free(bed, bed->p);
}

static inline enum bsa_status frees_pages(struct bed *bed)
{
    return bed_free_pages(bed, bed->p, bed->n);
}

static inline enum bsa_status frees_sized(struct bed *bed)
{
    return bsa_heap_free_sized(bed->heap, bed->p, bed->n, bed->align);
}

static inline enum bsa_status frees_like_c(struct bed *bed)
{
    bsa_free(bed->heap, bed->p);
    return bed->m.faults.status;
}

static inline enum bsa_status reallocates_to(struct bed *bed, size_t size, size_t align)
{
    void *p = bed->p;
    enum bsa_status status =
        bed->way.handles ? bsa_cpu_realloc(bsa_heap_cpu(bed->heap, bed->m.cpu), &p, size, align)
                         : bsa_heap_realloc(bed->heap, &p, size, align);
    ck_assert_ptr_eq(p, bed->p);
    return status;
}

static inline enum bsa_status reallocates(struct bed *bed)
{
    return reallocates_to(bed, 100, 8);
}

static inline enum bsa_status reallocates_like_c(struct bed *bed)
{
    ck_assert_ptr_null(bsa_realloc(bed->heap, bed->p, 100));
    return bed->m.faults.status;
}

static inline enum bsa_status allocates(struct bed *bed)
{
    void *out = bed;
    enum bsa_status status = bed_alloc(bed, bed->n, bed->align, &out);
    ck_assert_ptr_null(out);
    return status;
}

static inline enum bsa_status allocates_pages(struct bed *bed)
{
    void *out = bed;
    enum bsa_status status = bed_alloc_pages(bed, bed->n, bed->align, &out);
    ck_assert_ptr_null(out);
    return status;
}

static inline enum bsa_status allocates_low(struct bed *bed)
{
    void *out = bed;
    enum bsa_status status = bsa_heap_alloc_pages_lowmem(bed->heap, bed->n, bed->align, &out);
    ck_assert_ptr_null(out);
    return status;
}

#define WILD(subject)                                                                              \
    {"free of " #subject, BSA_ERR_NOT_FOUND, "", subject, frees, false},                           \
    {                                                                                              \
        "free_pages of " #subject, BSA_ERR_NOT_FOUND, "", subject, frees_pages, false              \
    }
#define FREE(status, says, subject)                                                                \
    {                                                                                              \
        "free of " #subject, BSA_ERR_##status, says, subject, frees, false                         \
    }
#define FREE_PAGES(status, says, subject)                                                          \
    {                                                                                              \
        "free_pages of " #subject, BSA_ERR_##status, says, subject, frees_pages, false             \
    }
#define FREE_SIZED(status, says, subject)                                                          \
    {                                                                                              \
        "free_sized of " #subject, BSA_ERR_##status, says, subject, frees_sized, false             \
    }
#define REQUEST(says, subject, action)                                                             \
    {                                                                                              \
#action " with " #subject, BSA_ERR_INVALID_PARAM, says, subject, action, true              \
    }

static inline void run_case(const struct misuse *misuse, const struct way *way)
{
    struct bed bed;
    struct bsa_heap_stats before, after;
    bed_open(&bed, way);
    misuse->prepare(&bed);
    heap_stats(bed.heap, &before);
    ck_assert_uint_eq(bed.m.faults.count, 0);

    enum bsa_status status = misuse->commit(&bed);
    ck_assert_msg(status == misuse->status, "%s, %s: the status is \"%s\"", misuse->name, way->name,
                  bsa_strerror(status));
    ck_assert_msg(bed.m.faults.count == 1, "%s, %s: %u calls of the fault hook", misuse->name,
                  way->name, bed.m.faults.count);
    ck_assert_msg(bed.m.faults.status == misuse->status && strlen(bed.m.faults.what) > 8 &&
                      strstr(bed.m.faults.what, misuse->says) != NULL,
                  "%s, %s: the fault is \"%s\", in words \"%s\"", misuse->name, way->name,
                  bsa_strerror(bed.m.faults.status), bed.m.faults.what);
    ck_assert_msg(misuse->nowhere || bed.m.faults.addr == bed.p,
                  "%s, %s: the fault names %p, not %p", misuse->name, way->name, bed.m.faults.addr,
                  bed.p);

    bed.way = *way;
    bed.m.cpu = 0;
    heap_stats(bed.heap, &after);
    ck_assert_msg(memcmp(&before, &after, sizeof before) == 0, "%s, %s: the statistics changed",
                  misuse->name, way->name);
    bed_check_live(&bed);
    check_heap_sums(bed.heap);

    /* The same again must be found again. */
    bed.m.faults.count = 0;
    if (!misuse->nowhere) {
        ck_assert_int_eq((int)misuse->commit(&bed), (int)misuse->status);
        ck_assert_uint_eq(bed.m.faults.count, 1);
        bed.m.faults.count = 0;
    }
    bed_work(&bed);
    check_heap_sums(bed.heap);
    bed_close(&bed);
    ck_assert_uint_eq(bed.m.faults.count, 0);
}

static inline void run_in_every_way(const struct misuse *misuse)
{
    struct way way;
    for (unsigned i = 0; way_number(i, &way); i++)
        run_case(misuse, &way);
}

/* A program of such cases, each a test. */

static const struct misuse *misuses;

START_TEST(found_and_harmless)
{
    run_in_every_way(&misuses[_i]);
}
END_TEST

static inline int run_misuses(const char *name, const struct misuse *cases, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *all = tcase_create("every mode");
    misuses = cases;
    tcase_add_loop_test(all, found_and_harmless, 0, (int)count);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}

#endif
