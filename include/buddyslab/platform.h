/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library asks of the machine it runs on.
 *
 * Every hook may be NULL; ctx is handed to each. The struct is copied at init.
 * Compile-time needs (how to pause a spinning CPU, what to do when an internal invariant is broken)
 * are macros of lib/base/config.h, which -DBSA_PLATFORM_HEADER=\"my_platform.h\" overrides; there
 * may also be macros that take the place of cpu_id, enter and leave.
 */
#ifndef BUDDYSLAB_PLATFORM_H
#define BUDDYSLAB_PLATFORM_H

#include <buddyslab/types.h>

enum bsa_log_level { BSA_LOG_ERROR, BSA_LOG_WARNING, BSA_LOG_INFO };

struct bsa_platform {
    size_t size;
    void *ctx;

    /* The caller's CPU, below the configured number of CPUs. Asked inside enter/leave, and once per
     * operation; again, after another enter, where somebody else has the lock of that CPU's state,
     * or where an operation that is short of memory has left them for run_on_cpu. NULL: always 0.
     */
    unsigned (*cpu_id)(void *ctx);

    /* Physical address of a mapped virtual one. Must be virtual plus a constant within a region;
     * verified when the region is added. NULL: identity. */
    uint64_t (*virt_to_phys)(void *ctx, const void *addr);

    /* Bracket every section that holds a lock or owns a CPU's private state: a kernel disables
     * interrupts or preemption in enter and restores in leave what enter returned. Pairs never nest
     * within one call of the library. NULL: nothing. */
    uintptr_t (*enter)(void *ctx);
    void (*leave)(void *ctx, uintptr_t state);

    /* Misuse was found: status and address, and what is wrong in words. Called with no lock held,
     * outside enter/leave and with all state consistent; may not return (longjmp, panic); may not
     * call the allocator that reports. NULL: only the status tells. */
    void (*fault)(void *ctx, enum bsa_status status, const void *addr, const char *what);

    /* Something that an operator wants to know: a region was added or removed, or what a validation
     * found. level: enum bsa_log_level. No lock held. NULL: silence. */
    void (*log)(void *ctx, int level, const char *message);

    /* Exclusive mode: run fn(arg) on another CPU, in a context that owns that CPU's id, and return
     * when it has run; 0 on success. Used by drain and reclaim. NULL: a request is posted instead,
     * which the CPU sees at its next slow path. */
    int (*run_on_cpu)(void *ctx, unsigned cpu, void (*fn)(void *arg), void *arg);

    /* A lock has been spun on for a while: yield, if there is something to yield to. NULL: spin. */
    void (*relax)(void *ctx);

    /* Identity of the running context (thread, interrupt level), never 0. Used only where checks
     * are compiled in, to tell re-entry (an error) from contention. NULL: re-entry shows as a lock
     * that is never released, and is reported after a bounded spin. */
    uintptr_t (*context_id)(void *ctx);

    /* A region was removed and can no longer be found: return when every call on this allocator has
     * ended that is in progress in another context (a kernel: synchronize_rcu, if enter disables
     * preemption). Called with no lock held, outside enter/leave. NULL: the caller's word that no
     * such call was given an address in that region, which would be a mistake. */
    void (*quiesce)(void *ctx);
};

#define BSA_PLATFORM_INIT                                                                          \
    {                                                                                              \
        .size = sizeof(struct bsa_platform)                                                        \
    }

#endif
