/* SPDX-License-Identifier: Apache-2.0 */
/* This program started again, with another malloc. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static const char variable[] = "LD_PRELOAD=";

/* The environment, with LD_PRELOAD as the subject wants it. Its first entry is to be freed. */
static char **make_environment(const struct bench_subject *subject)
{
    size_t count = 0, n = 0;
    while (environ[count] != NULL)
        count++;
    char **made = calloc(count + 2, sizeof(*made));
    if (made == NULL || asprintf(&made[n++], "%s%s", variable,
                                 subject->preload == NULL ? "" : subject->preload) < 0)
        bench_fail("no memory");
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], variable, strlen(variable)) != 0)
            made[n++] = environ[i];
    return made;
}

static pid_t start(const struct bench_subject *subject, char *const *args, bool silent, int output)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    char **made = make_environment(subject);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (silent)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int error = posix_spawn(&child, "/proc/self/exe", &actions, NULL, args, made);
    if (error != 0)
        bench_fail("this program cannot be started again: %s", strerror(error));
    posix_spawn_file_actions_destroy(&actions);
    free(made[0]);
    free(made);
    return child;
}

bool bench_run_self(const struct bench_subject *subject, char *const *args, bool silent, char *line,
                    size_t bytes)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        bench_fail("no pipe: %s", strerror(errno));
    pid_t child = start(subject, args, silent, ends[1]);
    close(ends[1]);

    size_t got = 0;
    for (ssize_t n; (n = read(ends[0], line + got, bytes - 1 - got)) != 0;) {
        if (n < 0 && errno != EINTR)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    close(ends[0]);
    line[got] = '\0';
    line[strcspn(line, "\n")] = '\0';
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && got != 0;
}
