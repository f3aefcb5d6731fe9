/* SPDX-License-Identifier: Apache-2.0 */
/* The replays of a tuning, each in a process of its own, several at a time. */
#ifndef BSA_CLI_TUNE_TRIALS_H
#define BSA_CLI_TUNE_TRIALS_H

#include "tune.h"

/* What a trace asks of size classes, and the bytes of the region that it was replayed in. */
struct tune_count {
    struct demand demand;
    guint64 region_bytes;
};

/* One for each trace. */
gboolean tune_count_all(const struct tune *tune, struct tune_count *count, GError **error);

/* One replay. */
struct tune_trial {
    guint trace;
    struct class_table table;
    unsigned magazine, keep_empty;
};

gboolean tune_try_all(const struct tune *tune, const struct tune_trial *trial, guint count,
                      struct tune_figures *figures, GError **error);

#endif
