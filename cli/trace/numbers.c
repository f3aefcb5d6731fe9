/* SPDX-License-Identifier: Apache-2.0 */
#include "numbers.h"

#include <string.h>

static const guint64 masks[16] = {
    0,
    G_GUINT64_CONSTANT(0xff),
    G_GUINT64_CONSTANT(0xffff),
    G_GUINT64_CONSTANT(0xffffff),
    G_GUINT64_CONSTANT(0xffffffff),
    G_GUINT64_CONSTANT(0xffffffffff),
    G_GUINT64_CONSTANT(0xffffffffffff),
    G_GUINT64_CONSTANT(0xffffffffffffff),
    G_MAXUINT64,
};

static guint length_of(guint64 value)
{
    return ((63 ^ (guint)__builtin_clzll(value | 1)) >> 3) + (value != 0);
}

/* Eight bytes, of which the next number overwrites what are not the value's. */
static guint8 *put_word(guint8 *to, guint64 value, guint length)
{
    guint64 little = GUINT64_TO_LE(value);
    memcpy(to, &little, sizeof little);
    return to + length;
}

gsize trace_numbers_bound(guint32 count)
{
    return 1 + ((gsize)count + 1) / 2 + sizeof(guint64) * ((gsize)count + 1);
}

/* All of them, without their lowest bits. */
static inline __attribute__((always_inline)) gsize pack(guint8 *to, const guint64 *values,
                                                        guint32 count, guint shift)
{
    guint8 *lengths = to, *bytes = to + ((gsize)count + 1) / 2;
    guint32 i = 0;
    for (; i + 1 < count; i += 2) {
        guint64 one = values[i] >> shift, other = values[i + 1] >> shift;
        guint first = length_of(one), second = length_of(other);
        *lengths++ = (guint8)(first | second << 4);
        bytes = put_word(bytes, one, first);
        bytes = put_word(bytes, other, second);
    }
    if (i < count) {
        guint last = length_of(values[i] >> shift);
        *lengths = (guint8)last;
        bytes = put_word(bytes, values[i] >> shift, last);
    }
    return (gsize)(bytes - to);
}

static gboolean all_alike(const guint64 *values, guint32 count)
{
    guint32 alike = 1;
    while (alike < count && values[alike] == values[0]) {
        alike++;
    }
    return alike >= count;
}

gsize trace_numbers_pack(guint8 *to, const guint64 *values, guint32 count,
                         enum trace_encoding *encoding)
{
    if (all_alike(values, count)) {
        *encoding = TRACE_CONSTANT;
        put_word(to, count > 0 ? values[0] : 0, 0);
        return sizeof(guint64);
    }
    *encoding = TRACE_PACKED;
    return pack(to, values, count, 0);
}

gsize trace_numbers_pack_steps(guint8 *to, const guint64 *values, guint32 count,
                               enum trace_encoding *encoding)
{
    guint64 bits = 0;
    for (guint32 i = 0; i < count; i++) {
        bits |= trace_numbers_difference(values[i]);
    }
    guint shift = bits != 0 ? (guint)__builtin_ctzll(bits) : 0;
    if (shift == 0 || all_alike(values, count)) {
        return trace_numbers_pack(to, values, count, encoding);
    }
    *encoding = TRACE_STEPS;
    to[0] = (guint8)shift;
    return 1 + pack(to + 1, values, count, shift);
}

#define EACH_BYTE G_GUINT64_CONSTANT(0x0101010101010101)

/* The sum of eight bytes. */
static guint64 sum_of(guint64 bytes)
{
    guint64 sums = (bytes & G_GUINT64_CONSTANT(0x00ff00ff00ff00ff)) +
                   (bytes >> 8 & G_GUINT64_CONSTANT(0x00ff00ff00ff00ff));
    return sums * G_GUINT64_CONSTANT(0x0001000100010001) >> 48;
}

/* Words of sixteen lengths whose sums, of two lengths to a byte, do not overflow. */
#define WORDS_SUMMED 15u

