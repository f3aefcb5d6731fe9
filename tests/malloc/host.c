/* SPDX-License-Identifier: Apache-2.0 */
/* host PLUGIN: allocates before main, after it, and around a plugin that comes and goes. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *early;
static pthread_key_t key;

static void fail(const char *what)
{
    fprintf(stderr, "host: %s\n", what);
    _Exit(1);
}

__attribute__((constructor(101))) static void very_early(void)
{
    early = malloc(100);
    strcpy(early, "early");
}

__attribute__((destructor(101))) static void very_late(void)
{
    char *late = calloc(10, 5000);
    if (strcmp(early, "early") != 0 || late[49999] != 0)
        fail("what was allocated early is not there late");
    free(early);
    free(late);
}

static void at_exit(void)
{
    early = realloc(early, 200000);
}

/* Key destructors of main run when it ends as a thread; exit handlers come after. */
static void destroy(void *p)
{
    free(p);
}

static void *last_thread(void *main_thread)
{
    if (pthread_join(*(pthread_t *)main_thread, NULL) != 0)
        fail("main cannot be joined");
    for (int i = 0; i < 1000; i++)
        free(realloc(malloc((size_t)i), 5000));
    exit(0);
}

int main(int argc, char **argv)
{
    static pthread_t main_thread;
    pthread_t thread;
    char *kept[50];
    if (argc != 2)
        fail("usage: host PLUGIN");
    atexit(at_exit);
    for (size_t i = 0; i < 50; i++) {
        void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (plugin == NULL)
            fail(dlerror());
        char *(*makes)(size_t) = (char *(*)(size_t))dlsym(plugin, "plugin_makes");
        kept[i] = makes != NULL ? makes(i * 100 + 1) : memset(malloc(i * 100 + 1), 5, i * 100 + 1);
        dlclose(plugin);
    }
    for (size_t i = 0; i < 50; i++) {
        if (kept[i][0] != 5 || kept[i][i * 100] != 5)
            fail("what the plugin made is not there");
        free(kept[i]);
    }
    pthread_key_create(&key, destroy);
    pthread_setspecific(key, malloc(10));
    main_thread = pthread_self();
    if (pthread_create(&thread, NULL, last_thread, &main_thread) != 0)
        fail("no thread");
    pthread_exit(NULL);
}
