/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer of report.json and its readers agree on. */
#ifndef BSA_CLI_COMMON_SCHEMA_H
#define BSA_CLI_COMMON_SCHEMA_H

/* Version of report.json's layout; it grows when a member changes its meaning or goes, or readers
 * come to need a new one. */
#define REPORT_SCHEMA 4

#endif
