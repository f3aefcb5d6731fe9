/* SPDX-License-Identifier: Apache-2.0 */
/* Children of all kinds, and a parent that closes what it does not know and goes elsewhere. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile object;

static void take(size_t size)
{
    object = malloc(size);
    free(object);
}

int main(void)
{
    void *inherited = malloc(100);
    take(11);
    if (fork() == 0) {
        take(22);
        free(inherited);
        _exit(0);
    }
    wait(NULL);
    if (fork() == 0) { /* more than is kept in memory, twice */
        void *many[3000];
        for (int i = 0; i < 3000; i++)
            many[i] = malloc(66);
        for (int i = 0; i < 3000; i++)
            free(many[i]);
        exit(0);
    }
    wait(NULL);
    if (syscall(SYS_fork) == 0) { /* behind libc's back */
        take(33);
        exit(0);
    }
    wait(NULL);
    if (vfork() == 0) {
        execl("/nonexistent", "nonexistent", (char *)NULL);
        _exit(1);
    }
    wait(NULL);
    take(44);
    for (int fd = 3; fd < 4096; fd++)
        close(fd);
    if (chdir("/") == 0)
        take(55);
    return 0;
}
