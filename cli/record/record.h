/* SPDX-License-Identifier: Apache-2.0 */
/* What bsa-record's parts share: its options, and the two ways to record a command. */
#ifndef BSA_CLI_RECORD_RECORD_H
#define BSA_CLI_RECORD_RECORD_H

#include <glib.h>

struct record_options {
    char **command;       /* NULL at its end */
    char *output;         /* -o, NULL: a name made of the program's */
    guint64 duration_ns;  /* of the recording, not of the command; 0: to its end */
    guint64 max_events;   /* of each process, 0: all */
    guint64 min_size;     /* smaller objects are left out, 0: none */
    gboolean kernel;      /* the kernel's events instead of the command's; needs no command */
    guint64 buffer_bytes; /* --buffer-size: of the kernel's buffer for each CPU; 0: sensible */
    gboolean pack;        /* when the command has ended */
    gboolean follow;      /* processes that the command starts */
    gboolean quiet;
};

enum record_parse { RECORD_PARSE_RUN, RECORD_PARSE_DONE, RECORD_PARSE_FAILED };

/*
 * Reads argv into options, which the caller clears. DONE: --help or --version has answered; FAILED:
 * error says what was wrong and what is accepted.
 */
enum record_parse record_options_parse(struct record_options *options, int argc, char **argv,
                                       GError **error);
void record_options_clear(struct record_options *options);

/* zstd's level: it takes no longer than the rest of the work. bsa-trace convert does more. */
#define RECORD_COMPRESSION 1

#define RECORD_ERROR (record_error_quark())
GQuark record_error_quark(void);

/* The numbers are bsa-record's exit statuses; the command was not started, but for the first. */
enum record_error {
    RECORD_ERROR_FAILED = 125,  /* the recording itself: files, rights */
    RECORD_ERROR_COMMAND = 126, /* is there, and cannot be run or recorded */
    RECORD_ERROR_MISSING = 127  /* is not there */
};

/*
 * Runs the command and records it: the exit status of the command (128 + the signal that killed
 * it), or -1 and error, of RECORD_ERROR, when there is no recording or it could not be finished.
 */
int record_program(const struct record_options *options, GError **error);
int record_kernel(const struct record_options *options, GError **error);

#endif
