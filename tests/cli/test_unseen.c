/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace does not show: objects that are older than it, and frees that left no line. */
#include "replay_support.h"
#include "seed.h"

#include "trace/reader.h"

#define BASE G_GUINT64_CONSTANT(0xffff888100000000)
#define EVENTS_MAX 4096

struct read {
    trace_reader *reader;
    struct trace_event event[EVENTS_MAX];
    guint count;
};

static void read_all(struct read *read, const char *text, struct trace_options options)
{
    char *name = NULL;
    GError *error = NULL;
    int fd = g_file_open_tmp("bsa-test-XXXXXX", &name, NULL), got;
    ck_assert_int_ge(fd, 0);
    g_close(fd, NULL);
    ck_assert(g_file_set_contents(name, text, -1, NULL));
    read->reader = trace_open(name, &options, &error);
    ck_assert_msg(read->reader != NULL, "%s", error != NULL ? error->message : "");
    read->count = 0;
    while ((got = trace_next(read->reader, &read->event[read->count], &error)) > 0)
        ck_assert_uint_lt(++read->count, EVENTS_MAX);
    ck_assert_int_eq(got, 0);
    const struct trace_summary *summary = trace_summary(read->reader);
    ck_assert_uint_eq(read->count, summary->prelude + summary->events);
    g_unlink(name);
    g_free(name);
}

static void forget_read(struct read *read)
{
    trace_close(read->reader);
}

static void add_cache_line(GString *text, guint us, const char *event, guint64 address,
                           const char *rest)
{
    g_string_append_printf(text,
                           "worker 9 [001] 1.%06u: kmem:%s: call_site=f+0x1 "
                           "ptr=0x%" G_GINT64_MODIFIER "x%s\n",
                           us, event, address, rest);
}

static void add_free_at(GString *text, guint us, const char *site, guint64 address)
{
    g_string_append_printf(text,
                           "worker 9 [001] 1.%06u: kmem:kfree: call_site=%s "
                           "ptr=0x%" G_GINT64_MODIFIER "x\n",
                           us, site, address);
}

/* An orphan for each rule, in the order of the rules. */
static char *one_of_each(void)
{
    GString *text = g_string_new(NULL);
    add_page_free(text, 1, 1, 0x500, 2);
    add_free_at(text, 2, "f+0x1", BASE);
    add_cache_line(text, 3, "kmem_cache_free", BASE + 0x10000, " name=dentry");
    add_free_at(text, 4, "f+0x1", BASE + 0x20000);
    add_free_at(text, 5, "g+0x7", BASE + 0x30000);
    add_free_at(text, 6, "h+0x3", BASE + 0x40000);
    add_alloc(text, 0, 1, 7, BASE, 100);
    add_cache_line(text, 8, "kmem_cache_alloc", BASE + 0x50000,
                   " name=dentry bytes_req=192 bytes_alloc=200 gfp_flags=GFP_KERNEL node=-1");
    /* In the page of the fourth: the majority is of 64 bytes. */
    add_alloc(text, 0, 1, 9, BASE + 0x20040, 32);
    add_alloc(text, 0, 1, 10, BASE + 0x20080, 64);
    add_alloc(text, 0, 1, 11, BASE + 0x200c0, 64);
    /* Freed where the fifth is. */
    add_alloc(text, 0, 1, 12, BASE + 0x60000, 48);
    add_free_at(text, 13, "g+0x7", BASE + 0x60000);
    return g_string_free(text, FALSE);
}

