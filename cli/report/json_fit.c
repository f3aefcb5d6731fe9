/* SPDX-License-Identifier: Apache-2.0 */
#include "json_fit.h"

#include "../replay/options_heap.h"

static guint64 whole(double bytes)
{
    return bytes <= 0.0 ? 0 : (guint64)(bytes + 0.5);
}

void put_class_table(JsonBuilder *json, const char *name, const struct class_table *table)
{
    begin_list(json, name);
    for (guint i = 0; i < table->count; i++)
        json_builder_add_int_value(json, table->size[i]);
    json_builder_end_array(json);
}

void put_class_waste(JsonBuilder *json, const struct class_waste *waste)
{
    put_count(json, "class_rounding", whole(waste->rounding));
    put_count(json, "slab_ends", whole(waste->slab_ends));
    put_count(json, "page_rounding", whole(waste->page_rounding));
    put_count(json, "waste", whole(waste->total));
    put_ratio(json, "waste_over_requested", waste->total / waste->requested);
}

void put_limit(JsonBuilder *json, const char *name, unsigned limit)
{
    char *text = replay_limit_text(limit);
    put_text(json, name, text);
    g_free(text);
}

static void put_moment(JsonBuilder *json, const char *name, const struct fit_moment *moment)
{
    begin_object(json, name);
    put_count(json, "requested", whole(moment->own.requested));
    begin_object(json, "own");
    put_class_waste(json, &moment->own);
    json_builder_end_object(json);
    begin_object(json, "best");
    put_class_table(json, "object_sizes", &moment->table);
    put_class_waste(json, &moment->best);
    json_builder_end_object(json);
    put_count(json, "avoidable", whole(moment->own.total - moment->best.total));
    put_flag(json, "exact", moment->exact);
    json_builder_end_object(json);
}

void put_fit(JsonBuilder *json, const struct fit *fit)
{
    if (!fit->any)
        return;
    begin_object(json, "class_fit");
    put_count(json, "classes", fit->classes);
    put_moment(json, "over_time", &fit->moment[DEMAND_TIME]);
    put_moment(json, "peak", &fit->moment[DEMAND_PEAK]);
    json_builder_end_object(json);
}
