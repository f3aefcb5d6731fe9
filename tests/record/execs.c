/* SPDX-License-Identifier: Apache-2.0 */
/* Children that a thread with a small stack makes, and that run programs while another thread has
 * the dynamic linker. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 100 };
static void *volatile object;

static void *load(void *unused)
{
    for (;;) {
        void *library = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
        if (library != NULL)
            dlclose(library);
    }
    return unused;
}

static void *fork_here(void *failed)
{
    int status = 1;
    if (fork() == 0) {
        object = malloc(66);
        _exit(0);
    }
    wait(&status);
    *(int *)failed = status != 0;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_attr_t small;
    int failed = 1, status;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN);
    pthread_create(&thread, &small, fork_here, &failed);
    pthread_join(thread, NULL);
    if (failed)
        return 3;
    alarm(60); /* a child that waits for the linker's lock waits for ever */
    pthread_create(&thread, NULL, load, NULL);
    for (int i = 0; i < CHILDREN; i++) {
        if (_Fork() == 0) {
            execv("/bin/true", (char *[]){"true", NULL});
            _exit(1);
        }
        if (wait(&status) < 0 || status != 0)
            return 4;
    }
    return 0;
}
