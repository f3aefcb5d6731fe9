/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that allocate and free while others drain them, reclaim memory, look at everything and
 * check it; CPUs that are exclusive to their threads; and signal handlers that allocate.
 */
#include "threads.h"

#include <signal.h>

enum { SLOTS = 512, WORKERS = 3 };

struct job {
    struct place *place;
    size_t steps;
    _Atomic(void *) slots[SLOTS];
    atomic_uint done;  /* workers that have */
    atomic_uint turns; /* of those that watch */
};

static struct job *make_job(struct place *place, size_t steps)
{
    struct job *job = calloc(1, sizeof(*job));
    ck_assert_ptr_nonnull(job);
    job->place = place;
    job->steps = steps;
    return job;
}

static void empty_slots(struct job *job)
{
    for (size_t i = 0; i < SLOTS; i++)
        tag_free(job->place->heap, atomic_exchange(&job->slots[i], NULL));
}

/* Objects and blocks into slots that all workers share; now and then all of them are emptied, so
 * that slabs come and go. */
static void swap_steps(struct job *job, struct rng *rng, size_t steps)
{
    bsa_heap *heap = job->place->heap;
    for (size_t i = 0; i < steps; i++) {
        void *p = tag_alloc(heap, tag_size(rng));
        tag_free(heap, atomic_exchange(&job->slots[rng_below(rng, SLOTS)], p));
        if (rng_below(rng, 4000) == 0)
            empty_slots(job);
    }
}

static void work(struct job *job, unsigned number)
{
    struct rng rng = rng_of("work", number);
    swap_steps(job, &rng, job->steps);
    atomic_fetch_add(&job->done, 1);
}

static bool working(struct job *job)
{
    return atomic_load(&job->done) < WORKERS;
}

/* The last thread does something else until the workers are done. */
static void run_beside(struct place *place, size_t steps,
                       void (*beside)(void *job, unsigned number))
{
    struct job *job = make_job(place, steps);
    crew_run(WORKERS + 1, beside, job);
    ck_assert_uint_gt(job->turns, 0);
    this_cpu = 0;
    empty_slots(job);
    free(job);
}

static void beside_drain(void *arg, unsigned number)
{
    struct job *job = arg;
    if (number < WORKERS) {
        work(job, number);
        return;
    }
    struct rng rng = rng_of("drain", number);
    while (working(job)) {
        require(bsa_heap_drain(job->place->heap, (unsigned)rng_below(&rng, WORKERS + 1)) == BSA_OK);
        if (rng_below(&rng, 4) == 0)
            bsa_heap_reclaim(job->place->heap);
        atomic_fetch_add(&job->turns, 1);
        sched_yield();
    }
}

START_TEST(drained_by_another)
{
    struct place place = place_of(WORKERS + 1);
    place.config.magazine_objects = _i == 1 ? 4 : 0;
    place_open(&place, (size_t)8 << 20);
    run_beside(&place, thread_steps(300000), beside_drain);
    place_close(&place);
}
END_TEST

static int count_live(void *arg, const struct bsa_live_block *block)
{
    size_t *count = arg;
    require(block->address != NULL && block->bytes >= 8);
    ++*count;
    return 0;
}

/* Everything that can be asked, while everything moves: each answer must be consistent in itself.
 */
