/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder inside its target: what its parts share.
 *
 *     calls.c      the functions of malloc that a target calls; each calls the real one
 *     operators.c  C++'s new and delete
 *     real.c       where the real ones are, and memory until they are found
 *     live.c       which objects are recorded, where small ones are not
 *     records.h    an event becomes a record of its thread
 *     buffer.c     threads' records, and how they become a chunk of the file
 *     file.c       the file, and the end of the recording when it cannot be written
 *     process.c    a process begins, forks and ends; exec.c: it runs another program
 *     jump.c       a signal handler leaves what it interrupted
 *     config.c     the environment; clock.h time and CPU
 *
 * Records. A thread writes into a buffer of its own, 16 bytes for an event, without a lock or a
 * system call; a full buffer becomes a chunk, by one write. What a thread knows of itself is in
 * bsar_self. A signal handler that interrupts it in the middle of a record writes behind that, and
 * the interrupted one starts again (records.h).
 *
 * Order. A free is recorded before the real call and an allocation after it. So a thread that is
 * handed what another one freed has the later time, whatever happens between.
 *
 * Slow path. Whatever needs the system runs with all signals blocked, and under bsar_lock where it
 * concerns the file or other threads' buffers. No function is called that may allocate or that is a
 * point of cancellation: system calls go through syscall().
 *
 * Fork. bsar_mode lies in a page that the kernel clears in a child: it finds itself in a new
 * process at its first event, however it was made, and begins a file of its own. A child of vfork
 * shares its parent's memory, and what it does is its parent's.
 *
 * Nothing here calls malloc, stdio, or a function of the C library that might.
 */
#ifndef BSA_CLI_RECORD_TARGET_INTERNAL_H
#define BSA_CLI_RECORD_TARGET_INTERNAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../trace/event.h"
#include "../../trace/format.h"
#include "../environment.h"

#define BSAR_LIKELY(x) __builtin_expect(!!(x), 1)
#define BSAR_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define BSAR_COLD __attribute__((cold, noinline))
#define BSAR_HOT __attribute__((always_inline)) /* in each of the target's calls */
#define BSAR_EXPORT __attribute__((visibility("default")))

/* No name of ours is looked up in a table. */
#pragma GCC visibility push(hidden)

/* config.c: what the environment says; read once in the life of a program. */
struct bsar_config {
    char stem[3072], suffix[64], session[64];
    char program[64];    /* its file's name, as it may stand in a file's name */
    uint64_t until_ns;   /* 0: no end */
    uint64_t max_events; /* UINT64_MAX: no limit */
    bool follow;         /* processes that this one forks, and programs that it runs */
    bool quiet;          /* nothing is said but errors */
};
extern struct bsar_config bsar_config;
extern size_t bsar_min_size; /* in reach of the hot path */
/* False: nothing is to be recorded here. */
bool bsar_config_read(void);

/* process.c */
enum bsar_mode {
    BSAR_NEW = 0,   /* nothing is known of this process: it has just started, or was forked */
    BSAR_RECORDING, /* a record goes into the buffer */
    BSAR_LIMITED,   /* each one is counted, or its time looked at, first */
    BSAR_ENDING,    /* and to the file at once: there may be no other occasion */
    BSAR_OFF,       /* nothing is recorded, or no longer */
    BSAR_ENOUGH,    /* the same, as a limit was reached */
    BSAR_FAILED     /* the same, and what is not recorded is counted as lost */
};
extern union bsar_page bsar_page;
union bsar_page {
    uint32_t mode; /* enum bsar_mode */
    char bytes[4096];
};

static inline uint32_t bsar_mode(void)
{
    return __atomic_load_n(&bsar_page.mode, __ATOMIC_RELAXED);
}

static inline void bsar_set_mode(enum bsar_mode mode)
{
    __atomic_store_n(&bsar_page.mode, (uint32_t)mode, __ATOMIC_RELEASE);
}

