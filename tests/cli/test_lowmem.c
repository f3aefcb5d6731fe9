/* SPDX-License-Identifier: Apache-2.0 */
/* Memory below 4 GiB, and reclaims at given events: what a kernel's load does to both. */
#include "replay_support.h"

#include "trace/gfp.h"

#define PAGE 4096

START_TEST(flags)
{
    static const char *const low[] = {
        "GFP_DMA", "GFP_KERNEL|GFP_DMA32", "__GFP_DMA32|__GFP_ZERO", "GFP_KERNEL|__GFP_DMA",
        "0x1",     "GFP_KERNEL|0x4"};
    static const char *const any[] = {"",      "GFP_KERNEL", "GFP_HIGHUSER_MOVABLE", "__GFP_DMA64",
                                      "0xcc0", "0x8",        "GFP_DMAX|x",           "0x",
                                      "|"};
    for (guint i = 0; i < G_N_ELEMENTS(low); i++)
        ck_assert_msg(trace_gfp_is_low(low[i]), "%s", low[i]);
    for (guint i = 0; i < G_N_ELEMENTS(any); i++)
        ck_assert_msg(!trace_gfp_is_low(any[i]), "%s", any[i]);
}
END_TEST

static void add_low_page(GString *text, guint us, guint pfn, const char *gfp)
{
    g_string_append_printf(text,
                           "worker 1 [%03u] 1.%06u: kmem:mm_page_alloc: page=0x%x pfn=0x%x "
                           "order=0 migratetype=0 gfp_flags=%s\n",
                           us % 2, us, pfn, pfn, gfp);
}

#define ASKED 400

/* So many requests for low pages, a free of the first, and one more. */
static char *low_pages(void)
{
    GString *text = g_string_new(NULL);
    for (guint i = 1; i <= ASKED; i++)
        add_low_page(text, i, 100 + i, i % 2 == 0 ? "GFP_DMA32|__GFP_ZERO" : "GFP_KERNEL|GFP_DMA");
    add_page_free(text, 0, ASKED + 1, 101, 0);
    add_low_page(text, ASKED + 2, 101, "GFP_DMA");
    add_low_page(text, ASKED + 3, 999, "GFP_KERNEL");
    return g_string_free(text, FALSE);
}

static const char *const low_strict[] = {"--layer=page", "--region=1M", "--low=256K", NULL};
static const char *const low_causal[] = {"--layer=page", "--region=1M", "--low=256K",
                                         "--schedule=causal", NULL};
/* The straddle lies in the second region. */
static const char *const low_second[] = {"--layer=page", "--region=1M", "--region=1M",
                                         "--low=1152K", NULL};
static const char *const *const low_options[] = {low_strict, low_causal, low_second};

START_TEST(low_requests)
{
    struct ran ran;
    char *text = low_pages();
    replay_text(&ran, text, low_options[_i]);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    gint64 pages = count_at(&ran, "end.low_managed") / PAGE;
    gint64 low = count_at(&ran, "replay.low_bytes") / PAGE;
    ck_assert_int_gt(pages, low / 2);
    ck_assert_int_le(pages, low);
    ck_assert_int_eq(count_at(&ran, "result.low_requests"), ASKED + 1);
    /* The page that was freed serves the one that came then, unless another CPU was faster and
     * there was none to be freed. */
    gint64 failed = count_at(&ran, "result.failed");
    ck_assert_int_ge(failed, ASKED - pages);
    ck_assert_int_le(failed, ASKED - pages + (low_options[_i] == low_causal));
    ck_assert_int_eq(count_at(&ran, "result.failed_low"), failed);
    ck_assert_int_eq(count_at(&ran, "result.failed_short"), failed);
    ck_assert(json_node_get_boolean(node_at(&ran, "result.first_failures.0.low")));
    if (low_options[_i] != low_causal)
        ck_assert_int_eq(count_at(&ran, "result.first_failures.0.event"), pages + 1);
    ck_assert_int_eq(count_at(&ran, "end.low_free"), 0);
    /* The one ordinary request got high memory. */
    ck_assert_int_eq(count_at(&ran, "end.occupied"), (pages + 1) * PAGE);
    char *said = file_of(&ran, "report.txt");
    ck_assert(strstr(said, "401 requests for it (DMA, DMA32)") != NULL);
    ck_assert(strstr(said, "of pages below 4 GiB, memory short") != NULL);
    g_free(said);
    forget(&ran);
    g_free(text);
}
END_TEST

/* Where nothing is said of low memory such requests are as any other, and counted. */
START_TEST(low_requests_as_any_other)
{
    static const char *const options[] = {"--layer=page", "--region=2M", NULL};
    struct ran ran;
    char *text = low_pages();
    replay_text(&ran, text, options);
    ck_assert_int_eq(count_at(&ran, "result.low_requests"), ASKED + 1);
    ck_assert_int_eq(count_at(&ran, "result.failed"), 0);
    ck_assert_int_eq(count_at(&ran, "replay.low_bytes"), 0);
    char *said = file_of(&ran, "report.txt");
    ck_assert(strstr(said, "401 requests (DMA, DMA32), served as any other") != NULL);
    g_free(said);
    forget(&ran);
    g_free(text);
}
END_TEST

