/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads on a heap in shared mode: each works as a CPU, or as several in turn, and what they free
 * may be anybody's. After each test every byte is back.
 */
#include "threads.h"

struct job {
    struct place *place;
    size_t steps;
    size_t failures;             /* of all threads */
    _Atomic(void *) slots[1024]; /* memory on its way between threads */
    atomic_uint running;
};

static struct job *make_job(struct place *place, size_t steps)
{
    struct job *job = calloc(1, sizeof(*job));
    ck_assert_ptr_nonnull(job);
    job->place = place;
    job->steps = steps;
    return job;
}

static void count_failure(struct job *job)
{
    __atomic_fetch_add(&job->failures, 1, __ATOMIC_RELAXED);
}

/* What is left in the slots goes home. */
static void end_job(struct job *job)
{
    for (size_t i = 0; i < sizeof(job->slots) / sizeof(job->slots[0]); i++)
        tag_free(job->place->heap, job->slots[i]);
    free(job);
}

/* Each thread its own: objects and blocks of any size, by heap and by handle. */

enum { OWN = 300 };

static void work_mixed(void *arg, unsigned number)
{
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    bsa_cpu *cpu = bsa_heap_cpu(heap, number);
    struct rng rng = rng_of("mixed", number);
    void *own[OWN] = {NULL};
    for (size_t i = 0; i < job->steps; i++) {
        void **at = &own[rng_below(&rng, OWN)];
        if (*at == NULL) {
            size_t size = tag_size(&rng);
            if (rng_below(&rng, 2) == 0)
                *at = tag_alloc(heap, size);
            else if (bsa_cpu_alloc(cpu, size, 8, at) == BSA_OK)
                tag(*at, size);
        } else if (rng_below(&rng, 2) == 0) {
            tag_free(heap, *at);
            *at = NULL;
        } else {
            size_t size = tag_check(*at);
            if (rng_below(&rng, 4) == 0)
                require(bsa_heap_free_sized(heap, *at, size, 8) == BSA_OK);
            else
                require(bsa_cpu_free(cpu, *at) == BSA_OK);
            *at = NULL;
        }
    }
    for (unsigned i = 0; i < OWN; i++)
        tag_free(heap, own[i]);
}

START_TEST(mixed)
{
    struct place place = place_of(THREADS);
    place_open(&place, (size_t)16 << 20);
    struct job *job = make_job(&place, thread_steps(600000));
    crew_run(THREADS, work_mixed, job);
    end_job(job);
    place_close(&place);
}
END_TEST

/* A ring: each thread frees what its neighbour allocated. */

enum { RING = 256 };

static void work_ring(void *arg, unsigned number)
{
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    struct rng rng = rng_of("ring", number);
    unsigned next = (number + 1) % THREADS;
    for (size_t round = 0; round < job->steps; round++) {
        for (unsigned i = 0; i < RING;) {
            void *none = NULL, *p = tag_alloc(heap, tag_size(&rng));
            require(p != NULL);
            while (!atomic_compare_exchange_weak(&job->slots[number * RING + i], &none, p)) {
                none = NULL;
                /* The neighbour is behind: do our own part of its work. */
                tag_free(heap, atomic_exchange(&job->slots[next * RING + i], NULL));
                sched_yield();
            }
            i++;
        }
        for (unsigned i = 0; i < RING; i++)
            tag_free(heap, atomic_exchange(&job->slots[next * RING + i], NULL));
    }
    /* The others may wait for their slots to be emptied. */
    atomic_fetch_add(&job->running, 1);
    while (atomic_load(&job->running) < THREADS) {
        for (unsigned i = 0; i < RING; i++)
            tag_free(heap, atomic_exchange(&job->slots[next * RING + i], NULL));
        sched_yield();
    }
}

START_TEST(ring)
{
    struct place place = place_of(THREADS);
    place_open(&place, (size_t)16 << 20);
    struct job *job = make_job(&place, thread_steps(1500));
    crew_run(THREADS, work_ring, job);
    end_job(job);
    place_close(&place);
}
END_TEST

/* Half of the threads only allocate, the others only free: memory must not be stranded at either.
 * The heap holds a small part of what passes through it. */

enum { QUEUE = 256 };