static void look(struct place *place)
{
    bsa_heap *heap = place->heap;
    struct bsa_heap_stats s = BSA_HEAP_STATS_INIT;
    struct bsa_cpu_stats c = BSA_CPU_STATS_INIT;
    struct bsa_section_info info = BSA_SECTION_INFO_INIT;
    size_t counts[BSA_MAX_ORDER + 1], count = 0;
    unsigned flags;
    require(bsa_heap_validate(heap) == BSA_OK);
    require(bsa_heap_stats(heap, &s) == BSA_OK);
    require(s.managed_bytes ==
            s.free_bytes + s.block_bytes + s.slab_bytes + s.record_bytes + s.cpu_bytes);
    require(s.block_bytes >= s.blocks * s.page_size);
    require(s.block_bytes <= s.blocks * 2 * s.page_size);
    for (unsigned i = 0; i < s.classes; i++) {
        const struct bsa_class_stats *k = &s.size_class[i];
        size_t all = k->objects;
        require(k->live <= all && k->free <= all && k->remote_pending <= all);
        require(all == k->live + k->in_magazines + k->in_depot + k->free + k->remote_pending);
    }
    require(bsa_heap_cpu_stats(heap, 0, &c) == BSA_OK);
    require(bsa_heap_section(heap, 0, &info) == BSA_OK);
    require(bsa_heap_free_blocks(heap, counts, BSA_MAX_ORDER + 1) == BSA_OK);
    require(bsa_heap_page_flags(heap, info.start, &flags) == BSA_OK);
    require(bsa_heap_allocated_bytes(heap) <= bsa_heap_managed_bytes(heap));
    require(bsa_heap_walk(heap, count_live, &count) == 0);
}

static void beside_look(void *arg, unsigned number)
{
    struct job *job = arg;
    if (number < WORKERS) {
        work(job, number);
        return;
    }
    while (working(job)) {
        look(job->place);
        atomic_fetch_add(&job->turns, 1);
        sched_yield();
    }
}

START_TEST(looked_at)
{
    struct place place = place_of(WORKERS + 1);
    place.config.magazine_objects = _i == 1 ? BSA_NONE : 0;
    place.config.keep_empty = _i == 1 ? BSA_NONE : 0;
    place_open(&place, (size_t)4 << 20);
    run_beside(&place, thread_steps(150000), beside_look);
    place_close(&place);
}
END_TEST

/* The same beside a thread that reclaims, so that memory moves outside of any CPU's calls as well.
 */
static void beside_look_and_reclaim(void *arg, unsigned number)
{
    struct job *job = arg;
    if (number < WORKERS - 1) {
        work(job, number);
    } else if (number == WORKERS - 1) {
        for (size_t i = 0; i < job->steps / 100; i++) {
            empty_slots(job);
            bsa_heap_reclaim(job->place->heap);
            sched_yield();
        }
        atomic_fetch_add(&job->done, 1);
    } else {
        beside_look(job, number);
    }
}

START_TEST(looked_at_while_reclaiming)
{
    struct place place = place_of(WORKERS + 1);
    place_open(&place, (size_t)4 << 20);
    run_beside(&place, thread_steps(150000), beside_look_and_reclaim);
    place_close(&place);
}
END_TEST

/* Memory is short for three threads, and each has what the others need. */
static void beside_starve(void *arg, unsigned number)
{
    struct job *job = arg;
    if (number < WORKERS) {
        work(job, number);
        return;
    }
    void *most[64] = {NULL};
    struct rng rng = rng_of("starve", number);
    while (working(job)) {
        for (unsigned i = 0; i < 64; i++) {
            bsa_heap_alloc_pages(job->place->heap, 4, 4096, &most[i]);
            if (most[i] != NULL)
                tag(most[i], 16384);
        }
        for (unsigned i = 0; i < 64; i++)
            tag_free(job->place->heap, most[i]);
        atomic_fetch_add(&job->turns, 1);
        for (size_t wait = rng_below(&rng, 20); wait > 0; wait--)
            sched_yield();
    }
}

START_TEST(starved)
{
    struct place place = place_of(WORKERS + 1);
    place_open(&place, (size_t)512 << 10);
    run_beside(&place, thread_steps(50000), beside_starve);
    place_close(&place);
}
END_TEST

/* Exclusive CPUs: another thread may only ask. */
static void beside_ask(void *arg, unsigned number)
{
    struct job *job = arg;
    if (number < WORKERS) {
        work(job, number);
        return;
    }
    struct rng rng = rng_of("ask", number);
    while (working(job)) {
        require(bsa_heap_drain(job->place->heap, (unsigned)rng_below(&rng, WORKERS + 1)) == BSA_OK);
        if (rng_below(&rng, 4) == 0)
            bsa_heap_reclaim(job->place->heap);
        require(bsa_heap_allocated_bytes(job->place->heap) <=
                bsa_heap_managed_bytes(job->place->heap));
        atomic_fetch_add(&job->turns, 1);
        sched_yield();
    }
}

