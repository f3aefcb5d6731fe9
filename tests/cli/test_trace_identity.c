/* SPDX-License-Identifier: Apache-2.0 */
/* Which free belongs to which allocation, and which pages held slab objects. */
#include "trace_support.h"

#define ALLOC_A                                                                                    \
    "perf 28558 [001] 10.000001: "                                                                 \
    "kmem:kmalloc: call_site=first+0x1c ptr=0xffff888103062ba0 bytes_req=24 bytes_alloc=32 "       \
    "gfp_flags=GFP_KERNEL node=-1 accounted=false\n"
#define FREE_A                                                                                     \
    "perf 28558 [001] 10.000002: kmem:kfree: call_site=last+0x160 ptr=0xffff888103062ba0\n"

START_TEST(frees_of_nothing)
{
    struct told told;
    read_text(&told,
              ALLOC_A "perf 28558 [001] 10.1: kmem:kfree: call_site=a ptr=(nil)\n"
                      "perf 28558 [001] 10.2: kmem:kfree: call_site=a ptr=(null)\n"
                      "perf 28558 [001] 10.3: kmem:kfree: "
                      "call_site=a "
                      "ptr=0x0\n"
                      "perf 28558 [001] 10.4: kmem:kfree: call_site=a ptr=0000000000000000\n"
                      "perf 28558 [001] 10.5: kmem:kfree: call_site=a ptr=0x10\n",
              TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 1);
    ck_assert_uint_eq(told.hygiene.null_frees, 5);
    ck_assert_uint_eq(told.hygiene.orphan_frees, 0);
    check_balance(&told.hygiene);
    drop(&told);
}
END_TEST

START_TEST(failed_allocations)
{
    struct told told;
    read_text(
        &told,
        ALLOC_A
        "perf 28558 [001] 1.1: kmem:kmalloc: call_site=a ptr=(nil) bytes_req=8 bytes_alloc=8\n"
        "perf 28558 [001] 1.2: kmem:mm_page_alloc: page=(nil) pfn=0x0 order=9 migratetype=0\n"
        "perf 28558 [001] 1.3: kmem:mm_page_alloc: page=(nil) pfn=0 order=9 migratetype=0\n"
        "perf 28558 [001] 1.4: kmem:mm_page_alloc: page=(nil) pfn=-1 order=9 migratetype=0\n"
        "perf 28558 [001] 1.5: kmem:mm_page_alloc: page=(nil) pfn=0xffffffffffffffff order=9\n"
        "perf 28558 [001] 1.6: kmem:mm_page_alloc: page=(nil) pfn=18446744073709551615 order=9\n",
        TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.events->len, 7);
    ck_assert_uint_eq(told.hygiene.failed_allocs, 6);
    for (guint i = 1; i < 7; i++) {
        const struct trace_event *event = event_at(&told, i);
        ck_assert_uint_eq(event->kind, i == 1 ? TRACE_ALLOC : TRACE_PAGE_ALLOC);
        ck_assert_uint_eq(event->flags, TRACE_FAILED);
        ck_assert_uint_eq(event->slot, TRACE_NO_SLOT);
        ck_assert_uint_eq(event->address, 0);
        ck_assert_uint_eq(event->size, i == 1 ? 8 : 4096 << 9);
    }
    ck_assert_uint_eq(told.summary.peak_live_bytes, 24);
    check_balance(&told.hygiene);
    drop(&told);
}
END_TEST