static void work_pass_on(void *arg, unsigned number)
{
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    struct rng rng = rng_of("pass on", number);
    _Atomic(void *) *queue = &job->slots[number / 2 * QUEUE];
    bool producer = number % 2 == 0;
    for (size_t i = 0; i < job->steps; i++) {
        _Atomic(void *) *slot = &queue[i % QUEUE];
        if (producer) {
            void *p = tag_alloc(heap, rng_between(&rng, 8, 600));
            require(p != NULL);
            while (atomic_load(slot) != NULL)
                sched_yield();
            atomic_store(slot, p);
        } else {
            void *p;
            while ((p = atomic_exchange(slot, NULL)) == NULL)
                sched_yield();
            tag_free(heap, p);
        }
    }
}

START_TEST(producers_and_consumers)
{
    struct place place = place_of(THREADS);
    place_open(&place, (size_t)2 << 20);
    struct job *job = make_job(&place, thread_steps(400000));
    crew_run(THREADS, work_pass_on, job);
    end_job(job);
    place_close(&place);
}
END_TEST

/* Slots that all threads swap their memory into (Larson and Krishnan 1998). */
static void work_swap(void *arg, unsigned number)
{
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    struct rng rng = rng_of("swap", number);
    for (size_t i = 0; i < job->steps; i++) {
        void *p = tag_alloc(heap, tag_size(&rng));
        if (p == NULL)
            count_failure(job);
        tag_free(heap, atomic_exchange(&job->slots[rng_below(&rng, 1024)], p));
    }
}

START_TEST(swaps)
{
    struct place place = place_of(THREADS);
    place.config.magazine_objects = _i == 1 ? BSA_NONE : _i == 2 ? 3 : 0;
    place.config.keep_empty = _i == 1 ? BSA_NONE : 0;
    place_open(&place, (size_t)16 << 20);
    struct job *job = make_job(&place, thread_steps(600000));
    crew_run(THREADS, work_swap, job);
    ck_assert_uint_eq(job->failures, 0);
    end_job(job);
    place_close(&place);
}
END_TEST

/* Many objects at once, exchanged one by one for others', and freed at once again. */
static void work_bulk(void *arg, unsigned number)
{
    enum { MOST = 300 };
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    bsa_cpu *cpu = bsa_heap_cpu(heap, this_cpu);
    struct rng rng = rng_of("bulk", number);
    void *p[MOST];
    for (size_t i = 0; i < job->steps; i += MOST / 2) {
        size_t n = rng_below(&rng, MOST), bytes = tag_size(&rng), got = 0, freed = 0;
        require((number % 2 == 0 ? bsa_heap_alloc_bulk(heap, bytes, 8, n, p, &got)
                                 : bsa_cpu_alloc_bulk(cpu, bytes, 8, n, p, &got)) == BSA_OK);
        require(got == n);
        for (size_t k = 0; k < n; k++)
            p[k] = atomic_exchange(&job->slots[rng_below(&rng, 1024)], tag(p[k], bytes));
        for (size_t k = 0; k < n; k++) {
            got -= p[k] == NULL;
            if (p[k] != NULL)
                tag_check(p[k]);
        }
        require((number % 2 == 0 ? bsa_heap_free_bulk(heap, p, n, &freed)
                                 : bsa_cpu_free_bulk(cpu, p, n, &freed)) == BSA_OK);
        require(freed == got);
    }
}

START_TEST(bulk)
{
    struct place place = place_of(THREADS);
    place.config.flags = _i == 1 ? BSA_HEAP_EXCLUSIVE_CPUS : 0;
    place.config.magazine_objects = _i == 2 ? BSA_NONE : 0;
    place_open(&place, (size_t)64 << 20);
    struct job *job = make_job(&place, thread_steps(300000));
    crew_run(THREADS, work_bulk, job);
    end_job(job);
    place_close(&place);
}
END_TEST

/* Swaps where a thread is another CPU each time it is asked. */

static _Thread_local struct rng cpu_rng;

static unsigned hook_any_cpu(void *ctx)
{
    (void)ctx;
    if (cpu_rng.state == 0)
        cpu_rng.state = (uint64_t)(uintptr_t)&cpu_rng;
    return (unsigned)rng_below(&cpu_rng, 8);
}

