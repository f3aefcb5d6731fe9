/* SPDX-License-Identifier: Apache-2.0 */
/* bsa-record --kernel where its libraries were missing, or not wanted, when this was built. */
#include "record.h"

int record_kernel(const struct record_options *options, GError **error)
{
    (void)options;
    g_set_error(error, RECORD_ERROR, RECORD_ERROR_FAILED,
                "this bsa-record was built without --kernel: install libtracefs and libtraceevent "
                "(on Debian: libtracefs-dev libtraceevent-dev), configure and build it again");
    return -1;
}
