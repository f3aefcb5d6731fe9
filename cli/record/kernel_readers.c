/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader sleeps most of the time: woken by the kernel whenever there is a page it would take the
 * processor from the load for each. It sleeps as long as the busiest CPU needs to fill a fourth of
 * its buffer, but no longer than a millisecond: with 22, a load on a machine that had other work
 * took twice as long, and the same processor time.
 */
#include "kernel_readers.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <event-parse.h>

#include "kernel_proc.h"
#include "../trace/error.h"

/* Five million events a second, of 70 bytes, is more than any CPU makes. */
#define RATE ((guint64)350 << 20)
#define SLEEP_LEAST_US 500
#define SLEEP_MOST_US 1000

/* What is held in memory of all CPUs' pages: a part of what is available, and no more than this. */
#define MEMORY_PART 8u
#define MEMORY_MOST ((guint64)1 << 30)

struct reader {
    kernel_readers *readers;
    kernel_pages *pages;
    GThread *thread;
    int fd;
    GError *error;
};

struct kernel_readers {
    struct reader *cpu;
    guint cpus;
    gsize page_bytes;
    guint64 buffer_bytes;
    GMutex lock; /* of what follows */
    GCond changed;
    gboolean stop;
    gboolean failed;
};

/* Takes what is there. FALSE: the reader's error says why it cannot. */
static gboolean take(struct reader *reader)
{
    gsize page_bytes = reader->readers->page_bytes;
    for (;;) {
        void *room = kernel_pages_room(reader->pages, &reader->error);
        if (room == NULL) {
            return FALSE;
        }
        gssize got = read(reader->fd, room, page_bytes);
        if (got == (gssize)page_bytes) {
            kernel_pages_keep(reader->pages);
        } else if (got < 0 && errno != EINTR && errno != EAGAIN && errno != ENODEV) {
            g_set_error(&reader->error, TRACE_ERROR, TRACE_ERROR_IO,
                        "the kernel's buffer of a CPU cannot be read: %s", g_strerror(errno));
            return FALSE;
        } else if (got >= 0 || errno != EINTR) {
            return TRUE; /* empty, or the CPU is not there yet */
        }
    }
}

/* FALSE: it is time to stop. */
static gboolean wait_for(kernel_readers *readers, gint64 span)
{
    gint64 until = g_get_monotonic_time() + span;
    g_mutex_lock(&readers->lock);
    while (!readers->stop && g_cond_wait_until(&readers->changed, &readers->lock, until)) {
    }
    gboolean stop = readers->stop;
    g_mutex_unlock(&readers->lock);
    return !stop;
}

static gpointer run(gpointer data)
{
    struct reader *reader = data;
    kernel_readers *readers = reader->readers;
    guint64 span =
        CLAMP(readers->buffer_bytes / 4 * G_USEC_PER_SEC / RATE, SLEEP_LEAST_US, SLEEP_MOST_US);
    gboolean good = TRUE;
    /* When the load takes all processors the reader still comes in time. Only a wish. */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), -15);
    while (good && wait_for(readers, (gint64)span)) {
        good = take(reader);
    }
    if (!good || !take(reader)) {
        g_mutex_lock(&readers->lock);
        readers->failed = TRUE;
        g_mutex_unlock(&readers->lock);
    }
    return NULL;
}

static gboolean start_cpu(kernel_readers *readers, const kernel_instance *instance, guint cpu,
                          guint64 memory, GError **error)
{
    struct reader *reader = &readers->cpu[cpu];
    GError *failure = NULL;
    reader->readers = readers;
    reader->fd = kernel_instance_open_cpu(instance, cpu, &failure);
    if (reader->fd < 0) {
        if (failure != NULL) {
            g_propagate_error(error, failure);
        }
        return failure == NULL;
    }
    reader->pages = kernel_pages_new(readers->page_bytes, (gsize)memory);
    reader->thread = g_thread_try_new("reader", run, reader, error);
    return reader->thread != NULL;
}

kernel_readers *kernel_readers_start(const kernel_instance *instance, GError **error)
{
    kernel_readers *readers = g_new0(kernel_readers, 1);
    readers->cpus = kernel_instance_cpus(instance);
    readers->cpu = g_new0(struct reader, readers->cpus);
    readers->page_bytes = (gsize)tep_get_sub_buffer_size(kernel_instance_formats(instance));
    readers->buffer_bytes = kernel_instance_buffer_bytes(instance);
    g_mutex_init(&readers->lock);
    g_cond_init(&readers->changed);
    guint64 memory = MIN(kernel_memory_available() / MEMORY_PART, MEMORY_MOST) / readers->cpus;
    for (guint cpu = 0; cpu < readers->cpus; cpu++) {
        readers->cpu[cpu].fd = -1;
    }
    for (guint cpu = 0; cpu < readers->cpus; cpu++) {
        if (!start_cpu(readers, instance, cpu, memory, error)) {
            kernel_readers_free(readers);
            return NULL;
        }
    }
    return readers;
}

gboolean kernel_readers_failed(kernel_readers *readers)
{
    g_mutex_lock(&readers->lock);
    gboolean failed = readers->failed;
    g_mutex_unlock(&readers->lock);
    return failed;
}

static void end_threads(kernel_readers *readers)
{
    g_mutex_lock(&readers->lock);
    readers->stop = TRUE;
    g_cond_broadcast(&readers->changed);
    g_mutex_unlock(&readers->lock);
    for (guint cpu = 0; cpu < readers->cpus; cpu++) {
        struct reader *reader = &readers->cpu[cpu];
        if (reader->thread != NULL) {
            g_thread_join(reader->thread);
            reader->thread = NULL;
        }
        if (reader->fd >= 0) {
            close(reader->fd);
            reader->fd = -1;
        }
    }
}

gboolean kernel_readers_finish(kernel_readers *readers, GError **error)
{
    end_threads(readers);
    for (guint cpu = 0; cpu < readers->cpus; cpu++) {
        if (readers->cpu[cpu].error != NULL) {
            g_propagate_prefixed_error(error, readers->cpu[cpu].error, "CPU %u: ", cpu);
            readers->cpu[cpu].error = NULL;
            return FALSE;
        }
    }
    return TRUE;
}

kernel_pages *kernel_readers_pages(const kernel_readers *readers, guint cpu)
{
    return readers->cpu[cpu].pages;
}

void kernel_readers_free(kernel_readers *readers)
{
    end_threads(readers);
    for (guint cpu = 0; cpu < readers->cpus; cpu++) {
        kernel_pages_free(readers->cpu[cpu].pages);
        g_clear_error(&readers->cpu[cpu].error);
    }
    g_mutex_clear(&readers->lock);
    g_cond_clear(&readers->changed);
    g_free(readers->cpu);
    g_free(readers);
}
