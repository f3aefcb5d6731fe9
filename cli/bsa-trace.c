/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-trace: looks into recorded memory traces, and makes others of them. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <buddyslab/version.h>

#include "common/standard_output.h"
#include "tool/tool.h"
#include "trace/error.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const struct tool_command *const commands[] = {
    &tool_info, &tool_dump, &tool_convert, &tool_cut, &tool_merge, &tool_stats, &tool_check,
};

static void print_help(void)
{
    printf("Usage:\n  bsa-trace COMMAND [OPTION...] TRACE...\n\n"
           "Looks into recorded memory traces of any format that is known, and makes others\n"
           "of them. TRACE is a file, or - for standard input.\n\nCommands:\n");
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
    printf("\n'bsa-trace COMMAND --help' has the options.\n"
           "Exit status: 0 done, 1 failed, 2 wrong usage. Manual: man bsa-trace\n");
}

/* How many letters have to be changed, put in, left out or exchanged with the next one. */
static guint distance(const char *a, const char *b)
{
    enum { LETTERS = 16 };
    guint row[3][LETTERS + 1];
    gsize length_a = strlen(a), length_b = strlen(b);
    if (length_a > LETTERS || length_b > LETTERS)
        return LETTERS;
    for (gsize i = 0; i <= length_a; i++) {
        guint *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        for (gsize j = 0; j <= length_b; j++) {
            if (i == 0 || j == 0) {
                now[j] = (guint)(i + j);
                continue;
            }
            now[j] = MIN(MIN(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = MIN(now[j], before[j - 2] + 1);
        }
    }
    return row[length_a % 3][length_b];
}

static const struct tool_command *find_command(const char *name)
{
    const struct tool_command *nearest = commands[0];
    guint nearest_distance = G_MAXUINT;
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        guint letters = distance(name, commands[i]->name);
        if (letters == 0)
            return commands[i];
        if (letters < nearest_distance) {
            nearest_distance = letters;
            nearest = commands[i];
        }
    }
    if (name[0] == '-')
        fprintf(stderr, "bsa-trace: unknown option %s; a command goes first", name);
    else if (nearest_distance <= MAX(2, strlen(nearest->name) / 2))
        fprintf(stderr, "bsa-trace: unknown command '%s'; did you mean %s?", name, nearest->name);
    else
        fprintf(stderr, "bsa-trace: unknown command '%s'", name);
    fprintf(stderr, "\nTry 'bsa-trace --help'.\n");
    return NULL;
}

static int run_command(const struct tool_command *command, int argc, char **argv)
{
    struct tool tool = {.quiet = FALSE};
    GError *error = NULL;
    int status = EXIT_DONE;
    if (!command->run(&tool, argc, argv, &error)) {
        status = EXIT_FAILED;
        if (error->domain == G_OPTION_ERROR) {
            fprintf(stderr, "bsa-trace %s: %s\nTry 'bsa-trace %s --help'.\n", command->name,
                    error->message, command->name);
            status = EXIT_USAGE;
        } else if (g_error_matches(error, TRACE_ERROR, TRACE_ERROR_CLOSED)) {
            status = EXIT_DONE; /* whoever read the output has had enough */
        } else {
            fprintf(stderr, "bsa-trace %s: %s\n", command->name, error->message);
        }
        g_error_free(error);
    }
    tool_clear(&tool);
    return status;
}

int main(int argc, char **argv)
{
    standard_output_guard("bsa-trace", EXIT_FAILED);
    setlocale(LC_CTYPE, "");  /* names in messages; numbers stay as they are in every language */
    signal(SIGXFSZ, SIG_IGN); /* too large a file is an error as others are */
    if (argc < 2) {
        fprintf(stderr, "bsa-trace: no command given\nTry 'bsa-trace --help'.\n");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("bsa-trace %d.%d.%d\n", BSA_VERSION_MAJOR, BSA_VERSION_MINOR, BSA_VERSION_PATCH);
        return EXIT_DONE;
    }
    const struct tool_command *command = find_command(argv[1]);
    return command == NULL ? EXIT_USAGE : run_command(command, argc - 1, argv + 1);
}
