/* SPDX-License-Identifier: Apache-2.0 */
/* Ends in the way that its argument names, with ten objects that nobody has written to a file yet.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *volatile object;

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "return";
    for (int i = 0; i < 10; i++)
        object = malloc(1000);
    if (strcmp(how, "localtime") == 0)
        object = localtime(&(time_t){0});
    if (strcmp(how, "setuid") == 0 && geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        abort();
    if (strcmp(how, "exit") == 0)
        exit(0);
    if (strcmp(how, "_exit") == 0)
        _exit(0);
    if (strcmp(how, "quick_exit") == 0)
        quick_exit(0);
    if (strcmp(how, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(how, "no-exec") == 0) {
        execl("/nonexistent", "nonexistent", (char *)NULL);
        raise(SIGKILL);
    }
    if (strcmp(how, "vfork") == 0) {
        if (vfork() == 0)
            _exit(0);
        raise(SIGKILL);
    }
    if (strcmp(how, "daemon") == 0)
        return daemon(1, 1);
    if (strcmp(how, "execv") == 0)
        execv("/bin/true", (char *[]){"true", NULL});
    if (strcmp(how, "execvp") == 0)
        execvp("true", (char *[]){"true", NULL});
    if (strcmp(how, "execl") == 0)
        execl("/bin/true", "true", "argument", (char *)NULL);
    if (strcmp(how, "execlp") == 0)
        execlp("true", "true", (char *)NULL);
    if (strcmp(how, "execle") == 0)
        execle("/bin/true", "true", (char *)NULL, environ);
    if (strcmp(how, "execve") == 0)
        execve("/bin/true", (char *[]){"true", NULL}, environ);
    return 0;
}
