/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bsa-record --kernel: the kernel's memory events on all CPUs while a command runs, or for a time.
 *
 * What comes out of the ring buffers is kept as it is until the recording has ended: to decode and
 * compress it meanwhile would take the processors from the load. When it is decoded the instance in
 * tracefs is gone already; until then signals are held, so that it is removed whatever comes.
 */
#include <stdio.h>
#include <unistd.h>

#include "../trace/error.h"
#include "command.h"
#include "describe.h"
#include "kernel_instance.h"
#include "kernel_proc.h"
#include "kernel_readers.h"
#include "kernel_write.h"
#include "record.h"

#define LOOK_EVERY_NS ((gint64)50 * 1000000)

/* A recording that is under way. */
struct session {
    struct kernel_recording recording;
    kernel_instance *instance;
    kernel_readers *readers;
    struct record_command command;
    gint64 start_us;
    char *output;
};

static gboolean has_command(const struct session *session)
{
    return session->recording.options->command != NULL &&
           session->recording.options->command[0] != NULL;
}

static gboolean open_writer(struct session *session, GError **error)
{
    struct kernel_recording *recording = &session->recording;
    struct trace_writer_options options = {
        .level = TRACE_LEVEL_RAW,
        .kernel = TRUE,
        .page_size = (guint32)sysconf(_SC_PAGESIZE),
        .addresses = TRUE,
        .compression = RECORD_COMPRESSION,
        .names = recording->names,
    };
    recording->writer = trace_writer_open(session->output, &options, error);
    return recording->writer != NULL;
}

static void describe(struct session *session)
{
    struct kernel_recording *recording = &session->recording;
    record_describe_machine(recording->meta);
    if (has_command(session)) {
        record_describe_command(recording->meta, recording->options->command);
    }
    trace_meta_set_text(recording->meta, "clock", kernel_instance_clock(session->instance));
    trace_meta_set_number(recording->meta, "kernel.buffer-bytes",
                          kernel_instance_buffer_bytes(session->instance));
    trace_meta_set_number(recording->meta, "kernel.recorder-pid", (guint64)getpid());
}

static void take_proc(struct session *session, const char *moment)
{
    GString *missing = g_string_new(NULL);
    kernel_take_proc(session->recording.meta, moment, missing);
    if (missing->len > 0 && !session->recording.options->quiet) {
        fprintf(stderr, "bsa-record: the trace will be without these: %s\n", missing->str);
    }
    g_string_free(missing, TRUE);
}

static gboolean start(struct session *session, GError **error)
{
    struct kernel_recording *recording = &session->recording;
    session->instance = kernel_instance_new(recording->options->buffer_bytes, error);
    if (session->instance == NULL) {
        return FALSE;
    }
    recording->cpus = kernel_instance_cpus(session->instance);
    recording->formats = kernel_instance_formats(session->instance);
    recording->counts = g_new0(struct kernel_counts, recording->cpus);
    describe(session);
    take_proc(session, "start");
    session->readers = kernel_readers_start(session->instance, error);
    recording->readers = session->readers;
    if (session->readers == NULL || !kernel_instance_start(session->instance, error)) {
        return FALSE;
    }
    session->start_us = g_get_monotonic_time();
    return !has_command(session) ||
           record_command_start(&session->command, recording->options->command, NULL, error);
}

static gboolean enough_events(const struct session *session)
{
    guint64 most = session->recording.options->max_events;
    guint64 events = 0;
    for (guint cpu = 0; most > 0 && cpu < session->recording.cpus; cpu++) {
        struct kernel_counts counts;
        kernel_instance_counts(session->instance, cpu, &counts);
        events += counts.entries + counts.read;
    }
    return most > 0 && events >= most;
}

/* Until the command has ended, or something else ends the recording before it. */
static void wait_for_end(struct session *session)
{
    guint64 duration = session->recording.options->duration_ns;
    gboolean ended = FALSE;
    while (!ended) {
        gint64 span = LOOK_EVERY_NS;
        if (duration > 0) {
            guint64 past = (guint64)(g_get_monotonic_time() - session->start_us) * 1000;
            if (past >= duration) {
                return;
            }
            span = MIN(span, (gint64)(duration - past));
        }
        ended = has_command(session) ? record_command_wait(&session->command, span)
                                     : record_signal_take(span);
        ended = ended || enough_events(session) || kernel_readers_failed(session->readers);
    }
}

