/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that allocates whenever it can. */
#include <stdlib.h>
#include <string.h>

static char *kept;

__attribute__((constructor)) static void load(void)
{
    kept = malloc(3000);
    memset(kept, 5, 3000);
}

__attribute__((destructor)) static void unload(void)
{
    free(kept);
}

/* What outlives the plugin is the caller's. */
char *plugin_makes(size_t size);
char *plugin_makes(size_t size)
{
    return memset(malloc(size), kept[0], size);
}