/* Ordinary requests leave a reserve of low memory, and say that memory is short, not fragmented. */
START_TEST(low_reserve)
{
    static const char *const options[] = {"--layer=page", "--region=4M", "--low=2M",
                                          "--page-lists=none", NULL};
    struct ran ran;
    GString *text = g_string_new(NULL);
    for (guint i = 1; i <= 1024; i++)
        add_page_alloc(text, 0, i, i, 0);
    replay_text(&ran, text->str, options);
    gint64 low = count_at(&ran, "end.low_managed") / PAGE;
    gint64 managed = count_at(&ran, "end.managed") / PAGE;
    ck_assert_int_eq(count_at(&ran, "end.low_free") / PAGE, low / 32);
    ck_assert_int_eq(count_at(&ran, "result.failed"), 1024 - managed + low / 32);
    ck_assert_int_eq(count_at(&ran, "result.failed_short"), 1024 - managed + low / 32);
    ck_assert_int_eq(count_at(&ran, "result.failed_low"), 0);
    forget(&ran);
    g_string_free(text, TRUE);
}
END_TEST

/* An object for a device is as many pages of low memory as hold it, and its free finds it. */
START_TEST(low_objects)
{
    static const char *const options[] = {"--layer=slab", "--region=1M", "--low=256K", "--verify",
                                          NULL};
    struct ran ran;
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < 3; i++)
        g_string_append_printf(text,
                               "worker 1 [000] 1.%06u: kmem:kmalloc: call_site=f+0x1 "
                               "ptr=0x%x bytes_req=5000 bytes_alloc=8192 "
                               "gfp_flags=GFP_KERNEL|GFP_DMA node=-1 accounted=false\n",
                               i, 0x1000000 + i * 0x2000);
    add_free(text, 0, 1, 3, 0x1000000);
    replay_text(&ran, text->str, options);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert_int_eq(count_at(&ran, "result.low_requests"), 3);
    ck_assert_int_eq(count_at(&ran, "end.blocks.live"), 2);
    ck_assert_int_eq(count_at(&ran, "end.low_managed") - count_at(&ran, "end.low_free"),
                     2 * 2 * PAGE);
    ck_assert_int_eq(count_at(&ran, "end.split.block_rounding"), 2 * (2 * PAGE - 5000));
    forget(&ran);
    g_string_free(text, TRUE);
}
END_TEST

static char *churn(void)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < 500; i++)
        add_alloc(text, i % 2, 1 + i % 2, i, 0x1000000 + 256 * i, 200);
    for (guint i = 0; i < 500; i++)
        add_free(text, i % 2, 1 + i % 2, 500 + i, 0x1000000 + 256 * i);
    return g_string_free(text, FALSE);
}

static const char *const every_strict[] = {"--layer=slab", "--reclaim-every=100", NULL};
static const char *const every_threads[] = {"--layer=slab", "--reclaim-every=100", "--threads=yes",
                                            NULL};
static const char *const every_causal[] = {"--layer=slab", "--reclaim-every=100",
                                           "--schedule=causal", NULL};
static const char *const *const every_options[] = {every_strict, every_threads, every_causal};

/* The last event is a hundredth one: nothing is left in magazines nor in empty slabs. */
START_TEST(reclaims)
{
    static const char *const never[] = {"--layer=slab", NULL};
    struct ran ran, other;
    char *text = churn();
    replay_text(&ran, text, every_options[_i]);
    replay_text(&other, text, never);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    ck_assert_int_eq(count_at(&ran, "replay.reclaim_every"), 100);
    ck_assert_int_eq(count_at(&ran, "result.reclaims"), 10);
    ck_assert_int_gt(count_at(&ran, "result.reclaimed_bytes"), 0);
    ck_assert_int_eq(count_at(&ran, "end.occupied"), 0);
    ck_assert_int_eq(count_at(&ran, "end.split.cached"), 0);
    ck_assert_int_gt(count_at(&other, "end.occupied"), 0);
    ck_assert_int_eq(count_at(&other, "result.reclaims"), 0);
    char *said = file_of(&ran, "report.txt");
    ck_assert(strstr(said, "10 times, every 100 events") != NULL);
    g_free(said);
    forget(&ran);
    forget(&other);
    g_free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lowmem");
    TCase *low = tcase_create("low");
    tcase_add_test(low, flags);
    tcase_add_loop_test(low, low_requests, 0, G_N_ELEMENTS(low_options));
    tcase_add_test(low, low_requests_as_any_other);
    tcase_add_test(low, low_reserve);
    tcase_add_test(low, low_objects);
    suite_add_tcase(suite, low);
    TCase *every = tcase_create("reclaim");
    tcase_add_loop_test(every, reclaims, 0, G_N_ELEMENTS(every_options));
    suite_add_tcase(suite, every);
    return run_suite(suite);
}
