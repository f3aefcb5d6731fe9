/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A place of our own in tracefs: the kernel's kmem events in ring buffers that nobody else reads.
 * It is named after this process; those of processes that ended without removing theirs are removed
 * when the next one is made.
 */
#ifndef BSA_CLI_RECORD_KERNEL_INSTANCE_H
#define BSA_CLI_RECORD_KERNEL_INSTANCE_H

#include <glib.h>

struct tep_handle;

typedef struct kernel_instance kernel_instance;

/* What the kernel counted in one CPU's buffer. */
struct kernel_counts {
    guint64 entries; /* in the buffer */
    guint64 read;    /* taken out of it */
    guint64 overrun; /* overwritten before they were taken out, or refused: lost */
};

/*
 * Makes it, not yet recording, with buffer_bytes for each CPU, 0: a sensible size. The message says
 * what is missing: rights, tracefs, events.
 */
kernel_instance *kernel_instance_new(guint64 buffer_bytes, GError **error);

gboolean kernel_instance_start(kernel_instance *instance, GError **error);
void kernel_instance_stop(kernel_instance *instance);

const char *kernel_instance_clock(const kernel_instance *instance);    /* as in bsa-trace(5) */
guint64 kernel_instance_buffer_bytes(const kernel_instance *instance); /* of each CPU */
guint kernel_instance_cpus(const kernel_instance *instance); /* highest that may come + 1 */

/* The formats of the events, and of the buffers' pages. */
struct tep_handle *kernel_instance_formats(const kernel_instance *instance);

/* The CPU's pages, a read without waiting; -1 without error: there is no such CPU. */
int kernel_instance_open_cpu(const kernel_instance *instance, guint cpu, GError **error);
gboolean kernel_instance_counts(const kernel_instance *instance, guint cpu,
                                struct kernel_counts *counts);

/* Removes it from tracefs; what kernel_instance_open_cpu opened is closed by then. */
void kernel_instance_remove(kernel_instance *instance);

/* Removes it if it is still there. */
void kernel_instance_free(kernel_instance *instance);

#endif
