/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A column of numbers in a chunk. Packed: four bits for each number that tell how many bytes it
 * has, two numbers to a byte, then all the bytes. A decoder needs no branch for a number, and the
 * lengths stand where zstd finds what they repeat. Constant: the number itself, once. Steps: packed
 * differences, without as many of their lowest bits as are 0 in all of them.
 */
#ifndef BSA_CLI_TRACE_NUMBERS_H
#define BSA_CLI_TRACE_NUMBERS_H

#include <glib.h>

enum trace_encoding {
    TRACE_CONSTANT = 0, /* 8 bytes */
    TRACE_PACKED = 1,
    TRACE_STEPS = 2 /* a byte: how many bits, then as TRACE_PACKED */
};

/* Bytes that can be read behind a column without harm. */
#define TRACE_NUMBERS_SLACK 8u

/* A column that is being read; all zero: one of zeros, without end. */
struct trace_numbers {
    const guint8 *lengths; /* NULL: constant */
    const guint8 *bytes;
    guint64 constant;
    guint shift;   /* steps: how many bits are left out */
    guint32 count; /* packed: how many there are */
    guint32 next;
};

/* Bytes that may be written for so many numbers. */
gsize trace_numbers_bound(guint32 count);
/* How many bytes the column has; what is told of it goes to *encoding. */
gsize trace_numbers_pack(guint8 *to, const guint64 *values, guint32 count,
                         enum trace_encoding *encoding);

/* The same of steps. */
gsize trace_numbers_pack_steps(guint8 *to, const guint64 *values, guint32 count,
                               enum trace_encoding *encoding);

/* A difference, modulo 2^64, as a number that is small whether it is up or down; and back. */
static inline guint64 trace_numbers_step(guint64 difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static inline guint64 trace_numbers_difference(guint64 step)
{
    return step >> 1 ^ (0 - (step & 1));
}

/* FALSE: these bytes are no such column. TRACE_NUMBERS_SLACK bytes can be read behind them. */
gboolean trace_numbers_open(struct trace_numbers *numbers, guint encoding, guint32 count,
                            const guint8 *bytes, gsize length);

/* How many there are still; of a constant any number. */
static inline guint32 trace_numbers_left(const struct trace_numbers *numbers)
{
    return numbers->lengths == NULL ? G_MAXUINT32 : numbers->count - numbers->next;
}

/* The next ones. FALSE: there are not so many. */
gboolean trace_numbers_take(struct trace_numbers *numbers, guint64 *values, guint32 count);

#endif
