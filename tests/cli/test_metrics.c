/* SPDX-License-Identifier: Apache-2.0 */
/* The measures of a report against values computed by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "replay/error.h"
#include "report/metrics.h"

#define NEAR 1e-12

START_TEST(unusable_index)
{
    /* F = 3 + 2*4 + 32 = 43 pages */
    const guint64 counts[REPLAY_ORDERS] = {[0] = 3, [2] = 2, [5] = 1};
    ck_assert_uint_eq(free_pages(counts), 43);
    ck_assert_double_eq_tol(unusable_free_space_index(counts, 0), 0.0, NEAR);
    ck_assert_double_eq_tol(unusable_free_space_index(counts, 1), 3.0 / 43, NEAR);
    ck_assert_double_eq_tol(unusable_free_space_index(counts, 2), 3.0 / 43, NEAR);
    ck_assert_double_eq_tol(unusable_free_space_index(counts, 3), 11.0 / 43, NEAR);
    ck_assert_double_eq_tol(unusable_free_space_index(counts, 5), 11.0 / 43, NEAR);
    ck_assert_double_eq_tol(unusable_free_space_index(counts, 6), 1.0, NEAR);
    ck_assert_double_eq_tol(largest_free_share(counts), 32.0 / 43, NEAR);
}
END_TEST

START_TEST(nothing_free)
{
    const guint64 counts[REPLAY_ORDERS] = {0};
    ck_assert_uint_eq(free_pages(counts), 0);
    ck_assert_double_eq_tol(unusable_free_space_index(counts, 0), 1.0, NEAR);
    ck_assert_double_eq_tol(fragmentation_index(counts, 0), 0.0, NEAR);
    ck_assert_double_eq_tol(largest_free_share(counts), 0.0, NEAR);
}
END_TEST

START_TEST(fragmentation)
{
    /* Eight single pages: order 3 is missing for fragmentation alone, F/2^3 = 1 request. */
    const guint64 singles[REPLAY_ORDERS] = {[0] = 8};
    ck_assert(isnan(fragmentation_index(singles, 0)));
    ck_assert_double_eq_tol(fragmentation_index(singles, 1), 1.0 - 5.0 / 8, NEAR);
    ck_assert_double_eq_tol(fragmentation_index(singles, 3), 0.75, NEAR);

    /* One page: what is missing is memory. */
    const guint64 one[REPLAY_ORDERS] = {[0] = 1};
    ck_assert_double_eq_tol(fragmentation_index(one, 9), -1.0 / 512, NEAR);

    /* Half a million single pages: towards 1. */
    const guint64 many[REPLAY_ORDERS] = {[0] = 524288};
    ck_assert_double_gt(fragmentation_index(many, 10), 0.999);

    /* A block of a larger order serves the request too. */
    const guint64 large[REPLAY_ORDERS] = {[0] = 8, [7] = 1};
    ck_assert(isnan(fragmentation_index(large, 4)));
    ck_assert(!isnan(fragmentation_index(large, 8)));
}
END_TEST

START_TEST(ratios_of_nothing)
{
    ck_assert_double_eq(ratio(0, 0), 0.0);
    ck_assert(isinf(ratio(1, 0)));
    ck_assert_double_eq(ratio(1, 4), 0.25);
}
END_TEST

/*
 * Four events on a heap that takes pages of 4096 bytes:
 *   1  alloc 100 as 128    live 100   given 128   pages 4096
 *   2  alloc 300 as 512    live 400   given 640   pages 8192
 *   3  free  100           live 300   given 512   pages 12288 (a heap may grow late)
 *   4  free  300           live 0     given 0     pages 12288
 */
static void four_events(struct replay_account *account)
{
    memset(account, 0, sizeof(*account));
    replay_account_alloc(account, 4, 100, 128);
    replay_account_tick(account, 1, 100, 4096);
    replay_account_alloc(account, 6, 300, 512);
    replay_account_tick(account, 2, 300, 8192);
    replay_account_free(account, 4, 100, 128);
    replay_account_tick(account, 3, 0, 12288);
    replay_account_free(account, 6, 300, 512);
    replay_account_tick(account, 4, 0, 12288);
}

START_TEST(internal_readings)
{
    struct replay_account account;
    four_events(&account);
    struct internal_fragmentation all = internal_fragmentation(&account);
    ck_assert_double_eq_tol(all.cumulative, 240.0 / 640, NEAR);
    ck_assert_double_eq_tol(all.at_end, 0.0, NEAR);
    ck_assert_double_eq_tol(all.at_peak, 240.0 / 640, NEAR);
    /* slack after each event: 28, 240, 212, 0; given 128, 640, 512, 0 */
    ck_assert_double_eq_tol(all.over_events, 480.0 / 1280, NEAR);
    /* only events that allocate have a weight: 100 and 300 */
    ck_assert_double_eq_tol(all.over_bytes,
                            (28.0 * 100 + 240.0 * 300) / (128.0 * 100 + 640.0 * 300), NEAR);
    ck_assert_uint_eq(account.peak_requested, 400);
    ck_assert_uint_eq(account.peak_event, 2);
    ck_assert_uint_eq(account.live[4].count, 0);
    ck_assert_uint_eq(account.live[4].allocs, 1);
    ck_assert_uint_eq(account.requested, 0);
}
END_TEST

