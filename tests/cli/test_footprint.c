/* SPDX-License-Identifier: Apache-2.0 */
/* Pages in use by addresses alone, and free blocks of a set of pages, against figures by hand. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support.h"

#include "report/buddyinfo.h"
#include "report/footprint.h"

#define PAGE ((guint64)4096)
#define PAGES 4096u /* of the random set: 64 groups */

START_TEST(blocks_of_a_group)
{
    struct aligned_blocks blocks;
    aligned_init(&blocks);
    /* pages 1, 2 and 3: one of order 0, one of order 1; 8 to 15: order 3 */
    aligned_change(&blocks, 7, 0, 0xff0e);
    ck_assert_uint_eq(blocks.count[0], 1);
    ck_assert_uint_eq(blocks.count[1], 1);
    ck_assert_uint_eq(blocks.count[2], 0);
    ck_assert_uint_eq(blocks.count[3], 1);
    /* page 0 makes the first four one block, page 12 goes */
    aligned_change(&blocks, 7, 0xff0e, 0xef0f);
    ck_assert_uint_eq(blocks.count[0], 1); /* 13 */
    ck_assert_uint_eq(blocks.count[1], 1); /* 14, 15 */
    ck_assert_uint_eq(blocks.count[2], 2); /* 0 to 3, 8 to 11 */
    ck_assert_uint_eq(blocks.count[3], 0);
    aligned_change(&blocks, 7, 0xef0f, 0);
    for (guint order = 0; order < REPLAY_ORDERS; order++)
        ck_assert_uint_eq(blocks.count[order], 0);
    aligned_clear(&blocks);
}
END_TEST

START_TEST(blocks_of_groups)
{
    struct aligned_blocks blocks;
    aligned_init(&blocks);
    for (guint64 group = 1; group < 8; group++)
        aligned_change(&blocks, group, 0, G_MAXUINT64);
    ck_assert_uint_eq(blocks.count[6], 1); /* group 1 */
    ck_assert_uint_eq(blocks.count[7], 1); /* 2 and 3 */
    ck_assert_uint_eq(blocks.count[8], 1); /* 4 to 7 */
    aligned_change(&blocks, 0, 0, G_MAXUINT64);
    ck_assert_uint_eq(blocks.count[9], 1);
    ck_assert_uint_eq(blocks.count[6] + blocks.count[7] + blocks.count[8], 0);
    aligned_change(&blocks, 5, G_MAXUINT64, G_MAXUINT64 - 1);
    ck_assert_uint_eq(blocks.count[8], 1); /* 0 to 3 */
    ck_assert_uint_eq(blocks.count[7], 1); /* 6 and 7 */
    ck_assert_uint_eq(blocks.count[6], 1); /* 4 */
    ck_assert_uint_eq(blocks.count[5], 1); /* and all but the first page of 5 */
    ck_assert_uint_eq(blocks.count[0], 1);
    aligned_clear(&blocks);
}
END_TEST

/* All maximal blocks, by looking at each page. */
static void count_slowly(const gboolean *set, guint64 count[REPLAY_ORDERS])
{
    memset(count, 0, REPLAY_ORDERS * sizeof(*count));
    for (guint page = 0; page < PAGES;) {
        guint order = 0, next = page + 1;
        if (!set[page]) {
            page++;
            continue;
        }
        for (guint wider = 1; page % (1u << wider) == 0 && page + (1u << wider) <= PAGES; wider++) {
            guint end = page + (1u << wider);
            guint at = next;
            while (at < end && set[at])
                at++;
            if (at < end)
                break;
            order = wider;
            next = end;
        }
        count[order]++;
        page = next;
    }
}

START_TEST(random_blocks)
{
    static gboolean set[PAGES];
    static guint64 words[PAGES / ALIGNED_GROUP];
    struct aligned_blocks blocks;
    guint64 wanted[REPLAY_ORDERS];
    struct rng rng = rng_for("random_blocks");
    memset(set, 0, sizeof(set));
    memset(words, 0, sizeof(words));
    aligned_init(&blocks);
    for (guint step = 0; step < 1000; step++) {
        guint order = (guint)rng_below(&rng, 11);
        guint first = (guint)rng_below(&rng, PAGES >> order) << order;
        gboolean in = rng_below(&rng, 3) > 0;
        for (guint page = first; page < first + (1u << order); page++) {
            guint64 group = page / ALIGNED_GROUP, bit = (guint64)1 << page % ALIGNED_GROUP;
            guint64 after = in ? words[group] | bit : words[group] & ~bit;
            aligned_change(&blocks, group, words[group], after);
            words[group] = after;
            set[page] = in;
        }
        count_slowly(set, wanted);
        for (guint i = 0; i < REPLAY_ORDERS; i++)
            ck_assert_msg(blocks.count[i] == wanted[i],
                          "step %u, order %u: %" G_GUINT64_FORMAT ", wanted %" G_GUINT64_FORMAT,
                          step, i, blocks.count[i], wanted[i]);
    }
    aligned_clear(&blocks);
}
END_TEST

