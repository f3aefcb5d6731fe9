/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A platform header whose macros take the place of hooks: the kernel in kernel.c, which is a CPU
 * number and whether interrupts are masked.
 */
#ifndef FREESTANDING_KERNEL_H
#define FREESTANDING_KERNEL_H

struct kernel {
    unsigned cpu;
    unsigned masked;     /* 1 between enter and leave */
    unsigned long pairs; /* of enter and leave */
    unsigned long wrong; /* enter twice, or what has to be inside was outside */
};

extern struct kernel kernel;

static inline unsigned kernel_cpu_id(void)
{
    kernel.wrong += !kernel.masked;
    return kernel.cpu;
}

static inline unsigned long kernel_mask(void)
{
    kernel.wrong += kernel.masked;
    kernel.masked = 1;
    return 42;
}

static inline void kernel_unmask(unsigned long state)
{
    kernel.wrong += !kernel.masked || state != 42;
    kernel.masked = 0;
    kernel.pairs++;
}

#define BSA_CPU_ID(ctx) kernel_cpu_id()
#define BSA_ENTER(ctx) kernel_mask()
#define BSA_LEAVE(ctx, state) kernel_unmask(state)

#endif
