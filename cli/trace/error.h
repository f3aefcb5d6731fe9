/* SPDX-License-Identifier: Apache-2.0 */
/* Why a trace could not be read; the message says where and what to do. */
#ifndef BSA_CLI_TRACE_ERROR_H
#define BSA_CLI_TRACE_ERROR_H

#include <glib.h>

#define TRACE_ERROR trace_error_quark()
GQuark trace_error_quark(void);

enum trace_error {
    TRACE_ERROR_IO,      /* the operating system refused: open, read, temporary file */
    TRACE_ERROR_CLOSED,  /* whoever reads what is written has had enough */
    TRACE_ERROR_FORMAT,  /* not a trace, or not one of a known format */
    TRACE_ERROR_DAMAGED, /* a trace, but cut off or corrupt */
    TRACE_ERROR_EMPTY,   /* nothing in it that the options ask for */
    TRACE_ERROR_LAYER,   /* the layers cannot be told apart */
    TRACE_ERROR_OPTION,  /* an option's value makes no sense */
    TRACE_ERROR_HYGIENE  /* a trace, but not all that happened is in it */
};

#endif
