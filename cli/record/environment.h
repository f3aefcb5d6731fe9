/* SPDX-License-Identifier: Apache-2.0 */
/* How bsa-record tells the recorder inside its targets what to do, by their environment, and how
 * their files tell it how they ended. */
#ifndef BSA_CLI_RECORD_ENVIRONMENT_H
#define BSA_CLI_RECORD_ENVIRONMENT_H

/* A process writes STEM.PROGRAM.PID SUFFIX; STEM is an absolute path. Without it nothing is
 * recorded. */
#define RECORD_ENV_STEM "BSA_RECORD_STEM"
#define RECORD_ENV_SUFFIX "BSA_RECORD_SUFFIX"
/* Text that goes into the metadata of each file as "session". */
#define RECORD_ENV_SESSION "BSA_RECORD_SESSION"
/* When the recording ends, in nanoseconds of CLOCK_MONOTONIC. */
#define RECORD_ENV_UNTIL "BSA_RECORD_UNTIL"
#define RECORD_ENV_MAX_EVENTS "BSA_RECORD_MAX_EVENTS"
#define RECORD_ENV_MIN_SIZE "BSA_RECORD_MIN_SIZE"
/* Set: the first program only, and no process that it forks. */
#define RECORD_ENV_NO_FOLLOW "BSA_RECORD_NO_FOLLOW"
/* Set: errors only. */
#define RECORD_ENV_QUIET "BSA_RECORD_QUIET"

/* In the marker that a file begins with. */
enum record_end {
    RECORD_END_CUT,   /* the process did not come to save its last events */
    RECORD_END_WHOLE, /* it did */
    RECORD_END_LIMIT  /* and what came after a limit was left out, as it was asked to be */
};

#endif
