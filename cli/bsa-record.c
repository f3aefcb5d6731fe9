/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-record: a command, and a trace of what it or the kernel allocates while it runs. */
#include <locale.h>
#include <stdio.h>

#include "common/standard_output.h"
#include "record/record.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 2 };

static int run(const struct record_options *options)
{
    GError *error = NULL;
    int status = options->kernel ? record_kernel(options, &error) : record_program(options, &error);
    if (status < 0) {
        fprintf(stderr, "bsa-record: %s\n", error->message);
        status = error->domain == RECORD_ERROR ? error->code : RECORD_ERROR_FAILED;
        g_error_free(error);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct record_options options;
    GError *error = NULL;
    int status = EXIT_DONE;
    standard_output_guard("bsa-record", RECORD_ERROR_FAILED);
    setlocale(LC_CTYPE, ""); /* names in messages; numbers stay as they are in every language */
    enum record_parse parse = record_options_parse(&options, argc, argv, &error);
    if (parse == RECORD_PARSE_FAILED) {
        fprintf(stderr, "bsa-record: %s\nTry 'bsa-record --help'.\n", error->message);
        g_error_free(error);
        status = EXIT_USAGE;
    } else if (parse == RECORD_PARSE_RUN) {
        status = run(&options);
    }
    record_options_clear(&options);
    return status;
}