START_TEST(exclusive_posted)
{
    struct place place = place_of(WORKERS + 1);
    place.config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    place.config.magazine_objects = _i == 1 ? 4 : 0;
    place_open(&place, _i == 2 ? (size_t)1 << 20 : (size_t)8 << 20);
    run_beside(&place, thread_steps(300000), beside_ask);
    place_close(&place);
}
END_TEST

/* Exclusive CPUs that come and go: what one leaves behind, another drains. */
static void beside_come_and_go(void *arg, unsigned number)
{
    struct job *job = arg;
    bsa_heap *heap = job->place->heap;
    struct rng rng = rng_of("come and go", number);
    if (number < WORKERS) {
        for (unsigned round = 0; round < 20; round++) {
            require(bsa_heap_cpu_online(heap, number) == BSA_OK);
            swap_steps(job, &rng, job->steps / 20);
            require(bsa_heap_cpu_offline(heap, number) == BSA_OK);
            for (size_t wait = rng_below(&rng, 50); wait > 0; wait--)
                sched_yield();
        }
        atomic_fetch_add(&job->done, 1);
        return;
    }
    beside_ask(job, number);
}

START_TEST(exclusive_offline)
{
    struct place place = place_of(WORKERS + 1);
    place.config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    place_open(&place, (size_t)2 << 20);
    run_beside(&place, thread_steps(200000), beside_come_and_go);
    for (unsigned cpu = 0; cpu < WORKERS; cpu++)
        assert_status(bsa_heap_cpu_online(place.heap, cpu), BSA_OK);
    place_close(&place);
}
END_TEST

/* Exclusive CPUs that run functions for each other, as a kernel's interrupts between processors do:
 * a mailbox each, looked at between operations and while waiting for an answer. */

struct mailbox {
    void (*_Atomic fn)(void *arg);
    void *arg;
    atomic_bool closed;
};

static struct mailbox mailboxes[WORKERS + 1];
static atomic_uint answered;

static void serve(unsigned cpu)
{
    struct mailbox *box = &mailboxes[cpu];
    void (*fn)(void *arg) = atomic_load(&box->fn);
    if (fn != NULL) {
        fn(box->arg);
        atomic_store(&box->fn, NULL);
        atomic_fetch_add(&answered, 1);
    }
}

static pthread_mutex_t senders = PTHREAD_MUTEX_INITIALIZER;

static int hook_run_on_cpu(void *ctx, unsigned cpu, void (*fn)(void *arg), void *arg)
{
    struct mailbox *box = &mailboxes[cpu];
    (void)ctx;
    if (cpu == this_cpu) {
        fn(arg);
        return 0;
    }
    while (pthread_mutex_trylock(&senders) != 0) {
        serve(this_cpu);
        sched_yield();
    }
    int failed = atomic_load(&box->closed) ? -1 : 0;
    if (failed == 0) {
        box->arg = arg;
        atomic_store(&box->fn, fn);
        while (atomic_load(&box->fn) != NULL) {
            serve(this_cpu);
            sched_yield();
        }
    }
    pthread_mutex_unlock(&senders);
    return failed;
}

static void beside_run_on(void *arg, unsigned number)
{
    struct job *job = arg;
    struct rng rng = rng_of("run on", number);
    for (size_t i = 0; i < job->steps / 64; i++) {
        swap_steps(job, &rng, 64);
        serve(number);
        if (rng_below(&rng, 64) == 0) {
            require(bsa_heap_drain(job->place->heap, (unsigned)rng_below(&rng, WORKERS + 1)) ==
                    BSA_OK);
            atomic_fetch_add(&job->turns, 1);
        }
    }
    /* Nobody is in the middle of sending once the mutex is ours. */
    while (pthread_mutex_trylock(&senders) != 0) {
        serve(number);
        sched_yield();
    }
    atomic_store(&mailboxes[number].closed, true);
    pthread_mutex_unlock(&senders);
}

