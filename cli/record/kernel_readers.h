/* SPDX-License-Identifier: Apache-2.0 */
/* A thread for each CPU takes its pages out of the ring buffer while the recording runs. */
#ifndef BSA_CLI_RECORD_KERNEL_READERS_H
#define BSA_CLI_RECORD_KERNEL_READERS_H

#include <glib.h>

#include "kernel_instance.h"
#include "kernel_pages.h"

typedef struct kernel_readers kernel_readers;

kernel_readers *kernel_readers_start(const kernel_instance *instance, GError **error);

/* Whether one of them has failed: the recording had better end. */
gboolean kernel_readers_failed(kernel_readers *readers);

/*
 * The instance has been stopped: takes what is left, and ends the threads. FALSE and error where a
 * CPU's pages are not complete.
 */
gboolean kernel_readers_finish(kernel_readers *readers, GError **error);

/* The pages of a CPU; NULL: there is no such CPU. They stay the readers'. */
kernel_pages *kernel_readers_pages(const kernel_readers *readers, guint cpu);

/* Ends the threads as well if they still run. */
void kernel_readers_free(kernel_readers *readers);

#endif
