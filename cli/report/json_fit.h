/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of size classes, what they waste, and limits, as members of report.json and tune.json. */
#ifndef BSA_CLI_REPORT_JSON_FIT_H
#define BSA_CLI_REPORT_JSON_FIT_H

#include "../common/json.h"
#include "fit.h"

void put_class_table(JsonBuilder *json, const char *name, const struct class_table *table);
/* Members of the object that is open, in whole bytes. */
void put_class_waste(JsonBuilder *json, const struct class_waste *waste);
/* A limit of magazines and the like: "default", "none" or a number. */
void put_limit(JsonBuilder *json, const char *name, unsigned limit);
/* The member class_fit, where there were objects for classes. */
void put_fit(JsonBuilder *json, const struct fit *fit);

#endif
