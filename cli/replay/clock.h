/* SPDX-License-Identifier: Apache-2.0 */
/* Time for the measured loop: nanoseconds, and the cheapest counter that the machine has. */
#ifndef BSA_CLI_REPLAY_CLOCK_H
#define BSA_CLI_REPLAY_CLOCK_H

#include <time.h>

#include <glib.h>

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

static inline gint64 replay_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (gint64)now.tv_sec * G_GINT64_CONSTANT(1000000000) + now.tv_nsec;
}

/* Counts at a steady rate, which is measured beside the calls; what comes before has ended. */
static inline guint64 replay_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
    unsigned processor;
    return __rdtscp(&processor);
#else
    return (guint64)replay_now_ns();
#endif
}

#endif
