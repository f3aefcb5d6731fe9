/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of a line of text: numbers and blanks, from text (the first byte) up to end (the one
 * behind the last), or backwards from stop down to start.
 */
#ifndef BSA_CLI_TRACE_SCAN_H
#define BSA_CLI_TRACE_SCAN_H

#include <string.h>

#include <glib.h>

static inline gboolean trace_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline gboolean trace_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline const char *trace_skip_blanks(const char *text, const char *end)
{
    while (text < end && trace_is_blank(*text)) {
        text++;
    }
    return text;
}

/* The end of the word that begins at text. */
static inline const char *trace_word_end(const char *text, const char *end)
{
    while (text < end && !trace_is_blank(*text)) {
        text++;
    }
    return text;
}

/* Where the digits begin that end at stop. */
static inline const char *trace_digits_back(const char *start, const char *stop)
{
    while (stop > start && trace_is_digit(stop[-1])) {
        stop--;
    }
    return stop;
}

static inline const char *trace_blanks_back(const char *start, const char *stop)
{
    while (stop > start && trace_is_blank(stop[-1])) {
        stop--;
    }
    return stop;
}

static inline gboolean trace_is_word(const char *text, const char *end, const char *word,
                                     gsize length)
{
    return (gsize)(end - text) == length && memcmp(text, word, length) == 0;
}

#define TRACE_IS(text, end, word) trace_is_word(text, end, word, sizeof word - 1)

static inline gboolean trace_begins(const char *text, const char *end, const char *word,
                                    gsize length)
{
    return (gsize)(end - text) >= length && memcmp(text, word, length) == 0;
}

#define TRACE_BEGINS(text, end, word) trace_begins(text, end, word, sizeof word - 1)

#define TRACE_WORDS_MAX 4u

struct trace_words {
    guint count; /* TRACE_WORDS_MAX + 1: there are more than are kept */
    const char *text[TRACE_WORDS_MAX];
    const char *end[TRACE_WORDS_MAX];
};

/* What lies between blanks. */
void trace_split(const char *text, const char *end, struct trace_words *words);

/* Nothing but digits of the base, of a value up to limit. */
gboolean trace_scan_digits(const char *text, const char *end, unsigned base, guint64 limit,
                           guint64 *value);

/* Decimal, hexadecimal after "0x", or negative (as the kernel prints "none"). */
gboolean trace_scan_number(const char *text, const char *end, guint64 *value);

/* Hexadecimal, with or without "0x"; or what printf makes of NULL. */
gboolean trace_scan_pointer(const char *text, const char *end, guint64 *value);

#endif
