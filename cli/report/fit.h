/* SPDX-License-Identifier: Apache-2.0 */
/* How far a replay's table of size classes is from the best one of as many classes for its trace.
 */
#ifndef BSA_CLI_REPORT_FIT_H
#define BSA_CLI_REPORT_FIT_H

#include "optimum.h"

struct fit_moment {
    struct class_waste own, best;
    struct class_table table; /* the best one */
    gboolean exact;
};

struct fit {
    gboolean any; /* there were objects for classes */
    guint classes;
    struct fit_moment moment[DEMAND_WHENS];
};

/* demand is finished. The best table reaches as far as own does, up to OPTIMUM_REACH. */
void fit_compute(struct fit *fit, const struct demand *demand, const struct class_cost *cost,
                 const struct class_table *own);

#endif