START_TEST(address_handed_out_again)
{
    struct told told;
    read_text(&told,
              ALLOC_A
              "perf 28558 [001] 10.1: kmem:kmem_cache_alloc: call_site=b ptr=0xffff888103062ba0 "
              "name=maple_node bytes_req=256 bytes_alloc=256\n" FREE_A,
              TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 4);
    const struct trace_event *unseen = event_at(&told, 1);
    ck_assert_uint_eq(unseen->kind, TRACE_FREE);
    ck_assert_uint_eq(unseen->flags, TRACE_IMPLICIT);
    ck_assert_uint_eq(unseen->size, 24);
    ck_assert_uint_eq(unseen->line, 2);
    ck_assert_uint_eq(unseen->slot, event_at(&told, 0)->slot);
    ck_assert_uint_eq(unseen->cache, TRACE_NO_NAME);
    ck_assert_uint_eq(event_at(&told, 2)->kind, TRACE_ALLOC);
    ck_assert_uint_eq(event_at(&told, 2)->size, 256);
    ck_assert_uint_eq(event_at(&told, 2)->line, 2);
    ck_assert_uint_eq(event_at(&told, 3)->slot, event_at(&told, 2)->slot);
    ck_assert_uint_eq(told.hygiene.implicit_frees, 1);
    ck_assert_uint_eq(told.hygiene.out_of_order, 1);
    ck_assert_uint_eq(told.summary.peak_slots, 1);
    ck_assert_uint_eq(told.summary.peak_live_bytes, 256);
    check_balance(&told.hygiene);
    drop(&told);
}
END_TEST

START_TEST(pages_handed_out_again)
{
    struct told told;
    read_text(
        &told,
        "perf 28558 [001] 1.0: kmem:mm_page_alloc: page=0x40 pfn=0x40 order=2 migratetype=0\n"
        "perf 28558 [001] 1.1: kmem:mm_page_alloc: page=0x40 pfn=0x40 order=0 migratetype=1\n",
        TRACE_LAYER_PAGE);
    ck_assert_uint_eq(told.events->len, 3);
    ck_assert_uint_eq(event_at(&told, 1)->flags, TRACE_IMPLICIT);
    ck_assert_uint_eq(event_at(&told, 1)->order, 2);
    ck_assert_uint_eq(event_at(&told, 1)->size, 16384);
    ck_assert_uint_eq(told.hygiene.implicit_page_frees, 1);
    ck_assert_uint_eq(told.hygiene.pages_never_freed, 1);
    ck_assert_uint_eq(told.summary.peak_live_pages, 4);
    drop(&told);
}
END_TEST