START_TEST(migration)
{
    struct place place = place_of(8);
    place.platform.cpu_id = hook_any_cpu;
    place.config.magazine_objects = 8;
    place_open(&place, (size_t)16 << 20);
    struct job *job = make_job(&place, thread_steps(400000));
    crew_run(THREADS, work_swap, job);
    ck_assert_uint_eq(job->failures, 0);
    end_job(job);
    place_close(&place);
}
END_TEST

/* Handles of every CPU in every thread's hands. */
static void work_handles(void *arg, unsigned number)
{
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    struct rng rng = rng_of("handles", number);
    for (size_t i = 0; i < job->steps; i++) {
        bsa_cpu *cpu = bsa_heap_cpu(heap, (unsigned)rng_below(&rng, 70));
        size_t size = tag_size(&rng);
        void *p;
        require(cpu != NULL);
        if (rng_below(&rng, 8) == 0) {
            require(bsa_cpu_alloc_pages(cpu, 1 + rng_below(&rng, 3), 4096, &p) == BSA_OK);
            size = 4096;
        } else {
            require(bsa_cpu_alloc(cpu, size, 8, &p) == BSA_OK);
        }
        p = atomic_exchange(&job->slots[rng_below(&rng, 512)], tag(p, size));
        if (p != NULL) {
            tag_check(p);
            require(bsa_cpu_free(bsa_heap_cpu(heap, (unsigned)rng_below(&rng, 70)), p) == BSA_OK);
        }
    }
}

START_TEST(handles)
{
    struct place place = place_of(70);
    place_open(&place, (size_t)32 << 20);
    struct job *job = make_job(&place, thread_steps(400000));
    crew_run(THREADS, work_handles, job);
    end_job(job);
    place_close(&place);
}
END_TEST

/* Pages with alignments; the counts are exact. */

enum { OWN_BLOCKS = 40 };

static void work_pages(void *arg, unsigned number)
{
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    struct rng rng = rng_of("pages", number);
    struct {
        void *at;
        size_t pages;
    } own[OWN_BLOCKS] = {{NULL, 0}};
    for (size_t i = 0; i < job->steps + OWN_BLOCKS; i++) {
        unsigned k =
            i < job->steps ? (unsigned)rng_below(&rng, OWN_BLOCKS) : (unsigned)(i - job->steps);
        if (own[k].at != NULL) {
            require(tag_check(own[k].at) == own[k].pages * 4096);
            require(bsa_heap_free_pages(heap, own[k].at, own[k].pages) == BSA_OK);
            own[k].at = NULL;
        } else if (i < job->steps) {
            size_t align = (size_t)4096 << rng_below(&rng, 6);
            own[k].pages = rng_between(&rng, 1, (size_t)1 << rng_below(&rng, 6));
            if (bsa_heap_alloc_pages(heap, own[k].pages, align, &own[k].at) == BSA_OK) {
                require(((uintptr_t)own[k].at & (align - 1)) == 0);
                tag(own[k].at, own[k].pages * 4096);
            } else {
                count_failure(job);
            }
        }
    }
}

START_TEST(pages)
{
    struct place place = place_of(THREADS);
    /* The second time there is memory for a part of them only. */
    place_open(&place, _i == 0 ? (size_t)32 << 20 : (size_t)3 << 20);
    struct job *job = make_job(&place, thread_steps(400000));
    crew_run(THREADS, work_pages, job);
    ck_assert(_i == 0 ? job->failures == 0 : job->failures != 0);
    end_job(job);
    place_close(&place);
}
END_TEST

/* Memory runs out again and again; afterwards it is whole. */

enum { HOARD = 4000 };

static void work_exhaust(void *arg, unsigned number)
{
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    struct rng rng = rng_of("exhaust", number);
    void **own = calloc(HOARD, sizeof(*own));
    require(own != NULL);
    for (size_t round = 0; round < job->steps; round++) {
        size_t n = 0;
        while (n < HOARD && (own[n] = tag_alloc(heap, rng_between(&rng, 256, 6000))) != NULL)
            n++;
        if (n < HOARD)
            count_failure(job);
        for (size_t i = 0; i < n; i++)
            tag_free(heap, own[i]);
    }
    free(own);
}

