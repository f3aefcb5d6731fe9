/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another program takes this process's place: what it has recorded goes to its file first. When it
 * comes to nothing, the recording goes on. The new program finds the recorder in its environment.
 *
 * So it is with daemon, of which a child comes back.
 *
 * posix_spawn, system and popen need nothing: their children share this process's memory until they
 * run another program, and this process goes on.
 */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

/* Calls the function behind this library's own. */
#define NEXT(function, ...)                                                                        \
    do {                                                                                           \
        int result;                                                                                \
        if (bsar_real.function == NULL)                                                            \
            bsar_find_real();                                                                      \
        if (bsar_real.function == NULL) {                                                          \
            errno = ENOSYS;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
        bsar_save_for_good();                                                                      \
        result = bsar_real.function(__VA_ARGS__);                                                  \
        bsar_go_on();                                                                              \
        return result;                                                                             \
    } while (0)

BSAR_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    NEXT(execve, path, argv, envp);
}

BSAR_EXPORT int execv(const char *path, char *const argv[])
{
    NEXT(execv, path, argv);
}

BSAR_EXPORT int execvp(const char *file, char *const argv[])
{
    NEXT(execvp, file, argv);
}

BSAR_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    NEXT(execvpe, file, argv, envp);
}

BSAR_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    NEXT(fexecve, fd, argv, envp);
}

BSAR_EXPORT int execveat(int directory, const char *path, char *const argv[], char *const envp[],
                         int flags)
{
    NEXT(execveat, directory, path, argv, envp, flags);
}

/* Its parent ends within libc, where _exit is not asked for by name. */
BSAR_EXPORT int daemon(int stay, int keep)
{
    NEXT(daemon, stay, keep);
}

/* Arguments up to NULL as an array on the caller's stack, and behind them envp where it has one. */
#define COUNT_ARGUMENTS(count, first)                                                              \
    do {                                                                                           \
        va_list list;                                                                              \
        va_start(list, first);                                                                     \
        for (count = 1; va_arg(list, char *) != NULL; count++) {                                   \
        }                                                                                          \
        va_end(list);                                                                              \
    } while (0)

static char *const *take_arguments(char **argv, size_t count, const char *first, va_list list)
{
    argv[0] = (char *)(uintptr_t)first;
    for (size_t i = 1; i <= count; i++)
        argv[i] = va_arg(list, char *);
    return argv;
}

BSAR_EXPORT int execl(const char *path, const char *first, ...)
{
    size_t count;
    COUNT_ARGUMENTS(count, first);
    char *argv[count + 1];
    va_list list;
    va_start(list, first);
    take_arguments(argv, count, first, list);
    va_end(list);
    return execv(path, argv);
}

BSAR_EXPORT int execlp(const char *file, const char *first, ...)
{
    size_t count;
    COUNT_ARGUMENTS(count, first);
    char *argv[count + 1];
    va_list list;
    va_start(list, first);
    take_arguments(argv, count, first, list);
    va_end(list);
    return execvp(file, argv);
}

BSAR_EXPORT int execle(const char *path, const char *first, ...)
{
    size_t count;
    COUNT_ARGUMENTS(count, first);
    char *argv[count + 1];
    va_list list;
    va_start(list, first);
    take_arguments(argv, count, first, list);
    char *const *envp = va_arg(list, char *const *);
    va_end(list);
    return execve(path, argv, envp);
}