START_TEST(frees_older_than_the_trace)
{
    struct told told;
    read_text(&told,
              FREE_A ALLOC_A FREE_A FREE_A
              "perf 28558 [001] 2.1: kmem:mm_page_free: page=0x9 pfn=0x9 order=0\n",
              TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(told.hygiene.orphan_frees, 2);
    ck_assert_uint_eq(told.hygiene.orphan_page_frees, 1);
    ck_assert_uint_eq(event_at(&told, 0)->line, 2);
    check_balance(&told.hygiene);
    drop(&told);
}
END_TEST

START_TEST(batched_free_repeats)
{
    struct told told;
    read_text(&told,
              "perf 28558 [001] 1.0: kmem:mm_page_alloc: page=0x40 pfn=0x40 order=0 migratetype=0\n"
              "perf 28558 [001] 1.1: kmem:mm_page_free: page=0x40 pfn=0x40 order=0\n"
              "perf 28558 [001] 1.2: kmem:mm_page_free_batched: page=0x40 pfn=0x40 order=0\n",
              TRACE_LAYER_PAGE);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(told.hygiene.batched_repeats, 1);
    ck_assert_uint_eq(told.hygiene.orphan_page_frees, 0);
    check_balance(&told.hygiene);
    drop(&told);
}
END_TEST

START_TEST(layers_apart)
{
    struct told told;
    static const char text[] = ALLOC_A FREE_A
        "perf 28558 [001] 1.2: kmem:mm_page_alloc: page=0x40 pfn=0x40 order=0 migratetype=0\n";
    read_text(&told, text, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.hygiene.allocs, 1);
    ck_assert_uint_eq(told.hygiene.page_allocs, 0);
    ck_assert_uint_eq(told.hygiene.other_layer, 1);
    check_balance(&told.hygiene);
    drop(&told);
    read_text(&told, text, TRACE_LAYER_PAGE);
    ck_assert_uint_eq(told.hygiene.allocs, 0);
    ck_assert_uint_eq(told.hygiene.page_allocs, 1);
    ck_assert_uint_eq(told.hygiene.other_layer, 2);
    check_balance(&told.hygiene);
    drop(&told);
}
END_TEST

/*
 * A random trace against a model: addresses are few, so that they are used again and again, freed
 * twice and handed out twice. Slots must be unique among what is live and below the peak.
 */
enum { ADDRESSES = 300 };

struct model {
    gboolean live[2][ADDRESSES]; /* of objects, of pages */
    guint64 orphans, unseen, live_now;
};

static GString *random_trace(GRand *random, struct model *model, guint lines)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < lines; i++) {
        guint page = (guint)g_rand_int_range(random, 0, 2);
        guint which = (guint)g_rand_int_range(random, 0, ADDRESSES);
        gboolean alloc = g_rand_boolean(random);
        const char *event =
            alloc ? (page ? "mm_page_alloc" : "kmalloc") : (page ? "mm_page_free" : "kfree");
        g_string_append_printf(text, "perf %u [%03u] %u.%06u: kmem:%s: ", which % 7, which % 3,
                               1 + i / 1000000, i % 1000000, event);
        if (page) {
            g_string_append_printf(text, "page=0x1 pfn=0x%x order=0\n", 0x123456 + which);
        } else {
            g_string_append_printf(text, "ptr=0xffff88800%07x bytes_req=%u\n", 64 + which * 64,
                                   which + 1);
        }
        gboolean *live = &model->live[page][which];
        model->orphans += !alloc && !*live;
        model->unseen += alloc && *live;
        model->live_now += (guint64)alloc - (guint64)*live;
        *live = alloc;
    }
    return text;
}

/* Follows the events: each free ends the life that holds its slot. */
static void follow(const struct told *told)
{
    guint64 peak = told->summary.peak_slots;
    guint64 *holder = g_new0(guint64, peak);
    guint64 live = 0, most = 0;
    for (guint i = 0; i < told->events->len; i++) {
        const struct trace_event *event = event_at(told, i);
        ck_assert_uint_eq(event->number, i + 1);
        ck_assert_uint_lt(event->slot, peak);
        /* Page frames and addresses never coincide here, and none is 0. */
        if (event->kind == TRACE_ALLOC || event->kind == TRACE_PAGE_ALLOC) {
            ck_assert_uint_eq(holder[event->slot], 0);
            holder[event->slot] = event->address;
            live++;
            most = MAX(most, live);
        } else {
            ck_assert_uint_eq(holder[event->slot], event->address);
            holder[event->slot] = 0;
            live--;
        }
    }
    ck_assert_uint_eq(most, peak);
    ck_assert_uint_eq(live, told->hygiene.never_freed + told->hygiene.pages_never_freed);
    g_free(holder);
}

START_TEST(random_traces)
{
    const char *given = g_getenv("BSA_TEST_SEED");
    guint32 seed = given != NULL ? (guint32)g_ascii_strtoull(given, NULL, 0) : g_random_int();
    GRand *random = g_rand_new_with_seed(seed);
    struct model model = {.live_now = 0};
    struct told told;
    g_print("# random_traces: BSA_TEST_SEED=%u\n", seed);
    GString *text = random_trace(random, &model, 20000);
    read_text(&told, text->str, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.hygiene.orphan_frees + told.hygiene.orphan_page_frees, model.orphans);
    ck_assert_uint_eq(told.hygiene.implicit_frees + told.hygiene.implicit_page_frees, model.unseen);
    ck_assert_uint_eq(told.hygiene.never_freed + told.hygiene.pages_never_freed, model.live_now);
    ck_assert_uint_eq(told.summary.cpus, 3);
    ck_assert_uint_eq(told.summary.threads, 7);
    follow(&told);
    check_balance(&told.hygiene);
    drop(&told);
    g_string_free(text, TRUE);
    g_rand_free(random);
}
END_TEST

