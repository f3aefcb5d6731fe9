/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

/* Pairs whose two readings of the counter lie closer than this are good at once. */
#define CLOSE_TICKS 1000u
#define PAIR_ATTEMPTS 8

bool bsar_counter;

#ifdef __x86_64__
/* The kernel has looked whether the counter runs evenly and alike on all CPUs. */
static bool kernel_trusts_counter(void)
{
    static const char path[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    char name[16] = "";
    long file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    long got = syscall(SYS_read, file, name, sizeof(name) - 1);
    syscall(SYS_close, file);
    return got == 4 && memcmp(name, "tsc\n", 4) == 0;
}

static bool has_rdtscp(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000001u, &a, &b, &c, &d) != 0 && (d & (1u << 27)) != 0;
}
#endif

void bsar_clock_choose(void)
{
#ifdef __x86_64__
    bsar_counter = kernel_trusts_counter() && has_rdtscp();
#endif
}

const char *bsar_clock_name(void)
{
    return bsar_counter ? "tsc" : "monotonic";
}

void bsar_clock_pair(uint64_t *ticks, uint64_t *ns)
{
    uint64_t best = UINT64_MAX;
    uint16_t cpu;
    for (int i = 0; i < PAIR_ATTEMPTS && best > CLOSE_TICKS; i++) {
        uint64_t before = bsar_ticks(&cpu);
        uint64_t now = bsar_monotonic_ns();
        uint64_t apart = bsar_ticks(&cpu) - before;
        if (apart >= best)
            continue;
        best = apart;
        *ticks = bsar_counter ? before + apart / 2 : now;
        *ns = now;
    }
}