START_TEST(a_rule_for_each)
{
    static const guint64 sizes[] = {4 * 4096, 100, 192, 64, 48};
    static const guint64 drawn[] = {100, 192, 32, 64, 48};
    static struct read read;
    char *text = one_of_each();
    read_all(&read, text,
             (struct trace_options){.layer = TRACE_LAYER_BOTH, .prelude = TRUE, .prelude_seed = 3});
    const struct trace_summary *summary = trace_summary(read.reader);
    ck_assert_uint_eq(summary->prelude, 6);
    guint64 bytes = 0;
    for (guint i = 0; i < 6; i++) {
        const struct trace_event *event = &read.event[i];
        ck_assert_uint_eq(event->number, 0);
        ck_assert_uint_eq(event->time_ns, 0);
        ck_assert(event->flags & TRACE_PRELUDE);
        ck_assert_uint_eq(event->kind, event->slot == 0 ? TRACE_PAGE_ALLOC : TRACE_ALLOC);
        ck_assert_uint_eq(event->cpu, 1);
        bytes += event->size;
        if (event->slot < 5) {
            ck_assert_uint_eq(event->size, sizes[event->slot]);
        } else {
            guint known = 0;
            while (known < G_N_ELEMENTS(drawn) && drawn[known] != event->size)
                known++;
            ck_assert_uint_lt(known, G_N_ELEMENTS(drawn));
        }
        if (event->slot == 2) {
            ck_assert_str_eq(trace_name(read.reader, event->cache), "dentry");
            ck_assert_uint_eq(event->given, 200);
        }
        ck_assert_str_eq(trace_name(read.reader, event->site), "before the trace");
    }
    ck_assert_uint_eq(summary->prelude_bytes, bytes);
    /* Each orphan frees its own. */
    for (guint i = 0; i < 6; i++) {
        ck_assert_uint_eq(read.event[6 + i].number, i + 1);
        ck_assert_uint_eq(read.event[6 + i].slot, i);
        ck_assert_uint_eq(read.event[6 + i].kind, i == 0 ? TRACE_PAGE_FREE : TRACE_FREE);
    }
    for (guint rule = 0; rule < TRACE_PRELUDE_RULES; rule++)
        ck_assert_uint_eq(trace_prelude_by_rule(trace_reader_prelude(read.reader), rule), 1);
    const struct trace_hygiene *hygiene = trace_hygiene(read.reader);
    ck_assert_uint_eq(hygiene->orphan_frees + hygiene->orphan_page_frees, 0);
    ck_assert_uint_eq(hygiene->frees, 6);
    ck_assert_uint_eq(hygiene->page_frees, 1);
    forget_read(&read);
    g_free(text);
}
END_TEST

/* A block of the recorded slabs that is older than the trace is no object of the prelude. */
START_TEST(pages_of_older_slabs)
{
    static struct read read;
    GString *text = g_string_new(NULL);
    /* The direct map begins at 0xffff888000000000: frame 0x100000 and so on. */
    for (guint i = 0; i < 40; i++) {
        add_page_alloc(text, 0, 4 * i, 0x100000 + i, 0);
        add_alloc(text, 0, 1, 4 * i + 1, BASE + 4096 * (guint64)i, 64);
        add_free(text, 0, 1, 4 * i + 2, BASE + 4096 * (guint64)i);
        add_page_free(text, 0, 4 * i + 3, 0x100000 + i, 0);
    }
    add_free(text, 0, 1, 200, BASE + 4096 * 50);
    add_page_free(text, 0, 201, 0x100000 + 50, 0);
    add_page_free(text, 0, 202, 0x100000 + 60, 0);
    read_all(&read, text->str, (struct trace_options){.layer = TRACE_LAYER_BOTH, .prelude = TRUE});
    ck_assert_uint_eq(trace_summary(read.reader)->prelude, 2);
    ck_assert_uint_eq(trace_hygiene(read.reader)->slab_page_frees, 41);
    ck_assert_uint_eq(trace_hygiene(read.reader)->orphan_page_frees, 0);
    forget_read(&read);
    g_string_free(text, TRUE);
}
END_TEST

/* Many of them: frees of what is older, addresses that are used again without a free, and frees. */
static char *random_trace(GRand *random)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < 1500; i++) {
        guint64 address = BASE + 256 * (guint64)g_rand_int_range(random, 0, 300);
        if (g_rand_boolean(random))
            add_alloc(text, i % 3, 1 + i % 3, i, address, (guint)g_rand_int_range(random, 1, 250));
        else
            add_free(text, i % 3, 1 + i % 3, i, address);
    }
    return g_string_free(text, FALSE);
}