/* Each length is 8 at most and they are all the bytes there are: nothing to be checked later. */
static gboolean lengths_fit(const guint8 *lengths, guint32 count, gsize bytes)
{
    guint64 sum = 0, too_long = 0;
    gsize control = ((gsize)count + 1) / 2;
    for (gsize i = 0; i < control;) {
        guint64 sums = 0;
        for (gsize end = i + 8 * WORDS_SUMMED; i < end && i < control; i += 8) {
            guint64 word = 0;
            memcpy(&word, lengths + i, MIN(8, control - i));
            sums += (word & EACH_BYTE * 15) + (word >> 4 & EACH_BYTE * 15);
            too_long |= word & ((word & EACH_BYTE * 0x77) + EACH_BYTE * 0x77);
        }
        sum += sum_of(sums);
    }
    too_long &= EACH_BYTE * 0x88;
    return too_long == 0 && sum == bytes && (count % 2 == 0 || lengths[count / 2] >> 4 == 0);
}

gboolean trace_numbers_open(struct trace_numbers *numbers, guint encoding, guint32 count,
                            const guint8 *bytes, gsize length)
{
    gsize control = ((gsize)count + 1) / 2;
    *numbers = (struct trace_numbers){.count = count};
    if (encoding == TRACE_STEPS && length > 0 && bytes[0] > 0 && bytes[0] < 64) {
        numbers->shift = bytes[0];
        encoding = TRACE_PACKED;
        bytes++;
        length--;
    }
    if (encoding == TRACE_CONSTANT && length == 8) {
        memcpy(&numbers->constant, bytes, 8);
        numbers->constant = GUINT64_FROM_LE(numbers->constant);
        return TRUE;
    }
    if (encoding != TRACE_PACKED || length < control ||
        !lengths_fit(bytes, count, length - control)) {
        return FALSE;
    }
    numbers->lengths = bytes;
    numbers->bytes = bytes + control;
    return TRUE;
}

/* The lengths are checked: a number is eight bytes, whatever they are, and a mask. */
static guint64 unpack(const guint8 **bytes, guint length)
{
    guint64 value;
    memcpy(&value, *bytes, 8);
    *bytes += length;
    return GUINT64_FROM_LE(value) & masks[length];
}

/* The lowest bits are what the sign is. */
static void add_low_bits(guint64 *values, guint32 count, guint shift)
{
    guint64 low = ((guint64)1 << shift) - 1;
    for (guint32 i = 0; i < count; i++) {
        values[i] = values[i] << shift | (low & (0 - (values[i] & 1)));
    }
}

gboolean trace_numbers_take(struct trace_numbers *numbers, guint64 *values, guint32 count)
{
    if (numbers->lengths == NULL) {
        for (guint32 i = 0; i < count; i++) {
            values[i] = numbers->constant;
        }
        return TRUE;
    }
    if (count > numbers->count - numbers->next) {
        return FALSE;
    }
    const guint8 *lengths = numbers->lengths, *bytes = numbers->bytes;
    guint32 i = 0, at = numbers->next;
    if (at % 2 == 1 && count > 0) {
        values[i++] = unpack(&bytes, lengths[at++ / 2] >> 4);
    }
    for (; i + 3 < count; i += 4, at += 4) {
        guint four = lengths[at / 2] | (guint)lengths[at / 2 + 1] << 8;
        values[i] = unpack(&bytes, four & 15u);
        values[i + 1] = unpack(&bytes, four >> 4 & 15u);
        values[i + 2] = unpack(&bytes, four >> 8 & 15u);
        values[i + 3] = unpack(&bytes, four >> 12);
    }
    for (; i < count; i++, at++) {
        values[i] = unpack(&bytes, (guint)lengths[at / 2] >> at % 2 * 4 & 15u);
    }
    numbers->next = at;
    numbers->bytes = bytes;
    if (numbers->shift != 0) {
        add_low_bits(values, count, numbers->shift);
    }
    return TRUE;
}