static void check_pages(const struct footprint *footprint, guint64 objects, guint64 blocks,
                        guint64 slabs, guint64 seen)
{
    ck_assert_uint_eq(footprint->pages[FOOTPRINT_OBJECT], objects);
    ck_assert_uint_eq(footprint->pages[FOOTPRINT_BLOCK], blocks);
    ck_assert_uint_eq(footprint->pages[FOOTPRINT_SLAB], slabs);
    ck_assert_uint_eq(footprint_occupied(footprint), objects + blocks + slabs);
    ck_assert_uint_eq(footprint->seen, seen);
}

START_TEST(objects_share_pages)
{
    struct footprint footprint;
    footprint_init(&footprint, PAGE);
    /* two objects on page 16; the second reaches 100 bytes into page 17 */
    footprint_add(&footprint, FOOTPRINT_OBJECT, 16 * PAGE + 16, 500);
    footprint_add(&footprint, FOOTPRINT_OBJECT, 17 * PAGE - 900, 1000);
    check_pages(&footprint, 2, 0, 0, 2);
    ck_assert_uint_eq(footprint.free_bytes[FOOTPRINT_OBJECT], 2 * PAGE - 1500);
    /* 10000 bytes from page 17 on: pages 18 and 19 are its own, of the last 2 * 4096 - 8096 free */
    footprint_add(&footprint, FOOTPRINT_BLOCK, 18 * PAGE - 1904, 10000);
    check_pages(&footprint, 2, 2, 0, 4);
    ck_assert_uint_eq(footprint.free_bytes[FOOTPRINT_OBJECT], 2 * PAGE - 1500 - 1904);
    ck_assert_uint_eq(footprint.free_bytes[FOOTPRINT_BLOCK], 2 * PAGE - 8096);
    /* without the small one, page 17 is the large one's */
    footprint_remove(&footprint, FOOTPRINT_OBJECT, 17 * PAGE - 900, 1000);
    check_pages(&footprint, 1, 3, 0, 4);
    footprint_remove(&footprint, FOOTPRINT_BLOCK, 18 * PAGE - 1904, 10000);
    footprint_remove(&footprint, FOOTPRINT_OBJECT, 16 * PAGE + 16, 500);
    check_pages(&footprint, 0, 0, 0, 4);
    ck_assert_uint_eq(footprint.free_bytes[FOOTPRINT_OBJECT], 0);
    ck_assert_uint_eq(footprint.free_bytes[FOOTPRINT_BLOCK], 0);
    ck_assert_uint_eq(footprint.free.count[2], 1); /* 16 to 19 */
    ck_assert_uint_eq(footprint.span, 4);
    footprint_clear(&footprint);
}
END_TEST

START_TEST(slabs_and_their_objects)
{
    struct footprint footprint;
    footprint_init(&footprint, PAGE);
    footprint_add(&footprint, FOOTPRINT_SLAB, 64 * PAGE, 4 * PAGE);
    check_pages(&footprint, 0, 0, 4, 4);
    ck_assert_uint_eq(footprint.free_bytes[FOOTPRINT_SLAB], 4 * PAGE);
    footprint_add(&footprint, FOOTPRINT_OBJECT, 65 * PAGE + 192, 192);
    check_pages(&footprint, 1, 0, 3, 4);
    ck_assert_uint_eq(footprint.free_bytes[FOOTPRINT_OBJECT], PAGE - 192);
    /* the slab ends, its object was not told to */
    footprint_remove(&footprint, FOOTPRINT_SLAB, 64 * PAGE, 4 * PAGE);
    check_pages(&footprint, 1, 0, 0, 4);
    ck_assert_uint_eq(footprint.free.count[0], 1);
    ck_assert_uint_eq(footprint.free.count[1], 1);
    ck_assert_uint_eq(footprint.all.count[2], 1);
    footprint_clear(&footprint);
}
END_TEST