START_TEST(wilson_johnstone)
{
    struct replay_account account;
    four_events(&account);
    struct heap_ratios ratios = heap_ratios(&account, &account.occupied);
    ck_assert_double_eq_tol(ratios.average, (40.96 + 20.48 + 40.96) / 3, NEAR);
    ck_assert_double_eq_tol(ratios.at_max_live, 8192.0 / 400, NEAR);
    ck_assert_double_eq_tol(ratios.at_max_heap, 12288.0 / 300, NEAR);
    ck_assert_double_eq_tol(ratios.max_over_max, 12288.0 / 400, NEAR);
    ck_assert_double_eq_tol(ratios.of_means, (4096.0 + 8192 + 12288) / (100 + 400 + 300), NEAR);
}
END_TEST

START_TEST(address_span)
{
    struct replay_account account = {0};
    static char first[4096], second[4096];
    struct replay_regions regions = {
        .count = 2,
        .used = 2,
        .region = {{.start = first, .bytes = 4096}, {.start = second, .bytes = 4096}},
    };
    ck_assert(replay_account_address(&account, &regions, first + 1000, 100));
    ck_assert_uint_eq(account.span_bytes, 100);
    ck_assert(replay_account_address(&account, &regions, first + 200, 8));
    ck_assert_uint_eq(account.span_bytes, 900); /* 200 to 1100 */
    ck_assert(replay_account_address(&account, &regions, first + 500, 8));
    ck_assert_uint_eq(account.span_bytes, 900);
    ck_assert(replay_account_address(&account, &regions, second, 4096));
    ck_assert_uint_eq(account.span_bytes, 4996);
    ck_assert(!replay_account_address(&account, &regions, second + 4000, 97));
    ck_assert(!replay_account_address(&account, &regions, &account, 1));
}
END_TEST

/*
 * One class of 128 bytes in slabs of one page with a tail: 31 objects. Two slabs: 5 live, 3 in
 * magazines, 2 in the depot, 1 pending, 51 free, one slab empty. A block of 3 pages for 9000 bytes.
 */
static void small_heap(struct replay_snapshot *snapshot, struct replay_account *account)
{
    memset(snapshot, 0, sizeof(*snapshot));
    memset(account, 0, sizeof(*account));
    snapshot->page_size = 4096;
    snapshot->regions = 1;
    snapshot->region_bytes = 65536 + 100;
    snapshot->metadata = 4096;
    snapshot->managed = 65536 - 4096;
    snapshot->slab_bytes = 2 * 4096;
    snapshot->record_bytes = 4096;
    snapshot->cpu_bytes = 4096;
    snapshot->blocks = 1;
    snapshot->block_bytes = 3 * 4096;
    snapshot->free = 8 * 4096;
    snapshot->listed = 2 * 4096;
    snapshot->classes = 1;
    snapshot->size_class[0] = (struct replay_class){
        .object_size = 128,
        .slab_pages = 1,
        .objects_per_slab = 31,
        .slabs = 2,
        .slab_bytes = 2 * 4096,
        .slots = 62,
        .empty_slabs = 1,
        .empty_slots = 31,
        .live = 5,
        .in_magazines = 3,
        .in_depot = 2,
        .free = 51,
        .remote_pending = 1,
    };
    for (int i = 0; i < 5; i++)
        replay_account_alloc(account, 0, 100, 128);
    replay_account_alloc(account, REPLAY_NO_CLASS, 9000, 3 * 4096);
}

START_TEST(split_adds_up)
{
    struct replay_snapshot snapshot;
    struct replay_account account;
    struct memory_split split;
    GError *error = NULL;
    small_heap(&snapshot, &account);
    gboolean ok = split_compute(&split, &snapshot, &account, &error);
    ck_assert_msg(ok, "%s", ok ? "" : error->message);
    ck_assert_uint_eq(split.part[SPLIT_REQUESTED], 500 + 9000);
    ck_assert_uint_eq(split.part[SPLIT_CLASS_ROUNDING], 140);
    ck_assert_uint_eq(split.part[SPLIT_BLOCK_ROUNDING], 12288 - 9000);
    ck_assert_uint_eq(split.part[SPLIT_FREE_SLOTS], 20 * 128);
    ck_assert_uint_eq(split.part[SPLIT_EMPTY_SLABS], 31 * 128);
    ck_assert_uint_eq(split.part[SPLIT_CACHED], 5 * 128 + 8192);
    ck_assert_uint_eq(split.part[SPLIT_REMOTE_PENDING], 128);
    ck_assert_uint_eq(split.part[SPLIT_SLAB_RECORDS], 4096 + 2 * 128);
    ck_assert_uint_eq(split.part[SPLIT_METADATA], 4096 + 100 + 4096);
    ck_assert_uint_eq(split.part[SPLIT_FREE], 6 * 4096);
    guint64 sum = 0;
    for (guint i = 0; i < SPLIT_PARTS; i++)
        sum += split.part[i];
    ck_assert_uint_eq(sum, snapshot.region_bytes);
}
END_TEST

