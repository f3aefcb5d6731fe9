/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as text of other tools. Each holds what its format can: MallocLab's .rep has sizes and
 * identities alone, glibc's mtrace addresses as well, CSV everything.
 */
#ifndef BSA_CLI_TRACE_EXPORT_H
#define BSA_CLI_TRACE_EXPORT_H

#include <stdio.h>

#include <glib.h>

#include "reader.h"

enum trace_export_format { TRACE_EXPORT_REP, TRACE_EXPORT_CSV, TRACE_EXPORT_MTRACE };

/* Writes all events of a reader from trace_open that has handed out none yet. */
gboolean trace_export(enum trace_export_format format, trace_reader *reader, FILE *out,
                      GError **error);

#endif
