/* SPDX-License-Identifier: Apache-2.0 */
/* Threads on named caches: objects that change hands, caches that come and go beside them, and
 * somebody who looks at it all. */
#include "threads.h"

enum { SHARED = 4, CACHES = SHARED + 1, SLOTS = 256 }; /* one comes and goes */

struct job {
    struct place *place;
    size_t steps;
    bsa_cache *caches[SHARED];
    _Atomic(void *) slots[SHARED][SLOTS];
    atomic_uint done;
};

static const size_t sizes[SHARED] = {24, 200, 3000, 70000}; /* the last one seldom */

static bsa_cache *make_cache(bsa_heap *heap, size_t size, unsigned magazine)
{
    struct bsa_cache_config config = BSA_CACHE_CONFIG_INIT;
    bsa_cache *cache = NULL;
    config.name = "threads";
    config.object_size = size;
    config.magazine_objects = magazine;
    require(bsa_cache_create(heap, &config, &cache) == BSA_OK);
    return cache;
}

static void end_cache(bsa_cache *cache)
{
    size_t live = 1;
    require(bsa_cache_destroy(&cache, &live) == BSA_OK);
    require(live == 0 && cache == NULL);
}

/* By the cache, by its handle and the CPU's, or as any object. */
static void put(struct job *job, struct rng *rng, unsigned which, void *p)
{
    bsa_heap *heap = job->place->heap;
    if (p == NULL)
        return;
    require(tag_check(p) == sizes[which]);
    memset(p, 0xdd, 8);
    size_t way = rng_below(rng, 3);
    require((way == 0   ? bsa_cache_free(job->caches[which], p)
             : way == 1 ? bsa_cpu_cache_free(bsa_heap_cpu(heap, this_cpu), job->caches[which], p)
                        : bsa_heap_free(heap, p)) == BSA_OK);
}

static void *get(struct job *job, struct rng *rng, unsigned which)
{
    bsa_cpu *cpu = bsa_heap_cpu(job->place->heap, this_cpu);
    void *p;
    enum bsa_status status = rng_below(rng, 2) == 0
                                 ? bsa_cache_alloc(job->caches[which], &p)
                                 : bsa_cpu_cache_alloc(cpu, job->caches[which], &p);
    require(status == BSA_OK || status == BSA_ERR_NO_MEMORY);
    return p == NULL ? NULL : tag(p, sizes[which]);
}

static void work_swap(void *arg, unsigned number)
{
    struct job *job = arg;
    struct rng rng = rng_of("cache swap", number);
    for (size_t i = 0; i < job->steps; i++) {
        size_t most = rng_below(&rng, 16) == 0 ? SHARED : SHARED - 1;
        unsigned which = (unsigned)rng_below(&rng, most);
        void *p = get(job, &rng, which);
        put(job, &rng, which, atomic_exchange(&job->slots[which][rng_below(&rng, SLOTS)], p));
    }
    atomic_fetch_add(&job->done, 1);
}

/* Caches of its own, each ended when its objects are free. */
static void work_come_and_go(void *arg, unsigned number)
{
    struct job *job = arg;
    struct rng rng = rng_of("come and go", number);
    bsa_heap *heap = job->place->heap;
    while (atomic_load(&job->done) < THREADS) {
        void *p[40];
        size_t n = rng_below(&rng, 40);
        size_t size = rng_between(&rng, 8, rng_below(&rng, 4) == 0 ? 90000 : 900);
        bsa_cache *cache = make_cache(heap, size, 0);
        for (size_t i = 0; i < n; i++) {
            p[i] = NULL;
            if (bsa_cache_alloc(cache, &p[i]) == BSA_OK)
                tag(p[i], size);
        }
        for (size_t i = 0; i < n; i++) {
            if (p[i] != NULL)
                require(tag_check(p[i]) == size);
            require(bsa_cache_free(cache, p[i]) == BSA_OK);
        }
        end_cache(cache);
    }
}

static int count_named(void *arg, const struct bsa_live_block *block)
{
    *(size_t *)arg += block->cache != NULL && strcmp(block->cache, "threads") == 0;
    return 0;
}

static void work_look(void *arg, unsigned number)
{
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    struct rng rng = rng_of("look", number);
    while (atomic_load(&job->done) < THREADS) {
        struct bsa_cache_stats all[CACHES] = {BSA_CACHE_STATS_INIT};
        size_t live = 0, caches = 0;
        require(bsa_heap_validate(heap) == BSA_OK);
        require(bsa_heap_cache_stats(heap, all, CACHES, &caches) == BSA_OK && caches <= CACHES);
        for (size_t i = 0; i < caches; i++) {
            const struct bsa_class_stats *k = &all[i].objects;
            require(k->objects == k->live + k->in_magazines + k->free + k->remote_pending);
        }
        bsa_heap_walk(heap, count_named, &live);
        require(bsa_heap_drain(heap, (unsigned)rng_below(&rng, THREADS + 2)) == BSA_OK);
        bsa_heap_reclaim(heap);
        sched_yield();
    }
}

static void work(void *arg, unsigned number)
{
    if (number < THREADS)
        work_swap(arg, number);
    else if (number == THREADS)
        work_come_and_go(arg, number);
    else
        work_look(arg, number);
}

static void end_job(struct job *job)
{
    struct rng rng = rng_of("end", 0);
    this_cpu = 0;
    for (unsigned which = 0; which < SHARED; which++) {
        for (unsigned i = 0; i < SLOTS; i++)
            put(job, &rng, which, atomic_exchange(&job->slots[which][i], NULL));
    }
    for (unsigned cpu = 0; cpu < job->place->config.cpus; cpu++)
        require(bsa_heap_drain(job->place->heap, cpu) == BSA_OK);
    for (unsigned which = 0; which < SHARED; which++)
        end_cache(job->caches[which]);
    free(job);
}

static struct job *make_job(struct place *place, unsigned magazine)
{
    struct job *job = calloc(1, sizeof(*job));
    ck_assert_ptr_nonnull(job);
    job->place = place;
    job->steps = thread_steps(200000);
    for (unsigned which = 0; which < SHARED; which++)
        job->caches[which] = make_cache(place->heap, sizes[which], magazine);
    return job;
}

START_TEST(shared)
{
    struct place place = place_of(THREADS + 2);
    place_open(&place, _i == 1 ? (size_t)2 << 20 : (size_t)32 << 20);
    struct job *job = make_job(&place, _i == 2 ? BSA_NONE : 0);
    crew_run(THREADS + 2, work, job);
    end_job(job);
    place_close(&place);
}
END_TEST

/* Each thread a CPU of its own, without locks; nobody looks, and no cache comes or goes. */
START_TEST(exclusive)
{
    struct place place = place_of(THREADS);
    place.config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    place_open(&place, (size_t)32 << 20);
    struct job *job = make_job(&place, 0);
    crew_run(THREADS, work_swap, job);
    end_job(job);
    place_close(&place);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads on named caches");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, shared, 0, 3);
    tcase_add_test(tcase, exclusive);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
