/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure PRELOAD COMMAND...: runs a command with a library preloaded ("-": none) and prints what
 * it took on file descriptor 3: seconds of CPU time, user and system, of it and all that it waited
 * for; seconds by the clock; KiB that the largest of them had resident at most. Ends as the command
 * does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int status;
    struct rusage used;
    if (argc < 3) {
        fprintf(stderr, "usage: measure PRELOAD COMMAND...\n");
        return 2;
    }
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        close(3);
        if (strcmp(argv[1], "-") != 0)
            setenv("LD_PRELOAD", argv[1], 1);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("measure");
        return 1;
    }
    getrusage(RUSAGE_CHILDREN, &used);
    dprintf(3, "%.3f\t%.3f\t%ld\n", seconds(used.ru_utime) + seconds(used.ru_stime), now() - start,
            used.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
