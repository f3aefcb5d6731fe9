/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time and CPU of a record: the processor's own counter where the kernel trusts it to tell the time
 * (10 ns, the CPU's number included), else CLOCK_MONOTONIC (40 ns and more).
 */
#ifndef BSA_CLI_RECORD_TARGET_CLOCK_H
#define BSA_CLI_RECORD_TARGET_CLOCK_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <sys/single_threaded.h>

#if __GLIBC_PREREQ(2, 35) && __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define BSAR_RSEQ 1
#endif

extern bool bsar_counter __attribute__((visibility("hidden"))); /* the processor's own */

/* Before the first record. */
void bsar_clock_choose(void);
const char *bsar_clock_name(void);
/* One moment on both clocks. */
void bsar_clock_pair(uint64_t *ticks, uint64_t *ns);

/* The kernel writes it into the thread's own area whenever the thread comes to another one. */
static inline uint16_t bsar_cpu(void)
{
#ifdef BSAR_RSEQ
    const struct rseq *area =
        (const struct rseq *)((const char *)__builtin_thread_pointer() + __rseq_offset);
    int32_t known = (int32_t)__atomic_load_n(&area->cpu_id, __ATOMIC_RELAXED);
    if (__builtin_expect(known >= 0, 1))
        return (uint16_t)known;
#endif
    int number = sched_getcpu();
    return (uint16_t)(number < 0 ? 0 : number);
}

static inline uint64_t bsar_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Not before what came before it in the program: rdtscp waits for that, as clock_gettime does. */
static inline uint64_t bsar_ticks(uint16_t *cpu)
{
#ifdef __x86_64__
    if (bsar_counter) {
        uint32_t low, high, node_and_cpu;
        if (__libc_single_threaded) {
            __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
            *cpu = bsar_cpu();
            return (uint64_t)high << 32 | low;
        }
        __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(node_and_cpu) : : "memory");
        *cpu = (uint16_t)(node_and_cpu & 0xfff); /* as the kernel sets it */
        return (uint64_t)high << 32 | low;
    }
#endif
    *cpu = bsar_cpu();
    return bsar_monotonic_ns();
}

#endif
