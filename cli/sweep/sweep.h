/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-replay --sweep: many runs of one trace, and what they came to side by side. */
#ifndef BSA_CLI_SWEEP_SWEEP_H
#define BSA_CLI_SWEEP_SWEEP_H

#include "../replay/options.h"

/* words: the command line as it was given. Prints its errors; the program's exit status. */
int sweep_command(const struct replay_sweep_options *options, char **words);

#endif
