/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BSA_CLI_VIEW_ERROR_H
#define BSA_CLI_VIEW_ERROR_H

#include <glib.h>

#define VIEW_ERROR (view_error_quark())
GQuark view_error_quark(void);

enum view_error {
    VIEW_ERROR_INPUT, /* no report, or not one of this layout */
    VIEW_ERROR_PLOT   /* gnuplot */
};

#endif