static void more_live(struct replay_snapshot *s)
{
    s->size_class[0].live++;
    s->size_class[0].free--;
}
static void lost_object(struct replay_snapshot *s)
{
    s->size_class[0].in_depot--;
}
static void lost_slab(struct replay_snapshot *s)
{
    s->slab_bytes -= 4096;
}
static void lost_page(struct replay_snapshot *s)
{
    s->free -= 4096;
}
static void lost_record(struct replay_snapshot *s)
{
    s->record_bytes = 0;
}
static void more_blocks(struct replay_snapshot *s)
{
    s->blocks++;
}
static void larger_block(struct replay_snapshot *s)
{
    s->block_bytes += 4096;
    s->free -= 4096;
}
static void hidden_metadata(struct replay_snapshot *s)
{
    s->managed -= 2 * 4096;
    s->free -= 2 * 4096;
}
static void managed_too_large(struct replay_snapshot *s)
{
    s->managed += 8192;
    s->free += 8192;
}

/* Each contradiction, and the words that name it. */
static const struct {
    void (*spoil)(struct replay_snapshot *snapshot);
    const char *words;
} contradictions[] = {
    {more_live, "live objects of 128 bytes"},
    {lost_object, "objects in slabs of 128 bytes"},
    {lost_slab, "bytes of slabs"},
    {lost_page, "bytes of all parts"},
    {lost_record, "bytes of all parts"},
    {more_blocks, "live page blocks"},
    {larger_block, "bytes of page blocks"},
    {hidden_metadata, "bytes of metadata"},
    {managed_too_large, "bytes of metadata"},
};

START_TEST(split_contradictions)
{
    struct replay_snapshot snapshot;
    struct replay_account account;
    struct memory_split split;
    GError *error = NULL;
    small_heap(&snapshot, &account);
    contradictions[_i].spoil(&snapshot);
    ck_assert(!split_compute(&split, &snapshot, &account, &error));
    ck_assert(g_error_matches(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR));
    ck_assert_msg(strstr(error->message, contradictions[_i].words) != NULL, "%s", error->message);
    g_error_free(error);
}
END_TEST

START_TEST(classes_of_requests)
{
    struct replay_backend backend = {.page_size = 4096, .classes = 3, .class_size = {64, 96, 128}};
    ck_assert_uint_eq(replay_class_of(&backend, 0, 1), 0);
    ck_assert_uint_eq(replay_class_of(&backend, 64, 8), 0);
    ck_assert_uint_eq(replay_class_of(&backend, 65, 8), 1);
    ck_assert_uint_eq(replay_class_of(&backend, 65, 64), 2); /* 96 is aligned to 32 only */
    ck_assert_uint_eq(replay_class_of(&backend, 129, 8), REPLAY_NO_CLASS);
    ck_assert_uint_eq(replay_class_of(&backend, 8, 256), REPLAY_NO_CLASS);
    ck_assert_uint_eq(replay_given(&backend, 1, 65), 96);
    ck_assert_uint_eq(replay_given(&backend, REPLAY_NO_CLASS, 4096), 4096);
    ck_assert_uint_eq(replay_given(&backend, REPLAY_NO_CLASS, 4097), 8192);
    ck_assert_uint_eq(replay_given(&backend, REPLAY_NO_CLASS, 0), 4096);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *indices = tcase_create("indices");
    tcase_add_test(indices, unusable_index);
    tcase_add_test(indices, nothing_free);
    tcase_add_test(indices, fragmentation);
    tcase_add_test(indices, ratios_of_nothing);
    suite_add_tcase(suite, indices);
    TCase *books = tcase_create("books");
    tcase_add_test(books, internal_readings);
    tcase_add_test(books, wilson_johnstone);
    tcase_add_test(books, address_span);
    tcase_add_test(books, split_adds_up);
    tcase_add_loop_test(books, split_contradictions, 0, (int)G_N_ELEMENTS(contradictions));
    tcase_add_test(books, classes_of_requests);
    suite_add_tcase(suite, books);

    SRunner *runner = srunner_create(suite);
    if (getenv("CK_TAP_LOG_FILE_NAME") == NULL)
        srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
