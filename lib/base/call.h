/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of the library: what it carries from entry to exit.
 *
 * Hooks run at the edges only: enter and leave bracket the part of a call that holds locks or a
 * CPU's private state, and the fault hook is called after it, with everything consistent. Functions
 * below the edge return a status and say in call->what what was wrong.
 */
#ifndef BSAI_CALL_H
#define BSAI_CALL_H

#include <buddyslab/platform.h>
#include <buddyslab/types.h>

#include "config.h"

struct bsai_call {
    const struct bsa_platform *platform;
    struct bsa_cpu *cpu; /* the heap's CPU that it owns, or owned last */
    uintptr_t state;     /* what enter returned */
    const char *what;    /* misuse in words, or NULL; */
    enum bsa_status status;
    const void *addr; /*   its status, and the address it is about */
    bool by_hook;     /* the hook has named the CPU */
    bool unlocked;    /* locks are not taken: one call at a time, by the caller's word */
#if BSA_CHECKS >= 1
    unsigned held; /* ranks of the locks held, a bit each */
#endif
};

static inline void bsai_call_begin(struct bsai_call *call, const struct bsa_platform *platform)
{
    call->platform = platform;
    call->cpu = NULL;
    call->by_hook = false;
    call->what = NULL;
    call->status = BSA_OK;
    call->addr = NULL;
    call->state = 0;
    call->unlocked = false;
#if BSA_CHECKS >= 1
    call->held = 0;
#endif
}

/* The hooks enter, leave and cpu_id, or the macros in their place (base/config.h). */

static BSAI_ALWAYS_INLINE uintptr_t bsai_platform_enter(const struct bsa_platform *platform)
{
    (void)platform; /* a macro need not look at what it is given */
#ifdef BSA_ENTER
    return BSA_ENTER(platform->ctx);
#else
    return platform->enter != NULL ? platform->enter(platform->ctx) : 0;
#endif
}

static BSAI_ALWAYS_INLINE void bsai_platform_leave(const struct bsa_platform *platform,
                                                   uintptr_t state)
{
    (void)platform;
#ifdef BSA_LEAVE
    BSA_LEAVE(platform->ctx, state);
#else
    if (platform->leave != NULL)
        platform->leave(platform->ctx, state);
#endif
}

static inline bool bsai_platform_brackets(const struct bsa_platform *platform)
{
#ifdef BSA_ENTER
    (void)platform;
    return true;
#else
    return platform->enter != NULL || platform->leave != NULL;
#endif
}

static BSAI_ALWAYS_INLINE unsigned bsai_platform_cpu(const struct bsa_platform *platform)
{
    (void)platform;
#ifdef BSA_CPU_ID
    return BSA_CPU_ID(platform->ctx);
#else
    return platform->cpu_id != NULL ? platform->cpu_id(platform->ctx) : 0;
#endif
}

static inline void bsai_enter(struct bsai_call *call)
{
    call->state = bsai_platform_enter(call->platform);
}

static inline void bsai_leave(struct bsai_call *call)
{
#if BSA_CHECKS >= 1
    bsai_assert(call->held == 0);
#endif
    bsai_platform_leave(call->platform, call->state);
}

/* Notes a misuse for the fault hook and returns the status. */
static inline enum bsa_status bsai_misuse(struct bsai_call *call, enum bsa_status status,
                                          const void *addr, const char *what)
{
    call->what = what;
    call->status = status;
    call->addr = addr;
    return status;
}

/* The last step of a public function, after bsai_leave. */
static inline enum bsa_status bsai_call_end(struct bsai_call *call, enum bsa_status status)
{
    if (BSAI_UNLIKELY(call->what != NULL) && call->platform->fault != NULL)
        call->platform->fault(call->platform->ctx, call->status, call->addr, call->what);
    return status;
}

/* Copies a config or platform struct of the caller's size into one of ours: a shorter one leaves
 * zeros, a longer one must have a zero tail. False when it is malformed. Defined in base/status.c,
 * as what follows.
 */
bool bsai_copy_sized(void *to, size_t to_size, const void *from, size_t from_size);

/* The same of the hooks, of which there are none where platform is NULL. */
bool bsai_read_platform(struct bsa_platform *to, const struct bsa_platform *platform);

/* Of a configuration: 0 becomes the default; false when it is no size that pages may have. */
bool bsai_read_page_size(size_t *page_size);

void bsai_log(const struct bsa_platform *platform, enum bsa_log_level level, const char *message);

#endif
