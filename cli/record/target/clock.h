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

extern bool bsar_counter; /* the processor's own */

/* Before the first record. */
void bsar_clock_choose(void);
const char *bsar_clock_name(void);
/* One moment on both clocks. */
void bsar_clock_pair(uint64_t *ticks, uint64_t *ns);

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
            *cpu = (uint16_t)sched_getcpu();
            return (uint64_t)high << 32 | low;
        }
        __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(node_and_cpu) : : "memory");
        *cpu = (uint16_t)(node_and_cpu & 0xfff); /* as the kernel sets it */
        return (uint64_t)high << 32 | low;
    }
#endif
    int number = sched_getcpu();
    *cpu = (uint16_t)(number < 0 ? 0 : number);
    return bsar_monotonic_ns();
}

#endif
