/* SPDX-License-Identifier: Apache-2.0 */
/* Threads, their CPU ids, and the door. internal.h has the theory. */
#include "internal.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

__thread struct bsam_thread bsam_self __attribute__((tls_model("initial-exec")));

/* Order: registry, then shared. A thread that waits for either is AT_DOOR. */
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t shared = PTHREAD_MUTEX_INITIALIZER; /* owns CPU 0 */

/* Guarded by registry; the first three constant once there is a heap. */
static bsa_cpu *shared_cpu;
static unsigned cpus; /* ids from 1 up to this one may be had */
static pthread_key_t key;
static struct bsam_thread *owners[BSA_MAX_CPUS]; /* by id */
static unsigned first_free = 1;                  /* no id below it is free */
static size_t owned;                             /* ids; read by anybody */

/* Hooks of the heap. */

static unsigned cpu_id(void *ctx)
{
    (void)ctx;
    return bsam_self.id;
}

static void relax(void *ctx)
{
    (void)ctx;
    sched_yield();
}

static void fault(void *ctx, enum bsa_status status, const void *addr, const char *what)
{
    (void)ctx;
    (void)status;
    bsam_self.what = what; /* who called knows which function it was */
    bsam_self.where = addr;
}

BSAM_COLD void bsam_tell(const struct bsam_thread *t)
{
    bsam_misuse("free", t->where, t->what, NULL);
}

static void leave(struct bsam_thread *t)
{
    bsam_leave_fast(t);
    if (BSAM_UNLIKELY(t->what != NULL))
        bsam_tell(t);
    if (BSAM_UNLIKELY(t->deferred != NULL) && bsam_enter(t) != NULL)
        bsam_leave(t); /* the thread may have no further call */
}

/* CPU ids. */

size_t bsam_threads(void)
{
    size_t threads = __atomic_load_n(&owned, __ATOMIC_RELAXED);
    return threads != 0 ? threads : 1;
}

static void set_owner(unsigned id, struct bsam_thread *t)
{
    owners[id] = t;
    __atomic_store_n(&owned, t != NULL ? owned + 1 : owned - 1, __ATOMIC_RELAXED);
}

static void return_id(struct bsam_thread *t)
{
    unsigned id = t->id;
    __atomic_store_n(&t->cpu, NULL, __ATOMIC_RELAXED);
    bsa_heap_cpu_offline(bsam_heap, id);
    set_owner(id, NULL);
    if (id < first_free)
        first_free = id;
    t->own = NULL;
    t->id = 0;
}

/*
 * The end of a thread. Destructors of other keys may allocate and free still, without an id: to
 * keep it until the last round of destructors would lose it where a destructor's call was the
 * thread's first, as nobody tells which round that was.
 */
static void thread_ends(void *value)
{
    struct bsam_thread *t = value;
    t->inside = BSAM_AT_DOOR;
    bsam_fence();
    pthread_mutex_lock(&registry);
    t->ended = true;
    return_id(t);
    pthread_mutex_unlock(&registry);
    leave(t);
}

