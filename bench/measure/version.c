/* SPDX-License-Identifier: Apache-2.0 */
/* Which malloc this process has: asked by a process that was started with LD_PRELOAD. */
#include <dlfcn.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* A function's address comes from dlsym as that of an object. */
#define SYMBOL(type, name) (*(type **)(void *[]){dlsym(RTLD_DEFAULT, name)})

typedef const char *tcmalloc_version(int *major, int *minor, const char **patch);
typedef int mimalloc_version(void);
typedef int jemalloc_control(const char *name, void *old, size_t *old_size, void *set, size_t size);

/* As far as the libraries tell it themselves. */
static void tell_version(char *text, size_t bytes)
{
    tcmalloc_version *tcmalloc = SYMBOL(tcmalloc_version, "tc_version");
    mimalloc_version *mimalloc = SYMBOL(mimalloc_version, "mi_version");
    jemalloc_control *jemalloc = SYMBOL(jemalloc_control, "mallctl");
    const char *version = NULL;
    size_t size = sizeof(version);
    int major, minor;

    text[0] = '\0';
    if (tcmalloc != NULL)
        snprintf(text, bytes, "%s", tcmalloc(&major, &minor, &version));
    else if (mimalloc != NULL)
        snprintf(text, bytes, "mimalloc %d.%d.%d", mimalloc() / 100, mimalloc() / 10 % 10,
                 mimalloc() % 10);
    else if (jemalloc != NULL && jemalloc("version", &version, &size, NULL, 0) == 0)
        snprintf(text, bytes, "jemalloc %.*s", (int)strcspn(version, "-"), version);
}

/* By its path, or by its name where the linker has looked for it. */
static bool is_library(const char *wanted, const char *found, const char *path)
{
    if (wanted == NULL)
        return false;
    char *wanted_path = realpath(wanted, NULL);
    bool is = wanted_path != NULL ? strcmp(wanted_path, path) == 0 : strcmp(found, wanted) == 0;
    free(wanted_path);
    return is;
}

bool bench_preloaded(const struct bench_subject *subject, char *version, size_t bytes)
{
    Dl_info info;
    void *function = dlsym(RTLD_DEFAULT, "malloc");
    if (function == NULL || dladdr(function, &info) == 0)
        return false;
    char *path = realpath(info.dli_fname, NULL), *found = strdup(info.dli_fname);
    char told[64];
    if (path == NULL || found == NULL)
        bench_fail("%s: which malloc is here cannot be told", subject->name);
    bool there = is_library(subject->preload, basename(found), path) ||
                 is_library(subject->or_preload, basename(found), path);
    tell_version(told, sizeof(told));
    snprintf(version, bytes, "%s%s%s", basename(path), told[0] == '\0' ? "" : ", ", told);
    free(path);
    free(found);
    return there;
}
