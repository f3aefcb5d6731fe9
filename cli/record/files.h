/* SPDX-License-Identifier: Apache-2.0 */
/* The files that the processes of a recording have written. */
#ifndef BSA_CLI_RECORD_FILES_H
#define BSA_CLI_RECORD_FILES_H

#include <glib.h>
#include <sys/types.h>

/* Where they are, and which are of this recording. */
struct record_place {
    char *directory; /* absolute */
    char *stem;      /* absolute: names are STEM.PROGRAM.PID SUFFIX */
    char *suffix;
    char *session; /* in the metadata of each */
    char *main;    /* the name that the command's own file gets, NULL: none but its own */
};

/* From -o FILE, or NULL. FALSE and error when no file can be made there. */
gboolean record_place_init(struct record_place *place, const char *output, GError **error);
void record_place_clear(struct record_place *place);

struct record_file {
    char *path;
    char *program;
    pid_t pid;
    gint64 changed;   /* ns: when it was written to last */
    gboolean running; /* its process may go on writing */
};

/* struct record_file, by process and time; smaller ones and what cannot be read are not among them.
 */
GArray *record_files_find(const struct record_place *place, gint64 bytes);

#endif
