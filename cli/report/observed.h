/* SPDX-License-Identifier: Apache-2.0 */
/* A replay from its first event to its last, with the sampler looking on. */
#ifndef BSA_CLI_REPORT_OBSERVED_H
#define BSA_CLI_REPORT_OBSERVED_H

#include <glib.h>

#include "../replay/run.h"
#include "../replay/session.h"
#include "fit.h"
#include "sampler.h"

struct observed {
    struct replay_session session;
    struct sampler sampler;
    struct objects objects; /* where followed */
    struct page_map map;
    struct demand *demand;
    struct fit fit;
    struct replay_measure measure;
    const char *allocator, *allocator_version;
    double seconds; /* of the replay itself, samples included */
};

/* follow: objects and pages are followed too, which takes time and memory. Whatever is returned, it
 * is cleared at last; it does not move in between. */
gboolean observed_replay(struct observed *observed, const struct replay_options *options,
                         gboolean follow, trace_reader *reader, struct progress *progress,
                         GError **error);
void observed_clear(struct observed *observed);

#endif
