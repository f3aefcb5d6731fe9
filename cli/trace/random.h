/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that look random and are the same for the same seed, on every machine. */
#ifndef BSA_CLI_TRACE_RANDOM_H
#define BSA_CLI_TRACE_RANDOM_H

#include <glib.h>

/* Sebastiano Vigna's splitmix64: any seed will do. */
static inline guint64 trace_random(guint64 *state)
{
    guint64 z = *state += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* From 0 to below - 1; below is far from 2^64, so that the remainder is as good as even. */
static inline guint64 trace_random_below(guint64 *state, guint64 below)
{
    return trace_random(state) % below;
}

#endif
