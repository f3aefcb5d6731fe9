/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's side. A byte on the channel starts a batch, a byte comes back when the runners
 * stand; the end of the channel is the end of either.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "subject.h"

static gboolean system_error(GError **error, const char *what)
{
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_BACKEND, "%s: %s", what,
                g_strerror(errno));
    return FALSE;
}

/* The process has gone: how. */
static gboolean gone(struct replay_process *process, const struct replay_batch *batch,
                     GError **error)
{
    int status = 0;
    pid_t got;
    do
        got = waitpid(process->pid, &status, 0);
    while (got < 0 && errno == EINTR);
    process->pid = 0;
    if (batch->shared->error[0] != '\0') {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_BACKEND, "%s: %s", process->name,
                    batch->shared->error);
        return FALSE;
    }
    char *who = replay_batch_describe(batch);
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_BACKEND,
                "%s: its process ended by %s %d%s%s", process->name,
                WIFSIGNALED(status) ? "signal" : "exit status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                who[0] != '\0' ? "; then" : "", who);
    g_free(who);
    return FALSE;
}

/* A byte from the process; meanwhile it is watched. */
static gboolean await(struct replay_process *process, const struct replay_batch *batch,
                      GError **error)
{
    char byte;
    replay_watch_begin(&process->watch, process->watch.seconds);
    for (;;) {
        struct pollfd fd = {.fd = process->channel, .events = POLLIN};
        int ready = poll(&fd, 1, REPLAY_WATCH_MS);
        if (ready < 0 && errno != EINTR)
            return system_error(error, "waiting for the process under test");
        if (ready <= 0) {
            if (replay_watch_look(&process->watch, batch, error))
                continue;
            g_prefix_error(error, "%s: ", process->name);
            return FALSE;
        }
        ssize_t got = read(process->channel, &byte, 1);
        if (got == 1)
            return TRUE;
        if (got == 0 || errno != EINTR)
            return gone(process, batch, error);
    }
}

static gboolean run_there(struct replay_host *host, const struct replay_batch *batch,
                          GError **error)
{
    struct replay_process *process = (struct replay_process *)host;
    char byte = REPLAY_SUBJECT_RUN;
    if (send(process->channel, &byte, 1, MSG_NOSIGNAL) != 1)
        return gone(process, batch, error);
    if (!await(process, batch, error))
        return FALSE;
    if (batch->shared->error[0] == '\0')
        return TRUE;
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR, "%s: %s", process->name,
                batch->shared->error);
    return FALSE;
}

/* A line "NAME: 123 kB" of a file below /proc, in bytes. */
static gboolean kilobytes(const char *text, const char *name, guint64 *bytes)
{
    const char *at = strstr(text, name);
    if (at == NULL)
        return FALSE;
    *bytes = g_ascii_strtoull(at + strlen(name), NULL, 10) * 1024;
    return TRUE;
}

static gboolean proc_file(const struct replay_process *process, const char *name, char **text)
{
    char *path = g_strdup_printf("/proc/%ld/%s", (long)process->pid, name);
    gboolean ok = g_file_get_contents(path, text, NULL, NULL);
    g_free(path);
    return ok;
}

/* The fields of stat behind the name of the program, which may have blanks in it. */
static gboolean faults(const char *stat, struct replay_memory_now *now)
{
    const char *at = strrchr(stat, ')');
    unsigned long minor, major;
    if (at == NULL || sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu", &minor, &major) != 2)
        return FALSE;
    now->minor_faults = minor;
    now->major_faults = major;
    return TRUE;
}

static gboolean memory_there(struct replay_host *host, struct replay_memory_now *now,
                             GError **error)
{
    struct replay_process *process = (struct replay_process *)host;
    char *rollup = NULL, *status = NULL, *stat = NULL;
    memset(now, 0, sizeof(*now));
    gboolean ok = proc_file(process, "smaps_rollup", &rollup) &&
                  proc_file(process, "status", &status) && proc_file(process, "stat", &stat) &&
                  kilobytes(rollup, "\nAnonymous:", &now->anonymous) &&
                  kilobytes(status, "\nVmHWM:", &now->peak) &&
                  kilobytes(status, "\nVmRSS:", &now->resident) && faults(stat, now);
    if (!ok)
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_BACKEND,
                    "%s: /proc/%ld does not tell what its process takes (smaps_rollup, status and "
                    "stat are needed)",
                    process->name, (long)process->pid);
    g_free(rollup);
    g_free(status);
    g_free(stat);
    return ok;
}

/* Only what is safe after a fork: the program again, with the library in front of all others. What
 * the loader says about a library that is not there is left to the subject to find out. */
static G_GNUC_NORETURN void execute(char **environment, int memory, int channel)
{
    char memory_text[16], channel_text[16], says_text[16];
    int says = fcntl(STDERR_FILENO, F_DUPFD, 3), nowhere = open("/dev/null", O_WRONLY);
    g_snprintf(memory_text, sizeof(memory_text), "%d", memory);
    g_snprintf(channel_text, sizeof(channel_text), "%d", channel);
    g_snprintf(says_text, sizeof(says_text), "%d", says);
    char *argv[] = {(char *)"bsa-replay",
                    (char *)REPLAY_SUBJECT_ARGUMENT,
                    memory_text,
                    channel_text,
                    says_text,
                    NULL};
    fcntl(memory, F_SETFD, 0);
    fcntl(channel, F_SETFD, 0);
    dup2(nowhere, STDERR_FILENO);
    execve("/proc/self/exe", argv, environment);
    dup2(says, STDERR_FILENO);
    perror("bsa-replay: /proc/self/exe");
    _exit(127);
}

static G_GNUC_NORETURN void become(const struct replay_start *start,
                                   const struct replay_batch *batch, int channel)
{
    GError *error = NULL;
    struct replay_backend *backend = start->open(start->data, &error);
    if (backend == NULL) {
        g_strlcpy(batch->shared->error, error->message, sizeof(batch->shared->error));
        _exit(1);
    }
    _exit(replay_subject_serve(batch, backend, start->regions, channel));
}

gboolean replay_process_open(struct replay_process *process, const char *name,
                             const struct replay_allocator *allocator,
                             const struct replay_batch *batch, int memory,
                             const struct replay_start *start, guint watchdog, GError **error)
{
    int pair[2];
    *process = (struct replay_process){
        .host = {.run = run_there, .memory = memory_there},
        .name = name,
        .channel = -1,
    };
    process->watch.seconds = watchdog;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return system_error(error, "a channel to the process under test");
    char **environment = g_get_environ();
    environment = allocator->preload != NULL
                      ? g_environ_setenv(environment, "LD_PRELOAD", allocator->preload, TRUE)
                      : g_environ_unsetenv(environment, "LD_PRELOAD");
    pid_t parent = getpid();
    process->pid = fork();
    if (process->pid == 0) {
        close(pair[0]);
        replay_subject_settle(parent);
        if (allocator->kind == REPLAY_MALLOC)
            execute(environment, memory, pair[1]);
        become(start, batch, pair[1]);
    }
    g_strfreev(environment);
    close(pair[1]);
    process->channel = pair[0];
    if (process->pid < 0)
        return system_error(error, "starting the process under test");
    if (await(process, batch, error))
        return TRUE;
    if (allocator->from != NULL)
        g_prefix_error(error, "%s can be had from %s. ", name, allocator->from);
    return FALSE;
}

void replay_process_close(struct replay_process *process)
{
    if (process->channel >= 0)
        close(process->channel);
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    process->pid = 0;
    process->channel = -1;
}
