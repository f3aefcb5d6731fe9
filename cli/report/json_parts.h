/* SPDX-License-Identifier: Apache-2.0 */
/* Members of report.json, each put by a file of its own. */
#ifndef BSA_CLI_REPORT_JSON_PARTS_H
#define BSA_CLI_REPORT_JSON_PARTS_H

#include "../common/json.h"
#include "report.h"

void put_classes(JsonBuilder *json, const struct report *report, const struct moment *moment);
void put_caches(JsonBuilder *json, const struct report *report);
void put_recorded(JsonBuilder *json, const struct report *report);
void put_objects(JsonBuilder *json, const struct report *report);
void put_remote(JsonBuilder *json, const struct report *report);
void put_sections(JsonBuilder *json, const struct moment *moment);
void put_pins(JsonBuilder *json, const struct report *report, const struct pins *pins);

#endif