/* An end that was lost: a page gives no more than it has. */
START_TEST(overlapping_objects)
{
    struct footprint footprint;
    footprint_init(&footprint, PAGE);
    footprint_add(&footprint, FOOTPRINT_OBJECT, 5 * PAGE, 4000);
    footprint_add(&footprint, FOOTPRINT_OBJECT, 5 * PAGE + 8, 4000);
    check_pages(&footprint, 1, 0, 0, 1);
    ck_assert_uint_eq(footprint.free_bytes[FOOTPRINT_OBJECT], 0);
    footprint_remove(&footprint, FOOTPRINT_OBJECT, 5 * PAGE, 4000);
    ck_assert_uint_eq(footprint.free_bytes[FOOTPRINT_OBJECT], 96);
    footprint_clear(&footprint);
}
END_TEST

START_TEST(spans_of_windows)
{
    struct footprint footprint;
    guint64 far = (guint64)0x7f0000000000;
    footprint_init(&footprint, PAGE);
    footprint_add(&footprint, FOOTPRINT_OBJECT, 10 * PAGE, 100);
    footprint_add(&footprint, FOOTPRINT_OBJECT, far + 3 * PAGE, 100);
    ck_assert_uint_eq(footprint.span, 2); /* not all that is between */
    footprint_add(&footprint, FOOTPRINT_OBJECT, 110 * PAGE, 100);
    ck_assert_uint_eq(footprint.span, 102);
    footprint_remove(&footprint, FOOTPRINT_OBJECT, 110 * PAGE, 100);
    ck_assert_uint_eq(footprint.span, 102); /* a high-water mark */
    /* 2 pages before the end of a window and 3 behind it */
    footprint_add(&footprint, FOOTPRINT_BLOCK, far + 2 * FOOTPRINT_WINDOW - 2 * PAGE, 5 * PAGE);
    ck_assert_uint_eq(footprint.span, 107);
    footprint_clear(&footprint);
}
END_TEST

/* The last byte of the address space, and sizes that reach beyond it. */
START_TEST(top_of_the_addresses)
{
    struct footprint footprint;
    footprint_init(&footprint, PAGE);
    footprint_add(&footprint, FOOTPRINT_BLOCK, G_MAXUINT64 - 2 * PAGE + 1, 2 * PAGE);
    check_pages(&footprint, 0, 2, 0, 2);
    footprint_add(&footprint, FOOTPRINT_OBJECT, G_MAXUINT64 - 9, 1000);
    check_pages(&footprint, 1, 1, 0, 2);
    ck_assert_uint_eq(footprint.span, 2);
    footprint_clear(&footprint);
}
END_TEST

START_TEST(buddyinfo_text)
{
    struct buddyinfo_count count;
    ck_assert(buddyinfo_parse(&count, "Node 0, zone      DMA      1      0      2 \n"
                                      "Node 0, zone   Normal     10     20     30 \n"));
    ck_assert_uint_eq(count.orders, 3);
    ck_assert_uint_eq(count.blocks[0], 11);
    ck_assert_uint_eq(count.blocks[1], 20);
    ck_assert_uint_eq(count.blocks[2], 32);
    ck_assert_uint_eq(count.pages, 11 + 40 + 128);
    const char *const bad[] = {"",
                               "\n",
                               "Node 0, zone Normal\n",
                               "Node 0, zone Normal 1 x 2\n",
                               "slabinfo - version: 2.1\n",
                               "Node 0, zone Normal 1 -2\n"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_msg(!buddyinfo_parse(&count, bad[i]), "taken: %s", bad[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("footprint");
    TCase *tcase = tcase_create("footprint");
    tcase_add_test(tcase, blocks_of_a_group);
    tcase_add_test(tcase, blocks_of_groups);
    tcase_add_test(tcase, random_blocks);
    tcase_add_test(tcase, objects_share_pages);
    tcase_add_test(tcase, slabs_and_their_objects);
    tcase_add_test(tcase, overlapping_objects);
    tcase_add_test(tcase, spans_of_windows);
    tcase_add_test(tcase, top_of_the_addresses);
    tcase_add_test(tcase, buddyinfo_text);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
