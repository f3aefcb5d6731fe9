/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_instance.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tracefs.h>

#include "kernel_proc.h"
#include "record.h"

#define NAME "bsa-record."

/*
 * A CPU makes at most some five million events of 70 bytes a second, so that a reader may be kept
 * from its processor for a tenth of a second. At most a 64th of the memory that is available goes
 * to all buffers together. They do not grow while they are recorded into: the kernel would lose
 * what comes meanwhile, and not tell.
 */
#define BUFFER_BYTES_MOST ((guint64)32 << 20)
#define BUFFER_BYTES_LEAST ((guint64)1 << 20)
#define BUFFERS_OF_MEMORY 64u

/* All that allocate and free; mm_page_free_batched repeats mm_page_free. The _node ones:
 * before 6.1. */
static const char *const events[] = {
    "kmalloc",         "kmalloc_node",  "kfree",        "kmem_cache_alloc", "kmem_cache_alloc_node",
    "kmem_cache_free", "mm_page_alloc", "mm_page_free",
};

/* Those that a kernel without them cannot be recorded. */
static const char *const needed[] = {"kmalloc", "kfree", "mm_page_alloc", "mm_page_free"};

struct kernel_instance {
    struct tracefs_instance *tracefs;
    struct tep_handle *formats;
    char *clock;
    guint64 buffer_bytes;
    guint cpus;
};

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean fail(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, RECORD_ERROR, RECORD_ERROR_FAILED, message);
    g_free(message);
    return FALSE;
}

/* Why tracefs refuses what root may do elsewhere. */
static const char *why_refused(int code)
{
    char *text = NULL;
    gboolean locked = g_file_get_contents("/sys/kernel/security/lockdown", &text, NULL, NULL) &&
                      strstr(text, "[confidentiality]") != NULL;
    g_free(text);
    if ((code == EPERM || code == EACCES) && locked) {
        return "the kernel is locked down (confidentiality), and shows nobody its events";
    }
    if (code == EPERM || code == EACCES) {
        return "not permitted; run as root, in a container with CAP_SYS_ADMIN and tracefs writable";
    }
    if (code == EROFS) {
        return "tracefs is mounted read-only; remount it with: mount -o remount,rw "
               "/sys/kernel/tracing";
    }
    return g_strerror(code);
}

/* Asked before libtracefs, which would mount it. */
static gboolean is_mounted(void)
{
    FILE *mounts = setmntent("/proc/self/mounts", "r");
    const struct mntent *mount;
    gboolean found = FALSE;
    while (mounts != NULL && !found && (mount = getmntent(mounts)) != NULL) {
        found = strcmp(mount->mnt_type, "tracefs") == 0;
    }
    if (mounts != NULL) {
        endmntent(mounts);
    }
    return found;
}

static gboolean find_tracefs(GError **error)
{
    if (!is_mounted()) {
        return fail(error, "tracefs is not mounted; mount it as root with: mount -t tracefs nodev "
                           "/sys/kernel/tracing");
    }
    char *instances = g_build_filename(tracefs_tracing_dir(), "instances", NULL);
    int code = access(instances, W_OK) == 0 ? 0 : errno;
    g_free(instances);
    if (code != 0 && geteuid() != 0) {
        return fail(error, "recording the kernel needs root");
    }
    return code == 0 || fail(error, "%s: %s", tracefs_tracing_dir(), why_refused(code));
}

static gboolean find_events(GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(needed); i++) {
        char *file = g_strdup_printf("events/kmem/%s/id", needed[i]);
        gboolean found = tracefs_file_exists(NULL, file);
        g_free(file);
        if (!found) {
            return fail(error,
                        "this kernel has no event kmem:%s in %s/events; it was built without "
                        "CONFIG_EVENT_TRACING",
                        needed[i], tracefs_tracing_dir());
        }
    }
    return TRUE;
}

/* Of a recorder that was killed, or of one that had our process id. */
static gboolean is_stale(const char *name)
{
    guint64 pid;
    return g_str_has_prefix(name, NAME) &&
           g_ascii_string_to_unsigned(name + strlen(NAME), 10, 1, G_MAXINT32, &pid, NULL) &&
           ((pid_t)pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH));
}

