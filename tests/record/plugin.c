/* SPDX-License-Identifier: Apache-2.0 */
/* Runs run() of a library, whose own libraries' names nobody else sees. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    void *plugin = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    int (*run)(void) = NULL;
    if (plugin != NULL)
        *(void **)&run = dlsym(plugin, "run");
    if (run == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    return run();
}
