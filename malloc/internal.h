/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc over a bsa_heap: what its parts share.
 *
 *     malloc.c aligned.c new.c info.c    the interface; every call enters the heap and leaves it,
 *     fast.h                               mostly by what is inlined here
 *     thread.c fork.c                    who may enter: threads, their CPU ids, signal handlers
 *     heap.c huge.c kept.c emergency.c   where memory comes from
 *     config.c say.c                     the environment; messages
 *
 * Threads. The heap is in exclusive mode. A thread takes a CPU id of its own at its first call and
 * returns it when it ends; it then touches its CPU without a lock. Threads that come when all ids
 * are taken, and calls that come after a thread's end, share CPU 0 under a mutex.
 *
 * What others read of a thread lies with its CPU, not in the thread's own memory, which may go
 * while they look. A thread that goes without a call here, as its first one was in the last round
 * of its keys' destructors, is found by a robust mutex, which each holds for as long as it has an
 * id. One that goes from the middle of a call takes its id with it.
 *
 * `inside` marks a thread that is at work here. A signal handler that interrupts it finds the mark:
 * its allocations come from the emergency store, which needs no lock, and its frees wait in a list
 * until the thread enters again.
 *
 * Quiescence. To fork, to trim and to count, one thread stops all others at their doors: it shuts
 * each (they ask the slow path to open it, which waits for the mutex), has the kernel put a memory
 * barrier into each, and waits until none is inside. A thread that enters writes `inside` and then
 * reads `shut`: it has seen it, or has been seen inside (Dekker's argument, with the barrier paid
 * by the one who stops). Linux before 4.14 has no such barrier; there all threads share CPU 0.
 *
 * Nothing here calls malloc, stdio, or a function of the C library that might.
 */
#ifndef BSAM_INTERNAL_H
#define BSAM_INTERNAL_H

#include <buddyslab.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BSAM_LIKELY(x) __builtin_expect(!!(x), 1)
#define BSAM_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define BSAM_ALWAYS_INLINE inline __attribute__((always_inline))
#define BSAM_NOINLINE __attribute__((noinline))
#define BSAM_COLD __attribute__((cold, noinline))
#define BSAM_EXPORT __attribute__((visibility("default")))
#define BSAM_CALLER() __builtin_return_address(0)

enum {
    BSAM_ALIGN = 16,           /* of everything of at least so many bytes, as C asks */
    BSAM_LOOK = 4 << 20,       /* bytes between two looks after the heap: those of blocks, and */
    BSAM_FREED = 64,           /*   so many for each free */
    BSAM_HUGE = (1 << 20) + 1, /* requests from here on get a mapping of their own, */
    BSAM_GROWN = 256 * 1024,   /*   at first also what realloc makes larger from here on */
    BSAM_OBJECT_MOST = 7168,   /* no table has a larger size class */
    BSAM_CPUS_DEFAULT = 256,   /* CPU ids, the shared one included */
    BSAM_PAGE = 4096           /* the heap's; the system's may be larger */
};

/* What a thread is doing here. */
enum bsam_inside {
    BSAM_OUTSIDE,
    BSAM_IN_HEAP, /* it may be changing the heap: a quiescent state waits for it */
    BSAM_AT_DOOR  /* it is not, or it holds the mutex that says so */
};

/* A thread's own; zero at its start but for cpu. Written by the thread and its signal handlers. */
struct bsam_thread {
    bsa_cpu *cpu;    /* whose door is the way in: own, or bsam_nobody's, which is shut */
    bsa_cpu *own;    /* the CPU that it has to itself, or NULL */
    unsigned id;     /* of the CPU, 0 while it shares that */
    uint32_t inside; /* enum bsam_inside, of a thread without a CPU to itself */
    void *deferred;  /* frees by signal handlers that found it inside: a list through the objects */
    const char *what;  /* misuse that the heap has just found, in words, or NULL, */
    const void *where; /*   and the address that it is about */
    ptrdiff_t left;    /* bytes until the heap is looked after; see BSAM_LOOK */
    bool ended;        /* its CPU id has been returned for good */
    bool stopped;      /* it has stopped all others, to fork */
};
extern __thread struct bsam_thread bsam_self __attribute__((tls_model("initial-exec")));

/* What the environment says, read once when the heap is made. */
struct bsam_config {
    size_t region; /* bytes of the first region */
    unsigned cpus; /* ids, the shared one included */
    enum bsa_class_set classes;
    bool stats; /* print figures at exit */
};
void bsam_config_read(struct bsam_config *config);
/* The size classes, of which there is room for BSA_MAX_CLASSES: how many. */
unsigned bsam_config_classes(const struct bsam_config *config, unsigned *sizes);

/* say.c: a line, in one write. */
struct bsam_line {
    size_t used;
    char text[512];
};
void bsam_put(struct bsam_line *line, const char *text);
void bsam_put_hex(struct bsam_line *line, uintptr_t number);
void bsam_put_number(struct bsam_line *line, size_t number);
void bsam_say(int file, struct bsam_line *line);
/* Says what is wrong with an address, and ends the program. The thread must not be inside. caller
 * NULL: nobody knows. */