START_TEST(exclusive_run_on_cpu)
{
    struct place place = place_of(WORKERS + 1);
    place.config.flags = BSA_HEAP_EXCLUSIVE_CPUS;
    place.platform.run_on_cpu = hook_run_on_cpu;
    place_open(&place, _i == 0 ? (size_t)4 << 20 : (size_t)1 << 20);
    run_beside(&place, thread_steps(100000), beside_run_on);
    ck_assert_uint_gt(answered, 0);
    for (unsigned cpu = 0; cpu <= WORKERS; cpu++)
        atomic_store(&mailboxes[cpu].closed, true);
    place_close(&place);
}
END_TEST

/* A signal handler that allocates and frees as the CPU of the thread that it interrupts. The hooks
 * block signals while the heap holds locks or private state, as a kernel masks interrupts. */

static uintptr_t hook_block(void *ctx)
{
    sigset_t all, old;
    (void)ctx;
    sigemptyset(&all);
    sigaddset(&all, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    return sigismember(&old, SIGUSR1) != 0;
}

static void hook_restore(void *ctx, uintptr_t was_blocked)
{
    sigset_t all;
    (void)ctx;
    sigemptyset(&all);
    sigaddset(&all, SIGUSR1);
    if (!was_blocked)
        pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

static bsa_heap *signal_heap;
static _Thread_local struct rng signal_rng;
static _Thread_local void *signal_kept[8];
static atomic_uint signals_met;

static void on_signal(int number)
{
    (void)number;
    void **kept = &signal_kept[rng_below(&signal_rng, 8)];
    if (*kept != NULL) {
        tag_free(signal_heap, *kept);
        *kept = NULL;
    } else {
        *kept = tag_alloc(signal_heap, tag_size(&signal_rng));
    }
    atomic_fetch_add(&signals_met, 1);
}

static pthread_t signal_targets[WORKERS];
static atomic_uint signal_ready;

static void beside_signal(void *arg, unsigned number)
{
    struct job *job = arg;
    signal_rng = rng_of("signal", number);
    if (number < WORKERS) {
        signal_targets[number] = pthread_self();
        atomic_fetch_add(&signal_ready, 1);
        struct rng rng = rng_of("work", number);
        swap_steps(job, &rng, job->steps);
        atomic_fetch_add(&job->done, 1);
        while (atomic_load(&job->turns) == 0) /* the sender has stopped */
            sched_yield();
        for (unsigned i = 0; i < 8; i++)
            tag_free(signal_heap, signal_kept[i]);
        return;
    }
    while (atomic_load(&signal_ready) < WORKERS)
        sched_yield();
    for (unsigned i = 0; atomic_load(&job->done) < WORKERS; i++) {
        require(pthread_kill(signal_targets[i % WORKERS], SIGUSR1) == 0);
        sched_yield();
    }
    atomic_store(&job->turns, 1);
}

START_TEST(signals)
{
    struct place place = place_of(WORKERS + 1);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    place.platform.enter = hook_block;
    place.platform.leave = hook_restore;
    place.config.flags = _i == 0 ? 0 : BSA_HEAP_EXCLUSIVE_CPUS;
    place_open(&place, (size_t)8 << 20);
    signal_heap = place.heap;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    run_beside(&place, thread_steps(60000), beside_signal);
    ck_assert_uint_gt(signals_met, 0);
    place_close(&place);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads under control");
    TCase *tcase = tcase_create("shared");
    tcase_add_loop_test(tcase, drained_by_another, 0, 2);
    tcase_add_loop_test(tcase, looked_at, 0, 2);
    tcase_add_test(tcase, looked_at_while_reclaiming);
    tcase_add_test(tcase, starved);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("exclusive");
    tcase_add_loop_test(tcase, exclusive_posted, 0, 3);
    tcase_add_test(tcase, exclusive_offline);
    tcase_add_loop_test(tcase, exclusive_run_on_cpu, 0, 2);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("signals");
    tcase_add_loop_test(tcase, signals, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