/* Signals are blocked and errno is kept in between; whatever the target calls is not recorded. */
struct bsar_pause {
    sigset_t signals;
    int error;
    bool inside;
};
void bsar_enter(struct bsar_pause *pause);
void bsar_leave(const struct bsar_pause *pause);
/* This process may end now: the file has everything, and says so. */
void bsar_save_for_good(void);
/* It has not ended: the file says no more that it has everything. */
void bsar_go_on(void);
/* The mode, with a process that is new begun. Between enter and leave. */
uint32_t bsar_begin(void);

/* A lock that sleeps; between enter and leave, so that nobody meets itself. */
void bsar_lock(void);
void bsar_unlock(void);

/* buffer.c */
struct bsar_buffer;
struct bsar_self {
    struct bsar_buffer *buffer; /* NULL: none yet */
    bool inside;                /* a call that comes now is the recorder's or the allocator's own */
    bool ended;                 /* its last destructor has run */
};
extern __thread struct bsar_self bsar_self __attribute__((tls_model("initial-exec")));

/* Events of this process that are in no file and in no buffer. */
extern uint64_t bsar_lost;
/* The records of all threads go to the file; the lock is free. */
void bsar_save_all(void);
/* How many events are in no file yet. The lock is held. */
uint64_t bsar_unsaved(void);
/* In a new process: all buffers are free, but the calling thread's own, and empty. */
void bsar_forget_records(void);
void bsar_watch_thread_ends(void);

/* file.c */

/* What a chunk's header has besides type, size and thread: a moment of the clock, the checksum. */
void bsar_chunk_seal(struct trace_chunk_header *header, const void *stored);

/* The lock is held for all that follow. */
enum { BSAR_META_ROOM = 65536 };
/* One chunk; begins the file when there is none. False: the recording has ended. */
bool bsar_file_write(const struct trace_chunk_header *header, const struct trace_short *records);
/* Begins it, so that a process without events has one. */
void bsar_file_begin(void);
/* The parent's is not ours. */
void bsar_file_forget(void);
/* What is saved, but for so many events that are lost. May be said again. */
void bsar_file_end(enum record_end end, uint64_t lost);
/* To standard error, if that is what it was when the program began. */
void bsar_say(const char *text, size_t length);
/* Remembers what standard error is, so that a message does not go into another file. */
void bsar_file_find_stderr(void);

/* real.c */
struct bsar_real {
    void *(*malloc)(size_t size);
    void (*free)(void *p);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *p, size_t size);
    void *(*memalign)(size_t align, size_t size);
    void *(*aligned_alloc)(size_t align, size_t size);
    int (*posix_memalign)(void **p, size_t align, size_t size);
    void *(*valloc)(size_t size);
    void *(*pvalloc)(size_t size);
    size_t (*malloc_usable_size)(void *p);
    void (*exit_now)(int status);
    void (*longjmp)(void *place, int value);
    int (*execve)(const char *path, char *const *argv, char *const *envp);
    int (*execv)(const char *path, char *const *argv);
    int (*execvp)(const char *file, char *const *argv);
    int (*execvpe)(const char *file, char *const *argv, char *const *envp);
    int (*fexecve)(int fd, char *const *argv, char *const *envp);
    int (*execveat)(int directory, const char *path, char *const *argv, char *const *envp,
                    int flags);
    int (*daemon)(int stay, int keep);
};
extern struct bsar_real bsar_real;
/* Finds them, unless that is going on: then they serve from a store of their own. */
void bsar_find_real(void);
void bsar_tell_rival(void);

#define BSAR_STORE_BYTES 32768u
extern char bsar_store[BSAR_STORE_BYTES];
static inline bool bsar_in_store(const void *p)
{
    return (uintptr_t)p - (uintptr_t)bsar_store < BSAR_STORE_BYTES;
}
size_t bsar_store_size(const void *p); /* of an object in the store */

/* calls.c: what an allocation returned, to its caller, when it is recorded. */
void *bsar_allocated(enum trace_kind kind, void *p, size_t size, size_t align);

/* live.c: a set of addresses; true when it was in it. */
void bsar_live_add(const void *p);
bool bsar_live_remove(const void *p);

#pragma GCC visibility pop

#endif
