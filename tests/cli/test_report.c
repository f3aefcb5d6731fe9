/* SPDX-License-Identifier: Apache-2.0 */
/* What a report gathers: sizes and lifetimes, the page map, who pins pages, and how samples are
 * thinned; each against what a scene made by hand comes to. */
#include "replay/books.h"
#include "report/histogram.h"
#include "report/page_map.h"
#include "report/pins.h"
#include "report/report.h"
#include "replay_support.h"

#define PAGE 4096u

/* Sizes and lifetimes. */

static void feed(struct objects *objects, enum trace_kind kind, guint32 slot, guint64 size,
                 guint64 time_ns)
{
    struct trace_event event = {
        .size = size, .slot = slot, .time_ns = time_ns, .kind = (guint8)kind, .thread = 1};
    objects_event(objects, &event, 0);
}

START_TEST(sizes_and_lifetimes)
{
    struct objects objects;
    ck_assert(objects_init(&objects, 4, NULL));
    feed(&objects, TRACE_ALLOC, 0, 100, 0);
    feed(&objects, TRACE_ALLOC, 1, 300, 10);
    feed(&objects, TRACE_CALLOC, 2, 100, 20);
    objects_peak(&objects);
    feed(&objects, TRACE_REALLOC, 1, 500, 30);
    feed(&objects, TRACE_FREE, 0, 100, 1000); /* 1000 ns, 900 bytes asked for meanwhile */
    feed(&objects, TRACE_FREE, 1, 500, 1034); /* 1024 ns, a realloc's own bytes included */
    feed(&objects, TRACE_PAGE_ALLOC, 3, PAGE, 1040);
    objects_end(&objects);

    const struct object_size *hundred = &objects.size[100], *block = &objects.order[0];
    ck_assert_uint_eq(hundred->asked.count, 2);
    ck_assert_uint_eq(hundred->asked.bytes, 200);
    ck_assert_uint_eq(hundred->at_peak.count, 2);
    ck_assert_uint_eq(hundred->live.count, 1);
    ck_assert_uint_eq(objects.size[300].live.count, 0);
    ck_assert_uint_eq(objects.size[300].at_peak.bytes, 300);
    ck_assert_uint_eq(objects.size[500].asked.count, 1);
    ck_assert_uint_eq(block->asked.count, 1);
    ck_assert_uint_eq(block->live.bytes, PAGE);

    ck_assert_uint_eq(objects.time[9].freed.count, 1);  /* 512 to 1023 */
    ck_assert_uint_eq(objects.time[10].freed.count, 1); /* 1024 to 2047 */
    ck_assert_uint_eq(objects.time[10].freed.bytes, 500);
    ck_assert_uint_eq(objects.bytes[9].freed.bytes, 100); /* 300 + 100 + 500 */
    ck_assert_uint_eq(objects.time[9].censored.count, 1); /* slot 2: 1020 ns */
    ck_assert_uint_eq(objects.time[0].censored.count, 1); /* the block: 0 ns */

    struct size_power sum = histogram_sum(&objects);
    ck_assert_uint_eq(sum.asked.count, 5);
    ck_assert_uint_eq(sum.asked.bytes, 100 + 300 + 100 + 500 + PAGE);
    ck_assert_uint_eq(sum.at_end.bytes, 100 + PAGE);
    ck_assert_uint_eq(histogram_distinct(&objects), 3);
    objects_clear(&objects);
}
END_TEST

/* What the recorded program did not get is nobody's. */
START_TEST(failed_calls_count_for_nothing)
{
    struct objects objects;
    struct trace_event failed = {.size = 100, .slot = TRACE_NO_SLOT, .flags = TRACE_FAILED};
    struct trace_event start = {.kind = TRACE_THREAD_START, .slot = TRACE_NO_SLOT};
    ck_assert(objects_init(&objects, 1, NULL));
    objects_event(&objects, &failed, 0);
    objects_event(&objects, &start, 0);
    ck_assert_uint_eq(objects.events, 2);
    ck_assert_uint_eq(histogram_sum(&objects).asked.count, 0);
    objects_clear(&objects);
}
END_TEST