/* Takes the rest, and removes the instance. FALSE and error: what was taken is not complete. */
static gboolean stop(struct session *session, GError **error)
{
    kernel_instance_stop(session->instance);
    gboolean good = kernel_readers_finish(session->readers, error);
    for (guint cpu = 0; cpu < session->recording.cpus; cpu++) {
        kernel_instance_counts(session->instance, cpu, &session->recording.counts[cpu]);
    }
    kernel_instance_remove(session->instance);
    take_proc(session, "end");
    return good;
}

static gboolean finish_file(struct session *session, GError **error)
{
    struct kernel_recording *recording = &session->recording;
    trace_writer_use_thread(recording->writer); /* the load has ended */
    if (!trace_writer_meta(recording->writer, recording->meta, error) ||
        !kernel_write(recording, error) ||
        !trace_writer_meta(recording->writer, recording->meta, error)) {
        return FALSE;
    }
    trace_writer *writer = recording->writer;
    recording->writer = NULL;
    return trace_writer_close(writer, error);
}

static void summarise(const struct session *session)
{
    const struct kernel_recording *recording = &session->recording;
    const struct kernel_written *written = &recording->written;
    fprintf(stderr,
            "bsa-record: %s: %" G_GUINT64_FORMAT " events of the kernel, %" G_GUINT64_FORMAT
            " of slabs and %" G_GUINT64_FORMAT " of pages",
            session->output, written->slab + written->page, written->slab, written->page);
    guint64 most = recording->options->max_events;
    if (most > 0 && written->slab + written->page >= most) {
        fprintf(stderr, "; --max-events ended it, what came then is left out");
    }
    if (written->not_understood > 0) {
        fprintf(stderr,
                "; %" G_GUINT64_FORMAT " more not understood, as their fields are not those of a "
                "kernel that is known here",
                written->not_understood);
    }
    if (written->lost == 0) {
        fprintf(stderr, "; none lost\n");
        return;
    }
    fprintf(stderr, "; %" G_GUINT64_FORMAT " lost (", written->lost);
    const char *between = "";
    for (guint cpu = 0; cpu < recording->cpus; cpu++) {
        if (recording->counts[cpu].overrun > 0) {
            fprintf(stderr, "%sCPU %u: %" G_GUINT64_FORMAT, between, cpu,
                    recording->counts[cpu].overrun);
            between = ", ";
        }
    }
    fprintf(stderr,
            "), as buffers of %" G_GUINT64_FORMAT " KiB for each CPU were full; --buffer-size "
            "makes them larger\n",
            kernel_instance_buffer_bytes(session->instance) >> 10);
}

static void clear(struct session *session)
{
    struct kernel_recording *recording = &session->recording;
    if (session->readers != NULL) {
        kernel_readers_free(session->readers);
    }
    if (session->instance != NULL) {
        kernel_instance_free(session->instance);
    }
    trace_writer_abandon(recording->writer);
    trace_meta_free(recording->meta);
    trace_names_free(recording->names);
    g_free(recording->counts);
    g_free(session->output);
}

/* Whatever went wrong, it is the recording's failure. */
static void as_record_error(GError **error, GError *failure)
{
    if (failure->domain == RECORD_ERROR) {
        g_propagate_error(error, failure);
        return;
    }
    g_set_error_literal(error, RECORD_ERROR, RECORD_ERROR_FAILED, failure->message);
    g_error_free(failure);
}

int record_kernel(const struct record_options *options, GError **error)
{
    struct session session = {.recording.options = options};
    GError *failure = NULL, *incomplete = NULL;
    int status = 0;
    session.output = options->output != NULL
                         ? g_strdup(options->output)
                         : g_strdup_printf("bsa-record.kernel.%d.bsat", (int)getpid());
    session.recording.names = trace_names_new();
    session.recording.meta = trace_meta_new();
    record_signals_hold();
    if (open_writer(&session, &failure) && start(&session, &failure)) {
        wait_for_end(&session);
        stop(&session, &incomplete);
        if (finish_file(&session, &failure) && !options->quiet) {
            summarise(&session);
        }
    }
    if (session.command.pid > 0) {
        record_command_wait(&session.command, -1);
        status = record_command_status(&session.command);
    }
    clear(&session);
    if (failure == NULL && incomplete != NULL) {
        g_prefix_error(&incomplete, "the recording is not complete: ");
        failure = g_steal_pointer(&incomplete);
    }
    g_clear_error(&incomplete);
    if (failure != NULL) {
        as_record_error(error, failure);
        return -1;
    }
    return status;
}
