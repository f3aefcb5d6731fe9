/* SPDX-License-Identifier: Apache-2.0 */
/* At the exit, as GOption prints --help and exits by itself, whatever became of it. */
#include "standard_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *guarded_program;
static int failed_status;

static void check(void)
{
    int before = ferror(stdout), failed = fflush(stdout);
    if (before == 0 && failed == 0)
        return;
    /* Why an earlier write failed is not known any more. */
    fprintf(stderr, "%s: cannot write to standard output%s%s\n", guarded_program,
            failed != 0 ? ": " : "", failed != 0 ? strerror(errno) : "");
    _exit(failed_status);
}

void standard_output_guard(const char *program, int status)
{
    guarded_program = program;
    failed_status = status;
    atexit(check);
}
