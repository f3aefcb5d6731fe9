/* SPDX-License-Identifier: Apache-2.0 */
/* Lines without stdio, and the end of a program that misused its memory. */
#include "internal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void bsam_put(struct bsam_line *line, const char *text)
{
    /* The last byte is kept for the line's end. */
    while (*text != '\0' && line->used < sizeof(line->text) - 1)
        line->text[line->used++] = *text++;
}

static void put_digits(struct bsam_line *line, uintptr_t number, unsigned base)
{
    char digits[24];
    size_t at = sizeof(digits);
    digits[--at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    bsam_put(line, &digits[at]);
}

void bsam_put_hex(struct bsam_line *line, uintptr_t number)
{
    bsam_put(line, "0x");
    put_digits(line, number, 16);
}

void bsam_put_number(struct bsam_line *line, size_t number)
{
    put_digits(line, number, 10);
}

void bsam_say(int file, struct bsam_line *line)
{
    line->text[line->used++] = '\n';
    ssize_t written = write(file, line->text, line->used);
    (void)written; /* there is nowhere else to say it */
    line->used = 0;
}

/* As addr2line wants it: addresses differ from run to run, offsets in a file do not. */
static void put_place(struct bsam_line *line, const void *caller)
{
    Dl_info info;
    bsam_put(line, " (called from ");
    if (dladdr(caller, &info) != 0 && info.dli_fname != NULL && info.dli_fbase != NULL) {
        const char *slash = strrchr(info.dli_fname, '/');
        bsam_put(line, slash != NULL ? slash + 1 : info.dli_fname);
        bsam_put(line, "+");
        bsam_put_hex(line, (uintptr_t)caller - (uintptr_t)info.dli_fbase);
    } else {
        bsam_put_hex(line, (uintptr_t)caller);
    }
    bsam_put(line, ")");
}

BSAM_COLD void bsam_misuse(const char *function, const void *p, const char *what,
                           const void *caller)
{
    struct bsam_line line = {.used = 0};
    bsam_put(&line, "buddyslab-malloc: ");
    bsam_put(&line, function);
    bsam_put(&line, "(");
    bsam_put_hex(&line, (uintptr_t)p);
    bsam_put(&line, "): ");
    bsam_put(&line, what);
    if (caller != NULL)
        put_place(&line, caller);
    bsam_say(STDERR_FILENO, &line);
    bsam_self.what = NULL; /* a handler of the abort may go on */
    abort();
}