static bool barrier_register(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

static void barrier_in_each_thread(void)
{
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

/* The first call of all. */
static void make_heap(void)
{
    static const struct bsa_platform platform = {
        .size = sizeof(platform), .cpu_id = cpu_id, .fault = fault, .relax = relax};
    struct bsam_config config;
    int saved = errno;
    bsam_config_read(&config);
    bool alone =
        config.cpus > 1 && barrier_register() && pthread_key_create(&key, thread_ends) == 0;
    if (!alone)
        config.cpus = 1;
    if (bsam_heap_make(&config, &platform)) {
        shared_cpu = bsa_heap_cpu(bsam_heap, 0);
        cpus = config.cpus;
        bsam_started(&config);
    }
    errno = saved;
}

/* Gives the thread an id of its own, if there is one. The registry is locked. */
static void take_id(struct bsam_thread *t)
{
    while (first_free < cpus && owners[first_free] != NULL)
        first_free++;
    unsigned id = first_free;
    if (id >= cpus || pthread_setspecific(key, t) != 0)
        return;
    t->own = bsa_heap_cpu(bsam_heap, id);
    bsa_heap_cpu_online(bsam_heap, id);
    t->id = id;
    set_owner(id, t);
}

/* The door. */

static void free_deferred(struct bsam_thread *t, bsa_cpu *cpu)
{
    void *p = __atomic_exchange_n(&t->deferred, NULL, __ATOMIC_ACQUIRE);
    while (p != NULL) {
        void *next = *(void **)p;
        if (bsam_give(cpu, p) != BSA_OK)
            bsam_leave(t); /* for good */
        p = next;
    }
}

bsa_cpu *bsam_enter(struct bsam_thread *t)
{
    t->inside = BSAM_AT_DOOR;
    bsam_fence();
    bsa_cpu *cpu = NULL;
    if (!t->ended) {
        pthread_mutex_lock(&registry);
        if (bsam_heap == NULL)
            make_heap();
        if (bsam_heap == NULL) {
            pthread_mutex_unlock(&registry);
            bsam_leave_fast(t);
            return NULL;
        }
        if (t->own == NULL)
            take_id(t);
        cpu = t->own;
        if (cpu != NULL) {
            __atomic_store_n(&t->cpu, cpu, __ATOMIC_RELAXED);
            __atomic_store_n(&t->inside, BSAM_IN_HEAP, __ATOMIC_RELAXED);
        }
        pthread_mutex_unlock(&registry);
    }
    if (cpu == NULL) {
        pthread_mutex_lock(&shared);
        cpu = shared_cpu;
    }
    if (BSAM_UNLIKELY(t->deferred != NULL))
        free_deferred(t, cpu);
    return cpu;
}

void bsam_leave(struct bsam_thread *t)
{
    if (t->own == NULL)
        pthread_mutex_unlock(&shared);
    leave(t);
}

void bsam_defer(struct bsam_thread *t, void *p)
{
    void *first = __atomic_load_n(&t->deferred, __ATOMIC_RELAXED);
    do {
        *(void **)p = first;
    } while (!__atomic_compare_exchange_n(&t->deferred, &first, p, false, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    __atomic_store_n(&t->cpu, NULL, __ATOMIC_RELAXED); /* the next call takes the slow path */
}

/* Quiescence. */

bool bsam_quiesce(struct bsam_thread *t)
{
    if (t->inside != BSAM_OUTSIDE || __atomic_load_n(&bsam_heap, __ATOMIC_ACQUIRE) == NULL)
        return false;
    t->inside = BSAM_AT_DOOR;
    bsam_fence();
    pthread_mutex_lock(&registry);
    pthread_mutex_lock(&shared);
    for (unsigned id = 1; id < cpus; id++) {
        if (owners[id] != NULL && owners[id] != t)
            __atomic_store_n(&owners[id]->cpu, NULL, __ATOMIC_RELAXED);
    }
    if (cpus > 1)
        barrier_in_each_thread();
    for (unsigned id = 1; id < cpus; id++) {
        if (owners[id] == NULL || owners[id] == t)
            continue;
        while (__atomic_load_n(&owners[id]->inside, __ATOMIC_ACQUIRE) == BSAM_IN_HEAP)
            sched_yield();
    }
    return true;
}

void bsam_resume(struct bsam_thread *t)
{
    pthread_mutex_unlock(&shared);
    pthread_mutex_unlock(&registry);
    leave(t);
}

void bsam_drain_all(struct bsam_thread *t)
{
    for (unsigned id = 0; id < cpus; id++) {
        if (id == t->id) {
            bsa_heap_drain(bsam_heap, id);
        } else if (id == 0 || owners[id] != NULL) {
            bsa_heap_cpu_offline(bsam_heap, id);
            bsa_heap_cpu_online(bsam_heap, id);
        }
    }
}

void bsam_forget_others(struct bsam_thread *t)
{
    for (unsigned id = 1; id < cpus; id++) {
        if (owners[id] != NULL && owners[id] != t) {
            bsa_heap_cpu_offline(bsam_heap, id);
            set_owner(id, NULL);
        }
    }
    first_free = 1;
}