_Noreturn void bsam_misuse(const char *function, const void *p, const char *what,
                           const void *caller);

/* thread.c */

/*
 * Enters the heap by the slow path, whatever stands in the way: makes the heap, takes a CPU id,
 * waits for a quiescent state to end. The CPU to use until bsam_leave, or NULL when there is no
 * memory for a heap. The thread must not be inside.
 */
bsa_cpu *bsam_enter(void);
/* Also says what the heap has found to have been freed twice, earlier and maybe by others. */
void bsam_leave(void);
/* That alone. */
_Noreturn void bsam_tell(void);

/* Stops every other thread at the door; until bsam_resume this one may touch every CPU's state.
 * False when there is no heap or the thread is inside: then nothing was stopped. */
bool bsam_quiesce(void);
void bsam_resume(void);
/* Sends home what all CPUs hold back. All others are stopped. */
void bsam_drain_all(void);
/* In a forked child, whose only thread this is: what the others' CPUs hold goes home, and their ids
 * are free. */
void bsam_forget_others(void);

/* Threads that have a CPU to themselves; 1 at least. */
size_t bsam_threads(void);

/* A free that has to wait until the thread that was interrupted is outside again. */
void bsam_defer(struct bsam_thread *t, void *p);

/* The heap, NULL before the first allocation. */
extern bsa_heap *bsam_heap;

/* info.c: the heap has been made. */
void bsam_started(const struct bsam_config *config);

/* heap.c: the caller is inside, or nobody else is there yet. */

/* Makes the heap; hooks as thread.c wants them. */
bool bsam_heap_make(const struct bsam_config *config, const struct bsa_platform *platform);
/* More memory for a request that found none, when the heap had `seen` regions. False: none. */
bool bsam_heap_grow(size_t bytes, size_t align, size_t seen);
/* The whole of an allocation: from the CPU, growing the heap if need be. NULL: no memory. */
void *bsam_take(bsa_cpu *cpu, size_t size, size_t align, bool zero);
/* The whole of a free, of whatever is ours but the emergency store's. */
enum bsa_status bsam_give(bsa_cpu *cpu, void *p);

/* Gives dirty free pages back to the system, if it is time and there are many of them. */
void bsam_heap_tidy(struct bsam_thread *t);
/* Counts so many bytes: true when it is time. */
static BSAM_ALWAYS_INLINE bool bsam_heap_pace(struct bsam_thread *t, size_t bytes)
{
    return BSAM_UNLIKELY((t->left -= (ptrdiff_t)bytes) < 0);
}
/* All free pages back to the system: how many bytes. */
size_t bsam_heap_release(size_t least);

/* huge.c: mappings of their own. */

/* What realloc makes larger gets one from so many bytes on. */
size_t bsam_grown_from(void);
/* NULL: none. Of its bytes the first *dirty may not be zero. */
void *bsam_huge_take(size_t size, size_t align, size_t *dirty);
/* What is live there and what is kept may have so many bytes together, or as many as are live. */
void bsam_huge_ration(size_t bytes);
/* Gives back what is kept, and waits for other threads that do: how much; 0: there was nothing. */
size_t bsam_huge_drop(void);
/* BSA_OK, or BSA_ERR_NOT_FOUND when p is not the start of one. */
enum bsa_status bsam_huge_give(void *p);
/* Bytes of the one that starts at p, 0 when there is none. Takes no lock. */
size_t bsam_huge_size(const void *p);
/* Another size, maybe at another address; NULL: no memory, and p stays as it is. */
void *bsam_huge_resize(void *p, size_t size);
/* True when p lies inside of one. */
bool bsam_huge_inside(const void *p);
/* The most bytes of them at one time since this was asked last. */
size_t bsam_huge_most(void);
void bsam_huge_count(size_t *count, size_t *bytes);

/* kept.c: mappings that are free. For huge.c, whose mutex the caller holds. */

/* True when it is kept. */
bool bsam_kept_put(void *p, size_t bytes);
/* One of so many bytes, or of *had, which is less; NULL: none. */
void *bsam_kept_take(size_t bytes, size_t align, size_t *had);
/* The bytes from p on; false: they are not kept. */
bool bsam_kept_extend(void *p, size_t bytes);
/* Something of what is to go, so that no more than so many bytes stay: how many at *p; 0: nothing.
 */
size_t bsam_kept_cut(size_t most, void **p);
/* There is. */
bool bsam_kept_exceeds(size_t most);
size_t bsam_kept_bytes(void);

/* emergency.c: for signal handlers that interrupted a call; no locks. */
void *bsam_emergency_take(size_t size, size_t align);
bool bsam_emergency_owns(const void *p);
size_t bsam_emergency_size(const void *p);
/* Status as bsa_heap_free. */
enum bsa_status bsam_emergency_give(void *p);

/* Bytes that may be used at p, wherever it is from; 0 when it is not live. Takes no lock. By way of
 * bsam_usable of fast.h. */
size_t bsam_usable_other(const void *p);

static inline size_t bsam_align_for(size_t size)
{
    return size < BSAM_ALIGN ? 8 : BSAM_ALIGN;
}

#endif