START_TEST(exhaustion)
{
    struct place place = place_of(THREADS);
    place_open(&place, (size_t)4 << 20);
    struct job *job = make_job(&place, thread_steps(40));
    crew_run(THREADS, work_exhaust, job);
    ck_assert_uint_ne(job->failures, 0);
    end_job(job);
    void *p;
    /* Sixteen pages in a row are there again. */
    assert_status(bsa_heap_alloc_pages(place.heap, 16, 4096, &p), BSA_OK);
    assert_status(bsa_heap_free_pages(place.heap, p, 16), BSA_OK);
    place_close(&place);
}
END_TEST

/* No thread holds more than its share of a heap in which all shares fit at once: so nobody is
 * refused, however the others' frees and allocations fall. */
static void work_share(void *arg, unsigned number)
{
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    struct rng rng = rng_of("share", number);
    void *own[4] = {NULL};
    for (size_t i = 0; i < job->steps; i++) {
        void **at = &own[rng_below(&rng, 4)];
        tag_free(heap, *at);
        *at = tag_alloc(heap, 2048);
        if (*at == NULL)
            count_failure(job);
    }
    for (unsigned i = 0; i < 4; i++)
        tag_free(heap, own[i]);
}

START_TEST(no_spurious_refusal)
{
    struct place place = place_of(THREADS);
    void *p;
    place.config.magazine_objects = _i == 0 ? 8 : BSA_NONE;
    place_open(&place, (size_t)1 << 20);
    for (this_cpu = 0; this_cpu < THREADS; this_cpu++)
        tag_free(place.heap, tag_alloc(place.heap, 8)); /* makes the CPU's state */
    this_cpu = 0;
    bsa_heap_reclaim(place.heap);
    /* Two slabs of four pages hold the sixteen objects; a further block is for their records. */
    size_t taken = 0;
    void *held[256], *room[3];
    for (unsigned i = 0; i < 3; i++)
        assert_status(bsa_heap_alloc_pages(place.heap, 4, 1, &room[i]), BSA_OK);
    while (bsa_heap_alloc_pages(place.heap, 1, 1, &p) == BSA_OK)
        held[taken++] = p;
    for (unsigned i = 0; i < 3; i++)
        assert_status(bsa_heap_free_pages(place.heap, room[i], 4), BSA_OK);
    struct job *job = make_job(&place, thread_steps(80000));
    crew_run(THREADS, work_share, job);
    printf("# refused: %zu\n", job->failures);
    ck_assert_uint_eq(job->failures, 0);
    end_job(job);
    while (taken > 0)
        assert_status(bsa_heap_free_pages(place.heap, held[--taken], 1), BSA_OK);
    place_close(&place);
}
END_TEST

/* A region is added while three threads run short of memory. */
static void work_grow(void *arg, unsigned number)
{
    struct job *job = arg;
    if (number == 0) {
        for (unsigned i = 0; i < 3; i++) {
            for (unsigned wait = 0; wait < 200; wait++)
                sched_yield();
            place_grow(job->place, (size_t)4 << 20);
        }
    }
    work_swap(job, number);
}

START_TEST(regions_added)
{
    struct place place = place_of(THREADS);
    place_open(&place, (size_t)256 << 10);
    struct job *job = make_job(&place, thread_steps(400000));
    crew_run(THREADS, work_grow, job);
    end_job(job);
    ck_assert_uint_eq(bsa_heap_section_count(place.heap), 4);
    struct job *again = make_job(&place, thread_steps(50000));
    crew_run(THREADS, work_swap, again);
    ck_assert_uint_eq(again->failures, 0);
    end_job(again);
    place_close(&place);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tcase = tcase_create("shared");
    tcase_add_test(tcase, mixed);
    tcase_add_test(tcase, ring);
    tcase_add_test(tcase, producers_and_consumers);
    tcase_add_loop_test(tcase, swaps, 0, 3);
    tcase_add_loop_test(tcase, bulk, 0, 3);
    tcase_add_test(tcase, migration);
    tcase_add_test(tcase, handles);
    tcase_add_loop_test(tcase, pages, 0, 2);
    tcase_add_test(tcase, exhaustion);
    tcase_add_loop_test(tcase, no_spurious_refusal, 0, 2);
    tcase_add_test(tcase, regions_added);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
