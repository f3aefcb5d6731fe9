/* SPDX-License-Identifier: Apache-2.0 */
#include "scan.h"

void trace_split(const char *text, const char *end, struct trace_words *words)
{
    words->count = 0;
    for (text = trace_skip_blanks(text, end); text < end && words->count <= TRACE_WORDS_MAX;
         text = trace_skip_blanks(text, end)) {
        const char *stop = trace_word_end(text, end);
        if (words->count < TRACE_WORDS_MAX) {
            words->text[words->count] = text;
            words->end[words->count] = stop;
        }
        words->count++;
        text = stop;
    }
}

static unsigned digit_of(char c)
{
    if (trace_is_digit(c)) {
        return (unsigned)(c - '0');
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : G_MAXUINT;
}

gboolean trace_scan_digits(const char *text, const char *end, unsigned base, guint64 limit,
                           guint64 *value)
{
    guint64 sum = 0;
    if (text == end) {
        return FALSE;
    }
    for (; text < end; text++) {
        unsigned digit = digit_of(*text);
        if (digit >= base || !g_uint64_checked_mul(&sum, sum, base) ||
            !g_uint64_checked_add(&sum, sum, digit) || sum > limit) {
            return FALSE;
        }
    }
    *value = sum;
    return TRUE;
}

gboolean trace_scan_number(const char *text, const char *end, guint64 *value)
{
    if (TRACE_BEGINS(text, end, "0x")) {
        return trace_scan_digits(text + 2, end, 16, G_MAXUINT64, value);
    }
    if (text < end && *text == '-') {
        gboolean good = trace_scan_digits(text + 1, end, 10, G_MAXUINT64, value);
        *value = 0 - *value;
        return good;
    }
    return trace_scan_digits(text, end, 10, G_MAXUINT64, value);
}

gboolean trace_scan_pointer(const char *text, const char *end, guint64 *value)
{
    if (TRACE_IS(text, end, "(nil)") || TRACE_IS(text, end, "(null)") ||
        TRACE_IS(text, end, "NULL")) {
        *value = 0;
        return TRUE;
    }
    if (TRACE_BEGINS(text, end, "0x")) {
        text += 2;
    }
    return trace_scan_digits(text, end, 16, G_MAXUINT64, value);
}