static guint64 peak_of(const struct read *read)
{
    static guint64 size[EVENTS_MAX];
    guint64 live = 0, peak = 0;
    memset(size, 0, sizeof(size));
    for (guint i = 0; i < read->count; i++) {
        const struct trace_event *event = &read->event[i];
        gboolean begins = trace_kind_is_alloc(event->kind);
        ck_assert_uint_eq(event->number, i < trace_summary(read->reader)->prelude
                                             ? 0
                                             : i + 1 - trace_summary(read->reader)->prelude);
        ck_assert_uint_lt(event->slot, trace_summary(read->reader)->peak_slots);
        ck_assert_msg((size[event->slot] == 0) == begins, "event %u: slot %u", i, event->slot);
        ck_assert(begins || event->size == size[event->slot]);
        live += begins ? event->size : 0;
        live -= begins ? 0 : event->size;
        size[event->slot] = begins ? event->size : 0;
        peak = MAX(peak, live);
    }
    return peak;
}

START_TEST(bounds)
{
    static struct read late, early, with;
    GRand *random = seeded("bounds");
    char *text = random_trace(random);
    struct trace_options options = {.layer = TRACE_LAYER_SLAB, .bounds = TRUE};
    read_all(&late, text, options);
    options.implicit = TRACE_BOUND_EARLY;
    read_all(&early, text, options);
    options.prelude = TRUE;
    read_all(&with, text, options);
    const struct trace_summary *a = trace_summary(late.reader), *b = trace_summary(early.reader);
    ck_assert_uint_gt(trace_hygiene(late.reader)->implicit_frees, 0);
    ck_assert_uint_eq(a->peak_live_bytes, peak_of(&late));
    ck_assert_uint_eq(b->peak_live_bytes, peak_of(&early));
    ck_assert_uint_eq(trace_summary(with.reader)->peak_live_bytes, peak_of(&with));
    ck_assert_uint_eq(a->peak_late_bytes, a->peak_live_bytes);
    ck_assert_uint_eq(a->peak_early_bytes, b->peak_live_bytes);
    ck_assert_uint_eq(b->peak_late_bytes, a->peak_live_bytes);
    ck_assert_uint_le(a->peak_early_bytes, a->peak_late_bytes);
    ck_assert_uint_eq(a->events, b->events);
    /* All frees of what is older have something to free. */
    ck_assert_uint_gt(trace_hygiene(late.reader)->orphan_frees, 0);
    ck_assert_uint_eq(trace_hygiene(with.reader)->orphan_frees, 0);
    ck_assert_uint_eq(trace_summary(with.reader)->prelude,
                      trace_hygiene(late.reader)->orphan_frees);
    ck_assert_uint_eq(trace_summary(with.reader)->events,
                      a->events + trace_hygiene(late.reader)->orphan_frees);
    /* An unseen free directly follows the last event of its object. */
    for (guint i = 1; i < early.count; i++) {
        if ((early.event[i].flags & TRACE_IMPLICIT) != 0)
            ck_assert_uint_eq(early.event[i].slot, early.event[i - 1].slot);
    }
    forget_read(&late);
    forget_read(&early);
    forget_read(&with);
    g_rand_free(random);
    g_free(text);
}
END_TEST

/* Another seed is another order of the same objects, where no size is drawn. */
START_TEST(seeds_change_the_order)
{
    static struct read one, two;
    GString *text = g_string_new(NULL);
    guint moved = 0;
    for (guint i = 0; i < 200; i++)
        add_free(text, 0, 1, i, BASE + 256 * (guint64)i);
    for (guint i = 0; i < 200; i++)
        add_alloc(text, 0, 1, 200 + i, BASE + 256 * (guint64)i, 1 + i);
    struct trace_options options = {.layer = TRACE_LAYER_SLAB, .prelude = TRUE, .prelude_seed = 1};
    read_all(&one, text->str, options);
    options.prelude_seed = 2;
    read_all(&two, text->str, options);
    ck_assert_uint_eq(one.count, two.count);
    for (guint i = 0; i < one.count; i++) {
        const struct trace_event *a = &one.event[i], *b = &two.event[i];
        if (i >= 200)
            ck_assert_mem_eq(a, b, sizeof(*a));
        else
            ck_assert_uint_eq(a->size, a->slot + 1);
        moved += a->slot != b->slot ? 1 : 0;
        ck_assert(i >= 200 || b->size == b->slot + 1);
    }
    ck_assert_uint_gt(moved, 150);
    forget_read(&one);
    forget_read(&two);
    g_string_free(text, TRUE);
}
END_TEST