/* One that is in use cannot be removed, whoever it is. */
static void remove_stale(void)
{
    char **names = tracefs_instances(NULL);
    for (char **name = names; name != NULL && *name != NULL; name++) {
        struct tracefs_instance *stale =
            is_stale(*name) ? tracefs_instance_alloc(NULL, *name) : NULL;
        if (stale != NULL) {
            tracefs_instance_destroy(stale);
            tracefs_instance_free(stale);
        }
    }
    tracefs_list_free(names);
}

static gboolean make(kernel_instance *instance, GError **error)
{
    char *name = g_strdup_printf(NAME "%d", (int)getpid());
    remove_stale();
    if (tracefs_instance_exists(name)) {
        fail(error, "%s/instances/%s is there and in use; another program has this name for it",
             tracefs_tracing_dir(), name);
    } else {
        errno = 0;
        instance->tracefs = tracefs_instance_create(name);
        if (instance->tracefs == NULL) {
            fail(error, "cannot make %s/instances/%s: %s", tracefs_tracing_dir(), name,
                 why_refused(errno));
        }
    }
    g_free(name);
    return instance->tracefs != NULL;
}

/* The best clock that there is: one for all CPUs, and the one that programs see. */
static gboolean set_clock(kernel_instance *instance, GError **error)
{
    static const char *const clocks[] = {"mono", "boot", "global"};
    static const char *const names[] = {"monotonic", "boottime", "global"};
    for (guint i = 0; i < G_N_ELEMENTS(clocks); i++) {
        if (tracefs_instance_file_write(instance->tracefs, "trace_clock", clocks[i]) > 0) {
            instance->clock = g_strdup(names[i]);
            return TRUE;
        }
    }
    return fail(error, "this kernel's tracing has no clock that is the same on all CPUs");
}

static void count_cpus(kernel_instance *instance)
{
    char *path = tracefs_instance_get_file(instance->tracefs, "per_cpu");
    GDir *folder = g_dir_open(path, 0, NULL);
    const char *name;
    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        if (g_str_has_prefix(name, "cpu")) {
            guint cpu = (guint)g_ascii_strtoull(name + 3, NULL, 10);
            instance->cpus = MAX(instance->cpus, cpu + 1);
        }
    }
    if (folder != NULL) {
        g_dir_close(folder);
    }
    tracefs_put_tracing_file(path);
}

static gboolean set_buffers(kernel_instance *instance, guint64 bytes, GError **error)
{
    guint64 least = bytes;
    if (bytes == 0) {
        guint64 share = kernel_memory_available() / BUFFERS_OF_MEMORY / g_get_num_processors();
        bytes = CLAMP(share, BUFFER_BYTES_LEAST, BUFFER_BYTES_MOST);
        least = BUFFER_BYTES_LEAST;
    }
    for (;; bytes /= 2) {
        errno = 0;
        if (tracefs_instance_set_buffer_size(instance->tracefs, (size_t)(bytes >> 10), -1) == 0) {
            instance->buffer_bytes = bytes;
            return TRUE;
        }
        if (bytes / 2 < least) {
            return fail(error,
                        "no buffers of %" G_GUINT64_FORMAT " KiB for each CPU: %s; give a smaller "
                        "--buffer-size",
                        bytes >> 10, g_strerror(errno));
        }
    }
}

static gboolean load_formats(kernel_instance *instance, GError **error)
{
    static const char *const systems[] = {"kmem", NULL};
    instance->formats = tracefs_local_events_system(tracefs_tracing_dir(), systems);
    return instance->formats != NULL ||
           fail(error, "the formats in %s/events/kmem cannot be read", tracefs_tracing_dir());
}

/* A page of this instance may be another size than one of the main buffer. */
static gboolean load_page_format(kernel_instance *instance, GError **error)
{
    int bytes = 0;
    char *text = tracefs_instance_file_read(instance->tracefs, "events/header_page", &bytes);
    gboolean good = text != NULL && tep_parse_header_page(instance->formats, text,
                                                          (unsigned long)bytes, sizeof(long)) == 0;
    free(text);
    return good || fail(error, "the format in %s/events/header_page cannot be read",
                        tracefs_instance_get_trace_dir(instance->tracefs));
}

