/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BUDDYSLAB_VERSION_H
#define BUDDYSLAB_VERSION_H

#include <buddyslab/types.h>

/* configure reads the version from these three lines. */
#define BSA_VERSION_MAJOR 0
#define BSA_VERSION_MINOR 1
#define BSA_VERSION_PATCH 0

/* The version as one number that can be compared: 0x00MMmmpp. */
#define BSA_VERSION ((BSA_VERSION_MAJOR << 16) | (BSA_VERSION_MINOR << 8) | BSA_VERSION_PATCH)

/* BSA_VERSION of the library that runs, which a shared library may have newer than the header.
 * Takes no lock; any context. */
BSA_API unsigned bsa_version(void);

#endif