static void add_object(GString *text, const char *event, guint64 address)
{
    g_string_append_printf(text,
                           "perf 1 [000] 1.5: kmem:%s: call_site=a ptr=0x%" G_GINT64_MODIFIER
                           "x bytes_req=8 bytes_alloc=8\n",
                           event, address);
}

static void add_pages(GString *text, const char *event, guint64 frame, guint order)
{
    g_string_append_printf(
        text, "perf 1 [000] 1.5: kmem:%s: page=0x1 pfn=0x%" G_GINT64_MODIFIER "x order=%u\n", event,
        frame, order);
}

/* Bases of the direct map: x86-64's own, two that it may be moved to, and one of arm64. */
static const guint64 bases[] = {
    G_GUINT64_CONSTANT(0xffff888000000000),
    G_GUINT64_CONSTANT(0xffff88a0c0000000),
    G_GUINT64_CONSTANT(0xffff9e4340000000),
    G_GUINT64_CONSTANT(0xffff000000000000) - ((guint64)1 << 30),
};

/*
 * Of the blocks at 0x40000 (two lives), 0x50000 (eight pages) and 0x60000, the first life and the
 * block of eight held objects; one that came before the trace makes no block a slab's.
 */
START_TEST(pages_that_held_objects)
{
    guint64 base = bases[_i];
    struct told told;
    GString *text = g_string_new(NULL);
    add_object(text, "kmalloc", base + 0x60000000 + 64);
    add_pages(text, "mm_page_alloc", 0x40000, 0);
    add_pages(text, "mm_page_alloc", 0x50000, 3);
    for (guint64 i = 0; i < 4; i++) {
        add_object(text, "kmalloc", base + 0x40000000 + i * 8 + 2048);
    }
    add_pages(text, "mm_page_alloc", 0x60000, 0);
    for (guint64 i = 0; i < 100; i++) {
        add_pages(text, "mm_page_alloc", 0x70000 + i, 0);
    }
    add_object(text, "kmalloc", base + 0x50007ff8); /* long after its pages */
    for (guint64 i = 0; i < 4; i++) {
        add_object(text, "kfree", base + 0x40000000 + i * 8 + 2048);
    }
    add_pages(text, "mm_page_free", 0x40000, 0);
    add_pages(text, "mm_page_free", 0x50000, 3);
    add_pages(text, "mm_page_alloc", 0x40000, 0);
    add_pages(text, "mm_page_free", 0x40000, 0);
    add_pages(text, "mm_page_free", 0x60000, 0);
    read_text(&told, text->str, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.hygiene.slab_page_allocs, 2);
    ck_assert_uint_eq(told.hygiene.slab_page_frees, 2);
    ck_assert_uint_eq(told.hygiene.page_allocs, 102);
    ck_assert_uint_eq(told.hygiene.page_frees, 2);
    ck_assert_uint_eq(told.hygiene.allocs, 6);
    ck_assert_uint_eq(told.summary.peak_live_pages, 102);
    check_balance(&told.hygiene);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

/* Only a free of an object is seen on the block: its allocation was lost. */
START_TEST(freed_object_marks_its_pages)
{
    struct told told;
    GString *text = g_string_new(NULL);
    add_pages(text, "mm_page_alloc", 0x40000, 1);
    add_object(text, "kmalloc", bases[0] + 0x40000000);
    add_pages(text, "mm_page_alloc", 0x50000, 1);
    add_object(text, "kmem_cache_free", bases[0] + 0x50001000);
    read_text(&told, text->str, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.hygiene.slab_page_allocs, 2);
    ck_assert_uint_eq(told.hygiene.orphan_frees, 1);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

/* The free of a large block was lost; its pages are in a smaller one now, which holds the object.
 */
START_TEST(youngest_block_is_marked)
{
    struct told told;
    GString *text = g_string_new(NULL);
    add_pages(text, "mm_page_alloc", 0x40000, 0);
    add_object(text, "kmalloc", bases[0] + 0x40000000);
    add_pages(text, "mm_page_alloc", 0x50002, 0);
    add_pages(text, "mm_page_alloc", 0x50000, 3);
    add_object(text, "kmalloc", bases[0] + 0x50002000);
    add_pages(text, "mm_page_alloc", 0x50004, 1);
    add_object(text, "kmalloc", bases[0] + 0x50004000);
    add_pages(text, "mm_page_free", 0x50002, 0);
    read_text(&told, text->str, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.hygiene.slab_page_allocs, 3);
    ck_assert_uint_eq(told.hygiene.page_allocs, 1);
    ck_assert_uint_eq(told.hygiene.page_frees, 1);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

/* A block that held objects is handed out again without a free: no life to end for the replay. */
START_TEST(left_out_block_handed_out_again)
{
    struct told told;
    GString *text = g_string_new(NULL);
    add_pages(text, "mm_page_alloc", 0x40000, 0);
    add_object(text, "kmalloc", bases[0] + 0x40000000);
    add_pages(text, "mm_page_alloc", 0x40000, 0);
    read_text(&told, text->str, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(told.hygiene.slab_page_allocs, 1);
    ck_assert_uint_eq(told.hygiene.implicit_page_frees, 0);
    ck_assert_uint_eq(told.hygiene.page_allocs, 1);
    check_balance(&told.hygiene);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

START_TEST(hashed_addresses_are_refused)
{
    GString *text = g_string_new(NULL);
    struct told told;
    add_pages(text, "mm_page_alloc", 0x40000, 0);
    add_object(text, "kmalloc", 0xaf242077);
    refuse_text(text->str, TRACE_LAYER_BOTH, TRACE_ERROR_LAYER, "hashed");
    refuse_text(text->str, TRACE_LAYER_BOTH, TRACE_ERROR_LAYER, "--layer=slab or --layer=page");
    read_text(&told, text->str, TRACE_LAYER_SLAB);
    ck_assert_uint_eq(told.events->len, 1);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

/* Too long after its block to vote, but under some base the object lies on it. */
START_TEST(unknown_map_is_refused)
{
    GString *text = g_string_new(NULL);
    for (guint64 i = 0; i < 20; i++) {
        add_pages(text, "mm_page_alloc", 0x40000 + 2 * i, 0);
    }
    add_object(text, "kmalloc", bases[1] + 0x40000040);
    refuse_text(text->str, TRACE_LAYER_BOTH, TRACE_ERROR_LAYER, "no start of the kernel's direct");
    g_string_free(text, TRUE);
}
END_TEST

/* One object that fits to one block may do so by chance. */
START_TEST(one_vote_is_not_enough)
{
    GString *text = g_string_new(NULL);
    add_pages(text, "mm_page_alloc", 0x40000, 0);
    add_object(text, "kmalloc", bases[1] + 0x40000040);
    refuse_text(text->str, TRACE_LAYER_BOTH, TRACE_ERROR_LAYER, "no start of the kernel's direct");
    g_string_free(text, TRUE);
}
END_TEST

/* Two bases fit equally well, neither of them the constant one. */
START_TEST(two_maps_are_refused)
{
    GString *text = g_string_new(NULL);
    for (guint64 i = 0; i < 6; i++) {
        add_pages(text, "mm_page_alloc", 0x40000 + i, 0);
        add_object(text, "kmalloc", bases[1 + i % 2] + 0x40000000 + i * 4096);
    }
    refuse_text(text->str, TRACE_LAYER_BOTH, TRACE_ERROR_LAYER, "cannot tell which pages");
    g_string_free(text, TRUE);
}
END_TEST

/* Too short to find where the map begins, but all addresses lie in the one that x86-64 has. */
START_TEST(constant_map_will_do)
{
    struct told told;
    GString *text = g_string_new(NULL);
    add_pages(text, "mm_page_alloc", 0x40000, 0);
    add_object(text, "kmalloc", bases[0] + 0x123456000);
    read_text(&told, text->str, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.events->len, 2);
    ck_assert_uint_eq(told.hygiene.slab_page_allocs, 0);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

/* Hundreds of bases with one vote each are no match for the true one, whatever the order. */
START_TEST(chance_votes_do_not_win)
{
    struct told told;
    GString *text = g_string_new(NULL);
    for (guint64 i = 0; i < 300; i++) {
        add_pages(text, "mm_page_alloc", 0x40000 + i, 0);
        add_object(text, "kmalloc", bases[1] + (i << 30) + (0x40000 + i) * 4096);
        for (guint64 object = 1; object < 4; object++) {
            add_object(text, "kmalloc", bases[1] + (0x40000 + i) * 4096 + object * 64);
        }
    }
    read_text(&told, text->str, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.hygiene.slab_page_allocs, 300);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

/* Under no base does the object lie on the block: which it is does not matter. */
START_TEST(layers_that_never_meet)
{
    struct told told;
    GString *text = g_string_new(NULL);
    add_pages(text, "mm_page_alloc", 0x40010, 2);
    add_object(text, "kmalloc", bases[2] + 0x40014000);
    add_object(text, "kfree", bases[2] + 0x4000fff8);
    add_pages(text, "mm_page_free", 0x40010, 2);
    add_object(text, "kmalloc", bases[2] + 0x40010000);
    read_text(&told, text->str, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.hygiene.page_allocs, 1);
    ck_assert_uint_eq(told.hygiene.slab_page_allocs, 0);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

/* With one layer in the trace there is nothing to tell apart, whatever the addresses are. */
START_TEST(one_layer_needs_no_map)
{
    struct told told;
    GString *text = g_string_new(NULL);
    add_object(text, "kmalloc", 0xaf242077);
    read_text(&told, text->str, TRACE_LAYER_BOTH);
    ck_assert_uint_eq(told.events->len, 1);
    drop(&told);
    g_string_free(text, TRUE);
}
END_TEST

Suite *trace_identity_suite(void);

Suite *trace_identity_suite(void)
{
    Suite *suite = suite_create("trace-identity");
    TCase *identity = tcase_create("identity");
    tcase_add_test(identity, frees_of_nothing);
    tcase_add_test(identity, failed_allocations);
    tcase_add_test(identity, address_handed_out_again);
    tcase_add_test(identity, pages_handed_out_again);
    tcase_add_test(identity, frees_older_than_the_trace);
    tcase_add_test(identity, batched_free_repeats);
    tcase_add_test(identity, layers_apart);
    tcase_add_test(identity, random_traces);
    suite_add_tcase(suite, identity);

    TCase *layers = tcase_create("layers");
    tcase_add_loop_test(layers, pages_that_held_objects, 0, G_N_ELEMENTS(bases));
    tcase_add_test(layers, freed_object_marks_its_pages);
    tcase_add_test(layers, youngest_block_is_marked);
    tcase_add_test(layers, left_out_block_handed_out_again);
    tcase_add_test(layers, hashed_addresses_are_refused);
    tcase_add_test(layers, unknown_map_is_refused);
    tcase_add_test(layers, one_vote_is_not_enough);
    tcase_add_test(layers, two_maps_are_refused);
    tcase_add_test(layers, chance_votes_do_not_win);
    tcase_add_test(layers, constant_map_will_do);
    tcase_add_test(layers, layers_that_never_meet);
    tcase_add_test(layers, one_layer_needs_no_map);
    suite_add_tcase(suite, layers);
    return suite;
}

int main(void)
{
    return run_suite(trace_identity_suite());
}