/* Each size is counted in the row whose range it lies in, and rows leave no gap. */
START_TEST(rows_of_sizes)
{
    static const guint64 sizes[] = {
        0,     1,        32767,          32768,    32769,          36864,
        36865, 1u << 20, (1u << 20) + 1, 1u << 25, (1u << 25) + 1, G_MAXUINT64};
    struct objects objects;
    guint64 expected = 0;
    for (guint row = 0; row < OBJECTS_SIZES; row++) {
        guint64 low, high;
        objects_range(row, &low, &high);
        if (low > high && high != 0)
            continue; /* as many pages as exact sizes take: empty */
        ck_assert_uint_eq(low, expected);
        expected = high + 1;
    }
    ck_assert_uint_eq(expected, 1); /* the last one has no end */
    ck_assert(objects_init(&objects, 1, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        feed(&objects, TRACE_ALLOC, 0, sizes[i], 0);
        for (guint row = 0; row < OBJECTS_SIZES; row++) {
            guint64 low, high;
            objects_range(row, &low, &high);
            gboolean within = low <= sizes[i] && (high == 0 ? row > 0 : sizes[i] <= high);
            if (objects.size[row].live.count > 0)
                ck_assert_msg(within || (row == 0 && sizes[i] == 0), "%u", i);
        }
        feed(&objects, TRACE_FREE, 0, sizes[i], 0);
    }
    objects_clear(&objects);
}
END_TEST

static guint64 by_allocs(const struct object_size *size)
{
    return size->asked.count;
}

START_TEST(the_first_by_a_measure)
{
    struct objects objects;
    guint row[3];
    ck_assert(objects_init(&objects, 1, NULL));
    for (guint size = 1; size <= 6; size++) {
        for (guint i = 0; i < 7 * size % 8; i++) { /* 7 6 5 4 3 2 times */
            feed(&objects, TRACE_ALLOC, 0, size * 10, 0);
            feed(&objects, TRACE_FREE, 0, size * 10, 0);
        }
    }
    ck_assert_uint_eq(histogram_first(&objects, by_allocs, row, 3), 3);
    ck_assert_uint_eq(row[0], 10);
    ck_assert_uint_eq(row[1], 20);
    ck_assert_uint_eq(row[2], 30);
    objects_clear(&objects);
}
END_TEST

/* An allocator of which only the pages are seen. */

struct scene {
    struct replay_backend backend;
    struct replay_page_run run[8];
    guint runs;
    struct replay_regions regions;
    struct replay_snapshot snapshot;
    struct replay_execution execution;
    struct replay_slot slot[16];
    struct objects objects;
    char *base;
};

static void walk(struct replay_backend *backend, replay_page_visit visit, gpointer data)
{
    const struct scene *scene = (struct scene *)backend;
    for (guint i = 0; i < scene->runs; i++)
        visit(data, &scene->run[i]);
}

static const struct replay_backend_ops ops = {.name = "scene", .walk_pages = walk};

/* A region of so many pages at a multiple of 512 pages; nothing of it is touched. */
static void set_up(struct scene *scene, guint64 pages)
{
    memset(scene, 0, sizeof(*scene));
    scene->base = (char *)(guintptr)(G_GUINT64_CONSTANT(1) << 30);
    scene->backend.ops = &ops;
    scene->regions.count = scene->regions.used = 1;
    scene->regions.region[0] = (struct replay_region){.start = scene->base, .bytes = pages * PAGE};
    scene->snapshot.page_size = PAGE;
    scene->snapshot.sections = 1;
    scene->snapshot.section[0] = (struct replay_section){.start = scene->base, .pages = pages};
    scene->execution.backend = &scene->backend;
    scene->execution.slot = scene->slot;
    scene->execution.slots = G_N_ELEMENTS(scene->slot);
    scene->execution.events = 1000;
    ck_assert(objects_init(&scene->objects, scene->execution.slots, NULL));
}

static void tear_down(struct scene *scene)
{
    objects_clear(&scene->objects);
}

static void add_run(struct scene *scene, guint64 page, guint64 pages, enum replay_page_use use,
                    guint64 objects, guint64 live)
{
    scene->run[scene->runs++] = (struct replay_page_run){
        .address = scene->base + page * PAGE,
        .pages = pages,
        .use = use,
        .object_size = objects == 0 ? 0 : pages * PAGE / objects,
        .objects = objects,
        .live = live,
    };
}

/* The page map. */

static void expect_states(const struct page_map *map, guint column, const enum page_state *expected,
                          guint rows)
{
    for (guint row = 0; row < rows; row++)
        ck_assert_msg(page_map_state(map, column, row) == expected[row], "row %u: %u", row,
                      page_map_state(map, column, row));
}

/* A row is a page until one is used that has no row. */
START_TEST(cells_of_the_map)
{
    struct scene scene;
    struct page_map map;
    set_up(&scene, 3200);
    page_map_init(&map, 10, &scene.regions, PAGE);
    scene.snapshot.section[0].start = scene.base + 8 * PAGE; /* row 0: its metadata */
    add_run(&scene, 8, 2, REPLAY_PAGE_BLOCK, 0, 0);          /* row 1: a fourth */
    add_run(&scene, 16, 3, REPLAY_PAGE_BLOCK, 0, 0);         /* row 2: more */
    add_run(&scene, 24, 8, REPLAY_PAGE_SLAB, 80, 20);        /* row 3: 1/4 live */
    add_run(&scene, 32, 8, REPLAY_PAGE_SLAB, 80, 60);        /* row 4: 3/4 live */
    add_run(&scene, 40, 16, REPLAY_PAGE_SLAB, 80, 61);       /* rows 5 and 6: more */
    add_run(&scene, 56, 5, REPLAY_PAGE_LISTED, 0, 0);        /* row 7: most of it listed */
    add_run(&scene, 61, 3, REPLAY_PAGE_BLOCK, 0, 0);
    page_map_take(&map, &scene.execution, &scene.snapshot);
    ck_assert_uint_eq(map.row_pages, 1);
    ck_assert_uint_eq(page_map_rows_used(&map), 64);
    static const enum page_state pages[] = {PAGE_STATE_META, PAGE_STATE_BLOCK, PAGE_STATE_BLOCK,
                                            PAGE_STATE_FREE};
    for (guint i = 0; i < G_N_ELEMENTS(pages); i++)
        ck_assert_uint_eq(page_map_state(&map, 0, 7 + i), pages[i]);

    scene.runs = 0;
    add_run(&scene, 3199, 1, REPLAY_PAGE_BLOCK, 0, 0);
    page_map_take(&map, &scene.execution, &scene.snapshot);
    ck_assert_uint_eq(map.row_pages, 8);
    ck_assert_uint_eq(page_map_rows_used(&map), 400);
    static const enum page_state expected[] = {
        PAGE_STATE_META,   PAGE_STATE_MOSTLY_FREE, PAGE_STATE_BLOCK,
        PAGE_STATE_SLAB_1, PAGE_STATE_SLAB_3,      PAGE_STATE_SLAB_4,
        PAGE_STATE_SLAB_4, PAGE_STATE_LISTED,      PAGE_STATE_FREE};
    expect_states(&map, 0, expected, G_N_ELEMENTS(expected));
    ck_assert_uint_eq(page_map_state(&map, 0, 399), PAGE_STATE_FREE);
    static const enum page_state then[] = {PAGE_STATE_META, PAGE_STATE_FREE, PAGE_STATE_FREE};
    expect_states(&map, 1, then, G_N_ELEMENTS(then));
    ck_assert_uint_eq(page_map_state(&map, 1, 399), PAGE_STATE_MOSTLY_FREE);
    ck_assert_uint_eq(map.filled, 2);
    ck_assert_uint_eq(map.event[0], 1000);
    page_map_clear(&map);
    tear_down(&scene);
}
END_TEST

/* Rows are of one region, also those that were made of two. */
START_TEST(regions_of_the_map)
{
    struct scene scene;
    struct page_map map;
    set_up(&scene, 1003);
    scene.regions.region[1] = (struct replay_region){
        .start = (char *)scene.regions.region[0].start + 3 * PAGE, .bytes = 1000 * PAGE};
    scene.regions.region[0].bytes = 3 * PAGE;
    scene.regions.count = scene.regions.used = 2;
    page_map_init(&map, 10, &scene.regions, PAGE);
    add_run(&scene, 2, 1, REPLAY_PAGE_BLOCK, 0, 0);
    add_run(&scene, 3, 1, REPLAY_PAGE_LISTED, 0, 0);
    page_map_take(&map, &scene.execution, &scene.snapshot);
    add_run(&scene, 3 + 500, 2, REPLAY_PAGE_LISTED, 0, 0);
    page_map_take(&map, &scene.execution, &scene.snapshot);
    ck_assert_uint_eq(map.row_pages, 2);
    ck_assert_uint_eq(page_map_rows_used(&map), 2 + 251);
    for (guint column = 0; column < 2; column++) {
        ck_assert_uint_eq(page_map_state(&map, column, 1), PAGE_STATE_BLOCK);
        ck_assert_uint_eq(page_map_state(&map, column, 2), PAGE_STATE_LISTED);
    }
    ck_assert_uint_eq(page_map_state(&map, 1, 2 + 250), PAGE_STATE_LISTED);
    page_map_clear(&map);
    tear_down(&scene);
}
END_TEST

/* Who pins pages. */

/* A live object in a slot, born at an event. */
static void put(struct scene *scene, guint slot, guint64 offset, guint32 site, guint32 thread,
                guint64 born)
{
    scene->slot[slot].address = scene->base + offset;
    scene->objects.birth[slot] =
        (struct object_birth){.event = born, .size = 50, .thread = thread, .site = site, .live = 1};
}

START_TEST(objects_that_pin)
{
    struct scene scene;
    struct pins pins = {.taken = FALSE};
    set_up(&scene, 1024);                           /* two blocks of 512 pages */
    add_run(&scene, 0, 1, REPLAY_PAGE_SLAB, 64, 2); /* nearly empty, and alone but for the next */
    add_run(&scene, 10, 1, REPLAY_PAGE_BLOCK, 0, 0);
    add_run(&scene, 512, 200, REPLAY_PAGE_BLOCK, 0, 0); /* its block is not nearly free */
    add_run(&scene, 712, 1, REPLAY_PAGE_SLAB, 64, 17);  /* more than a fourth is live */
    put(&scene, 0, 0, 7, 1, 100);
    put(&scene, 1, 640, 7, 2, 300);
    put(&scene, 2, 10 * PAGE, 9, 1, 500);
    put(&scene, 3, 512 * PAGE, 9, 1, 600);
    put(&scene, 4, 712 * PAGE, 7, 1, 700);
    pins_take(&pins, &scene.execution, &scene.objects, &scene.snapshot);

    ck_assert(pins.taken);
    ck_assert_uint_eq(pins.event, 1000);
    ck_assert_uint_eq(pins.slabs, 1);
    ck_assert_uint_eq(pins.slab_bytes, 62 * 64);
    ck_assert_uint_eq(pins.blocks, 1);
    ck_assert_uint_eq(pins.block_bytes, 510 * PAGE);
    ck_assert_uint_eq(pins.idle_bytes, 0);
    ck_assert_uint_eq(pins.groups, 2);
    for (guint i = 0; i < pins.groups; i++) {
        const struct pin_group *group = &pins.group[i];
        ck_assert_uint_eq(group->block_bytes, 255 * PAGE); /* two pages in use: half for each */
        if (group->slab) {
            ck_assert_uint_eq(group->count, 2);
            ck_assert_uint_eq(group->given, 64);
            ck_assert_uint_eq(group->site, 7);
            ck_assert_uint_eq(group->requested, 100);
            ck_assert_uint_eq(group->slab_bytes, 62 * 64);
            ck_assert_uint_eq(group->threads, 2);
            ck_assert_uint_eq(group->oldest, 100);
            ck_assert_uint_eq(group->youngest, 300);
        } else {
            ck_assert_uint_eq(group->count, 1);
            ck_assert_uint_eq(group->given, PAGE);
            ck_assert_uint_eq(group->site, 9);
            ck_assert_uint_eq(group->slab_bytes, 0);
            ck_assert_uint_eq(group->median_age, 500);
        }
    }
    pins_clear(&pins);
    tear_down(&scene);
}
END_TEST

/* Pages on a CPU's list keep a block broken, and no object answers for them. */
START_TEST(pages_that_nobody_holds)
{
    struct scene scene;
    struct pins pins = {.taken = FALSE};
    set_up(&scene, 512);
    add_run(&scene, 100, 3, REPLAY_PAGE_LISTED, 0, 0);
    add_run(&scene, 200, 1, REPLAY_PAGE_BLOCK, 0, 0);
    put(&scene, 0, 200 * PAGE, 1, 1, 1);
    pins_take(&pins, &scene.execution, &scene.objects, &scene.snapshot);
    ck_assert_uint_eq(pins.block_bytes, 508 * PAGE);
    ck_assert_uint_eq(pins.groups, 1);
    ck_assert_uint_eq(pins.group[0].block_bytes, 127 * PAGE);
    ck_assert_uint_eq(pins.idle_bytes, 381 * PAGE);
    pins_clear(&pins);
    tear_down(&scene);
}
END_TEST

/* Thinning. */

/* Of 5000 samples with one spike up and one down, the table for pictures has both. */
START_TEST(thinned_samples_keep_extremes)
{
    struct sampler sampler;
    struct replay_execution execution = {.cpus = 1};
    struct report report = {.sampler = &sampler, .execution = &execution};
    sampler_init(&sampler, 5000, 1, 5000);
    sampler.count = 5000;
    for (guint i = 0; i < sampler.count; i++) {
        sampler.sample[i].event = i;
        sampler.sample[i].occupied = 500000 + i % 7;
    }
    sampler.sample[1234].occupied = 987654;
    sampler.sample[4321].occupied = 12;
    ck_assert(report_csv_thinned(&report));
    GString *csv = g_string_new(NULL);
    report_csv_drawn(&report, csv);
    char **lines = g_strsplit(csv->str, "\n", -1);
    guint count = g_strv_length(lines) - 2; /* the names, and behind the last line end */
    ck_assert_uint_le(count, 2400);
    ck_assert_uint_ge(count, 2000);
    ck_assert(strstr(csv->str, "\n1234,") != NULL);
    ck_assert(strstr(csv->str, "\n4321,") != NULL);
    for (guint i = 2; i <= count; i++) /* in order of events */
        ck_assert_uint_gt(strtoull(lines[i], NULL, 10), strtoull(lines[i - 1], NULL, 10));
    g_strfreev(lines);
    g_string_free(csv, TRUE);
    sampler_clear(&sampler);
}
END_TEST

static Suite *report_suite(void)
{
    Suite *suite = suite_create("report");
    TCase *sizes = tcase_create("objects"), *pages = tcase_create("pages");
    tcase_add_test(sizes, sizes_and_lifetimes);
    tcase_add_test(sizes, failed_calls_count_for_nothing);
    tcase_add_test(sizes, rows_of_sizes);
    tcase_add_test(sizes, the_first_by_a_measure);
    tcase_add_test(pages, cells_of_the_map);
    tcase_add_test(pages, regions_of_the_map);
    tcase_add_test(pages, objects_that_pin);
    tcase_add_test(pages, pages_that_nobody_holds);
    tcase_add_test(pages, thinned_samples_keep_extremes);
    suite_add_tcase(suite, sizes);
    suite_add_tcase(suite, pages);
    return suite;
}

int main(void)
{
    return run_suite(report_suite());
}
