/* SPDX-License-Identifier: Apache-2.0 */
/* Members of report.json, each put by a file of its own. */
#ifndef BSA_CLI_REPORT_JSON_PARTS_H
#define BSA_CLI_REPORT_JSON_PARTS_H

#include "../common/json.h"
#include "report.h"

void put_classes(JsonBuilder *json, const struct report *report, const struct moment *moment);
void put_caches(JsonBuilder *json, const struct report *report);
void put_recorded(JsonBuilder *json, const struct report *report);
/* What free blocks come to: counts, shares and indices by order. */
void put_external(JsonBuilder *json, const guint64 counts[REPLAY_ORDERS]);
void put_ratios(JsonBuilder *json, const char *name, const struct heap_ratios *ratios);
void put_internal(JsonBuilder *json, const struct internal_fragmentation *internal);
void put_objects(JsonBuilder *json, const struct report *report);
void put_remote(JsonBuilder *json, const struct report *report);
void put_sections(JsonBuilder *json, const struct moment *moment);
void put_pins(JsonBuilder *json, const struct report *report, const struct pins *pins);

#endif