kernel_instance *kernel_instance_new(guint64 buffer_bytes, GError **error)
{
    kernel_instance *instance = g_new0(kernel_instance, 1);
    tracefs_set_loglevel(TEP_LOG_NONE);
    if (find_tracefs(error) && find_events(error) && load_formats(instance, error) &&
        make(instance, error) && load_page_format(instance, error) && set_clock(instance, error) &&
        set_buffers(instance, buffer_bytes, error)) {
        count_cpus(instance);
        return instance;
    }
    kernel_instance_free(instance);
    return NULL;
}

gboolean kernel_instance_start(kernel_instance *instance, GError **error)
{
    /* Nothing of this instance is needed but the events. */
    tracefs_option_disable(instance->tracefs, TRACEFS_OPTION_RECORD_CMD);
    tracefs_trace_off(instance->tracefs); /* so that all events begin at one moment */
    for (guint i = 0; i < G_N_ELEMENTS(events); i++) {
        errno = 0;
        if (tracefs_event_file_exists(instance->tracefs, "kmem", events[i], "enable") &&
            tracefs_event_enable(instance->tracefs, "kmem", events[i]) != 0) {
            return fail(error, "kmem:%s cannot be switched on: %s", events[i], why_refused(errno));
        }
    }
    return tracefs_trace_on(instance->tracefs) == 0 ||
           fail(error, "tracing cannot be switched on: %s", why_refused(errno));
}

void kernel_instance_stop(kernel_instance *instance)
{
    tracefs_trace_off(instance->tracefs);
    tracefs_event_disable(instance->tracefs, "kmem", NULL);
}

const char *kernel_instance_clock(const kernel_instance *instance)
{
    return instance->clock;
}

guint64 kernel_instance_buffer_bytes(const kernel_instance *instance)
{
    return instance->buffer_bytes;
}

guint kernel_instance_cpus(const kernel_instance *instance)
{
    return instance->cpus;
}

struct tep_handle *kernel_instance_formats(const kernel_instance *instance)
{
    return instance->formats;
}

int kernel_instance_open_cpu(const kernel_instance *instance, guint cpu, GError **error)
{
    char *name = g_strdup_printf("per_cpu/cpu%u/trace_pipe_raw", cpu);
    char *path = tracefs_instance_get_file(instance->tracefs, name);
    /* Not tracefs_cpu_open: a command that inherits the descriptor would keep the instance. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT && errno != ENODEV) {
        fail(error, "%s: %s", path, why_refused(errno));
    }
    tracefs_put_tracing_file(path);
    g_free(name);
    return fd;
}

/* The number behind "word: " in a CPU's stats. */
static guint64 count_of(const char *text, const char *word)
{
    const char *found = strstr(text, word);
    return found == NULL ? 0 : g_ascii_strtoull(found + strlen(word), NULL, 10);
}

gboolean kernel_instance_counts(const kernel_instance *instance, guint cpu,
                                struct kernel_counts *counts)
{
    char *name = g_strdup_printf("per_cpu/cpu%u/stats", cpu);
    char *text = tracefs_instance_file_read(instance->tracefs, name, NULL);
    g_free(name);
    *counts = (struct kernel_counts){0};
    if (text == NULL) {
        return FALSE;
    }
    counts->entries = count_of(text, "entries: ");
    counts->read = count_of(text, "\nread events: ");
    counts->overrun = count_of(text, "\noverrun: ") + count_of(text, "\ncommit overrun: ") +
                      count_of(text, "\ndropped events: ");
    free(text);
    return TRUE;
}

void kernel_instance_remove(kernel_instance *instance)
{
    if (instance->tracefs != NULL) {
        tracefs_instance_destroy(instance->tracefs);
        tracefs_instance_free(instance->tracefs);
        instance->tracefs = NULL;
    }
}

void kernel_instance_free(kernel_instance *instance)
{
    kernel_instance_remove(instance);
    if (instance->formats != NULL) {
        tep_free(instance->formats);
    }
    g_free(instance->clock);
    g_free(instance);
}