static const char *const unseen_options[][6] = {
    {"--prelude=7", "--layer=both", "--cpus=2", "--verify", NULL},
    {"--prelude=7", "--layer=both", "--cpus=2", "--verify", "--threads=yes", NULL},
    {"--prelude=7", "--layer=both", "--cpus=2", "--verify", "--schedule=causal", NULL},
};

/* What is older is live before the first event, and its frees find it, in every schedule. */
START_TEST(placed_before_the_first_event)
{
    struct ran ran;
    char *text = one_of_each();
    replay_text(&ran, text, unseen_options[_i]);
    ck_assert_msg(ran.status == 0, "%s", ran.said);
    gint64 bytes = count_at(&ran, "trace.prelude.bytes");
    ck_assert_int_eq(count_at(&ran, "trace.prelude.objects"), 6);
    ck_assert_int_eq(count_at(&ran, "trace.prelude.sizes_by.told"), 1);
    ck_assert_int_eq(count_at(&ran, "result.events"), 13);
    ck_assert_int_eq(count_at(&ran, "result.live_at_end"), 5);
    ck_assert_int_eq(count_at(&ran, "result.peak_requested_bytes"), bytes);
    ck_assert_int_eq(count_at(&ran, "result.peak_requested_event"), 0);
    ck_assert_int_eq(count_at(&ran, "hygiene.orphan_frees"), 0);
    char *timeline = file_of(&ran, "timeline.csv");
    char **lines = g_strsplit(timeline, "\n", -1);
    char *requested = g_strdup_printf(",%" G_GINT64_FORMAT ",", bytes);
    ck_assert(g_str_has_prefix(lines[1], "0,"));
    ck_assert_msg(strstr(lines[1], requested) != NULL, "%s", lines[1]);
    ck_assert(!g_str_has_prefix(lines[2], "0,"));
    g_free(requested);
    g_strfreev(lines);
    g_free(timeline);
    forget(&ran);
    g_free(text);
}
END_TEST

START_TEST(same_report_each_time)
{
    static const char *const options[] = {"--layer=slab", "--prelude=5", "--implicit=early", NULL};
    static const char *const late_options[] = {"--layer=slab", "--prelude=5", NULL};
    struct ran one, two, late;
    GRand *random = g_rand_new_with_seed(11);
    char *text = random_trace(random);
    replay_text(&one, text, options);
    replay_text(&two, text, options);
    replay_text(&late, text, late_options);
    char *a = file_of(&one, "report.json"), *b = file_of(&two, "report.json");
    ck_assert_str_eq(a, b);
    ck_assert_int_eq(count_at(&one, "result.peak_requested_bytes"),
                     count_at(&one, "trace.peak_early_bytes"));
    ck_assert_int_eq(count_at(&late, "result.peak_requested_bytes"),
                     count_at(&one, "trace.peak_late_bytes"));
    ck_assert(json_node_get_boolean(node_at(&one, "peak_is_exact")));
    ck_assert_int_eq(count_at(&one, "result.live_at_end"), count_at(&late, "result.live_at_end"));
    g_free(a);
    g_free(b);
    forget(&one);
    forget(&two);
    forget(&late);
    g_rand_free(random);
    g_free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unseen");
    TCase *reading = tcase_create("reading");
    tcase_add_test(reading, a_rule_for_each);
    tcase_add_test(reading, pages_of_older_slabs);
    tcase_add_loop_test(reading, bounds, 0, 10);
    tcase_add_test(reading, seeds_change_the_order);
    suite_add_tcase(suite, reading);
    TCase *replay = tcase_create("replay");
    tcase_add_loop_test(replay, placed_before_the_first_event, 0, G_N_ELEMENTS(unseen_options));
    tcase_add_test(replay, same_report_each_time);
    suite_add_tcase(suite, replay);
    return run_suite(suite);
}
