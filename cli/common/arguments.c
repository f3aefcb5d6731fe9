/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <string.h>

/* Where the suffix of a size lies among the powers of 1024, or -1. */
static int suffix_power(const char *suffix)
{
    static const char letters[] = "KMGT";
    if (suffix[0] == '\0')
        return 0;
    const char *at = strchr(letters, g_ascii_toupper(suffix[0]));
    if (at == NULL)
        return -1;
    const char *rest = suffix + 1;
    if (rest[0] != '\0' && g_ascii_strcasecmp(rest, "B") != 0 &&
        g_ascii_strcasecmp(rest, "iB") != 0)
        return -1;
    return (int)(at - letters) + 1;
}

/* Powers of two have short texts. */
static gboolean out_of_range(const char *text, guint64 most, GError **error)
{
    static const char *const units[] = {"", "K", "M", "G", "T"};
    guint power = 0;
    while (power + 1 < G_N_ELEMENTS(units) && most >> (10 * (power + 1)) != 0)
        power++;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "a size of '%s' is out of range; give more than 0 and at most %" G_GUINT64_FORMAT
                "%s",
                text, most >> (10 * power), units[power]);
    return FALSE;
}

gboolean parse_size(const char *text, guint64 most, guint64 *bytes, GError **error)
{
    char *end = NULL;
    int power = -1;
    guint64 value = 0;
    if (g_ascii_isdigit(text[0])) {
        value = g_ascii_strtoull(text, &end, 10);
        power = suffix_power(end);
    }
    if (power < 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "'%s' is not a size; give a whole number with an optional K, M, G or T, as 64M",
                    text);
        return FALSE;
    }
    guint64 unit = G_GUINT64_CONSTANT(1) << (10 * power);
    if (value == 0 || value > most / unit)
        return out_of_range(text, most, error);
    *bytes = value * unit;
    return TRUE;
}

gboolean parse_bytes(const char *option, const char *text, guint64 most, guint64 *bytes,
                     GError **error)
{
    if (text == NULL || parse_size(text, most, bytes, error))
        return TRUE;
    g_prefix_error(error, "--%s: ", option);
    return FALSE;
}

gboolean parse_word(const char *option, const char *text, const char *const *names, guint count,
                    guint *index, GError **error)
{
    if (text == NULL)
        return TRUE;
    GString *list = g_string_new(NULL);
    for (guint i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *index = i;
            g_string_free(list, TRUE);
            return TRUE;
        }
        g_string_append_printf(list, "%s%s",
                               i == 0           ? ""
                               : i + 1 == count ? " or "
                                                : ", ",
                               names[i]);
    }
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s=%s is unknown; give %s",
                option, text, list->str);
    g_string_free(list, TRUE);
    return FALSE;
}

gboolean parse_count(const char *option, const char *text, guint64 low, guint64 high, guint *value,
                     GError **error)
{
    guint64 number;
    if (text == NULL)
        return TRUE;
    if (!g_ascii_string_to_unsigned(text, 10, low, high, &number, NULL)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--%s=%s: give a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                    option, text, low, high);
        return FALSE;
    }
    *value = (guint)number;
    return TRUE;
}

/* Nanoseconds of one of what follows the number, 0 where that is no unit of time. */
static guint64 unit_ns(const char *suffix)
{
    static const struct {
        const char *suffix;
        guint64 ns;
    } units[] = {{"", 1000000000}, {"s", 1000000000},    {"ms", 1000000},     {"us", 1000},
                 {"ns", 1},        {"min", 60000000000}, {"h", 3600000000000}};
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        if (strcmp(suffix, units[i].suffix) == 0)
            return units[i].ns;
    }
    return 0;
}

gboolean parse_time(const char *option, const char *text, guint64 *ns, GError **error)
{
    guint64 unit = 0, whole = 0, part = 0, scale = 1;
    const char *at = text;
    gboolean fits = TRUE, digits = FALSE;
    if (text == NULL)
        return TRUE;
    for (; g_ascii_isdigit(*at); at++, digits = TRUE)
        fits = fits && g_uint64_checked_mul(&whole, whole, 10) &&
               g_uint64_checked_add(&whole, whole, (guint64)(*at - '0'));
    if (*at == '.') {
        for (at++; g_ascii_isdigit(*at); at++, digits = TRUE) {
            if (scale < 1000000000) { /* what is less than a billionth of a unit is dropped */
                scale *= 10;
                part = part * 10 + (guint64)(*at - '0');
            }
        }
    }
    unit = digits ? unit_ns(at) : 0;
    guint64 rest = (guint64)((double)part * ((double)unit / (double)scale) + 0.5);
    if (unit == 0 || !fits || !g_uint64_checked_mul(&whole, whole, unit) ||
        !g_uint64_checked_add(ns, whole, rest)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--%s=%s is not a time; give a number with an optional s, ms, us, ns, min or h",
                    option, text);
        return FALSE;
    }
    return TRUE;
}

gboolean parse_traces(char **traces, GError **error)
{
    if (traces == NULL || !g_strv_contains((const char *const *)traces, ""))
        return TRUE;
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "the name of the trace is empty; name a file, or - for standard input");
    return FALSE;
}

gboolean parse_page_size(const char *text, guint *page_size, GError **error)
{
    guint64 bytes;
    if (text == NULL)
        return TRUE;
    if (!parse_size(text, 65536, &bytes, NULL) || bytes < 1024 || (bytes & (bytes - 1)) != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--page-size=%s: give a power of two from 1K to 64K", text);
        return FALSE;
    }
    *page_size = (guint)bytes;
    return TRUE;
}

gboolean parse_formats(const char *text, guint *formats, GError **error)
{
    static const struct {
        const char *name;
        enum picture_format format;
    } known[] = {{"png", PICTURE_PNG}, {"svg", PICTURE_SVG}};
    guint found = 0;
    if (text == NULL)
        return TRUE;
    char **words = g_strsplit(text, ",", -1);
    gboolean ok = words[0] != NULL;
    for (guint i = 0; words[i] != NULL; i++) {
        guint before = found;
        for (guint k = 0; k < G_N_ELEMENTS(known); k++)
            found |= strcmp(words[i], known[k].name) == 0 ? (guint)known[k].format : 0u;
        ok = ok && found != before;
    }
    g_strfreev(words);
    if (!ok)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--format=%s: give png, svg or png,svg", text);
    else
        *formats = found;
    return ok;
}

gboolean parse_terminal(const char *text, gboolean *dumb, GError **error)
{
    if (text == NULL)
        return TRUE;
    if (strcmp(text, "dumb") != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--term=%s is unknown; give dumb, which draws with characters", text);
        return FALSE;
    }
    *dumb = TRUE;
    return TRUE;
}
