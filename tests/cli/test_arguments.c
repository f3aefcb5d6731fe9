/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options, from their texts. */
#include "common/arguments.h"

#include <string.h>

#include "../support.h"

static const struct {
    const char *text;
    guint64 bytes; /* 0: refused */
} sizes[] = {
    {"1", 1},
    {"4096", 4096},
    {"64K", 65536},
    {"64k", 65536},
    {"2M", 2 << 20},
    {"2MiB", 2 << 20},
    {"2MB", 2 << 20},
    {"3G", G_GUINT64_CONSTANT(3) << 30},
    {"128T", G_GUINT64_CONSTANT(128) << 40},
    {"", 0},
    {"0", 0},
    {"0K", 0},
    {"-1", 0},
    {" 1", 0},
    {"K", 0},
    {"1.5M", 0},
    {"1P", 0},
    {"1KK", 0},
    {"129T", 0},
    {"18446744073709551616", 0},
    {"17179869184G", 0}, /* 2^64 */
};

START_TEST(sizes_of_the_command_line)
{
    guint64 bytes = 0;
    GError *error = NULL;
    gboolean ok = parse_size(sizes[_i].text, PARSE_SIZE_MOST, &bytes, &error);
    ck_assert_msg(ok == (sizes[_i].bytes != 0), "'%s'", sizes[_i].text);
    if (ok) {
        ck_assert_uint_eq(bytes, sizes[_i].bytes);
    } else {
        ck_assert(g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE));
        ck_assert_ptr_nonnull(strstr(error->message, sizes[_i].text));
        g_error_free(error);
    }
}
END_TEST

static const struct {
    guint64 most;
    const char *text, *words;
} bounds[] = {
    {512, "513", "more than 0 and at most 512"},
    {65536, "65K", "more than 0 and at most 64K"},
    {G_GUINT64_CONSTANT(1) << 32, "5G", "more than 0 and at most 4G"},
    {PARSE_SIZE_MOST, "0", "more than 0 and at most 128T"},
};

START_TEST(sizes_have_a_bound_that_is_told)
{
    guint64 bytes = 0;
    GError *error = NULL;
    char *most = g_strdup_printf("%" G_GUINT64_FORMAT, bounds[_i].most);
    ck_assert(parse_size(most, bounds[_i].most, &bytes, NULL));
    ck_assert_uint_eq(bytes, bounds[_i].most);
    ck_assert(!parse_size(bounds[_i].text, bounds[_i].most, &bytes, &error));
    ck_assert_msg(g_str_has_suffix(error->message, bounds[_i].words), "%s", error->message);
    g_error_free(error);
    g_free(most);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arguments");
    TCase *values = tcase_create("sizes");
    tcase_add_loop_test(values, sizes_of_the_command_line, 0, (int)G_N_ELEMENTS(sizes));
    tcase_add_loop_test(values, sizes_have_a_bound_that_is_told, 0, G_N_ELEMENTS(bounds));
    suite_add_tcase(suite, values);
    return run_suite(suite);
}
