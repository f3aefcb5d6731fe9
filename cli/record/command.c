/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record.h"

GQuark record_error_quark(void)
{
    return g_quark_from_static_string("bsa-record");
}

/* What comes here for the command, and the news that it has ended. */
static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* What the mask of signals was before they were held; commands get it back. */
static sigset_t mask_before;
static gboolean held;

static void signals_to_take(sigset_t *set)
{
    sigemptyset(set);
    for (guint i = 0; i < G_N_ELEMENTS(passed_on); i++)
        sigaddset(set, passed_on[i]);
}

static void awaited_signals(sigset_t *set)
{
    signals_to_take(set);
    sigaddset(set, SIGCHLD);
}

void record_signals_hold(void)
{
    sigset_t awaited;
    if (held)
        return;
    awaited_signals(&awaited);
    sigprocmask(SIG_BLOCK, &awaited, &mask_before);
    held = TRUE;
}

static struct timespec timespec_of_us(gint64 us)
{
    return (struct timespec){.tv_sec = us / G_USEC_PER_SEC, .tv_nsec = us % G_USEC_PER_SEC * 1000};
}

gboolean record_signal_take(gint64 timeout_ns)
{
    struct timespec patience = timespec_of_us(timeout_ns / 1000);
    sigset_t set;
    signals_to_take(&set);
    return sigtimedwait(&set, NULL, &patience) > 0;
}

gboolean record_interrupted(void)
{
    sigset_t pending;
    if (sigpending(&pending) != 0)
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(passed_on); i++) {
        if (sigismember(&pending, passed_on[i]) == 1)
            return TRUE;
    }
    return FALSE;
}

/* In the child: does not return. The pipe closes itself when there is a new program. */
static void become(char *const *argv, char *const *environment, int pipe_end, const sigset_t *mask,
                   const struct sigaction *child_action)
{
    sigaction(SIGCHLD, child_action, NULL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (environment != NULL)
        execvpe(argv[0], argv, environment);
    else
        execvp(argv[0], argv);
    int error = errno;
    ssize_t told = write(pipe_end, &error, sizeof(error));
    _exit(told == sizeof(error) ? 0 : RECORD_ERROR_COMMAND);
}

/* What became of the exec: 0 or its errno. */
static int read_outcome(int pipe_end)
{
    int error = 0;
    ssize_t got;
    do {
        got = read(pipe_end, &error, sizeof(error));
    } while (got < 0 && errno == EINTR);
    return got == sizeof(error) ? error : 0;
}

static gboolean start_failed(const char *name, int error, GError **failure)
{
    g_set_error(failure, RECORD_ERROR,
                error == ENOENT ? RECORD_ERROR_MISSING : RECORD_ERROR_COMMAND, "cannot run %s: %s",
                name, g_strerror(error));
    return FALSE;
}

gboolean record_command_start(struct record_command *command, char *const *argv,
                              char *const *environment, GError **error)
{
    int ends[2];
    struct sigaction standard = {.sa_handler = SIG_DFL}, child_action;
    *command = (struct record_command){.pid = -1};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return start_failed(argv[0], errno, error);
    /* Where it is ignored, as by a parent that does not care, nobody could wait for a child. */
    sigaction(SIGCHLD, &standard, &child_action);
    record_signals_hold();
    command->pid = fork();
    if (command->pid == 0)
        become(argv, environment, ends[1], &mask_before, &child_action);
    int failed = command->pid < 0 ? errno : 0;
    close(ends[1]);
    if (failed == 0)
        failed = read_outcome(ends[0]);
    close(ends[0]);
    if (failed == 0)
        return TRUE;
    if (command->pid > 0)
        waitpid(command->pid, NULL, 0);
    command->pid = -1;
    return start_failed(argv[0], failed, error);
}

/* What the terminal sends went to the command as well. */
static void pass_on(const struct record_command *command, const siginfo_t *info)
{
    if (info->si_signo != SIGCHLD && info->si_code != SI_KERNEL)
        kill(command->pid, info->si_signo);
}

gboolean record_command_wait(struct record_command *command, gint64 timeout_ns)
{
    gint64 end = timeout_ns < 0 ? G_MAXINT64 : g_get_monotonic_time() + timeout_ns / 1000;
    sigset_t awaited;
    awaited_signals(&awaited);
    while (!command->ended) {
        if (waitpid(command->pid, &command->status, WNOHANG) == command->pid) {
            command->ended = TRUE;
            while (record_signal_take(0)) {
            } /* what came before was the command's */
            break;
        }
        gint64 left = end - g_get_monotonic_time();
        if (left <= 0)
            break;
        struct timespec patience = timespec_of_us(left);
        siginfo_t info;
        if (sigtimedwait(&awaited, &info, timeout_ns < 0 ? NULL : &patience) > 0)
            pass_on(command, &info);
    }
    return command->ended;
}

int record_command_status(const struct record_command *command)
{
    return WIFSIGNALED(command->status) ? 128 + WTERMSIG(command->status)
                                        : WEXITSTATUS(command->status);
}
