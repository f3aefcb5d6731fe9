/* SPDX-License-Identifier: Apache-2.0 */
#include "fit.h"

void fit_compute(struct fit *fit, const struct demand *demand, const struct class_cost *cost,
                 const struct class_table *own)
{
    struct optimum *optimum = g_new(struct optimum, 1);
    *fit = (struct fit){.classes = own->count};
    for (guint when = 0; when < DEMAND_WHENS; when++) {
        struct fit_moment *moment = &fit->moment[when];
        struct demand_load *load = g_new0(struct demand_load, 1);
        demand_load_add(load, demand, when, 1.0);
        optimum_find(optimum, load, cost, own->count, optimum_reaches(own));
        moment->table = optimum->table[own->count];
        moment->exact = optimum->exact;
        moment->own = class_waste_of(load, cost, own);
        moment->best = class_waste_of(load, cost, &moment->table);
        fit->any = fit->any || moment->own.requested > 0.0;
        g_free(load);
    }
    g_free(optimum);
}
