/* SPDX-License-Identifier: Apache-2.0 */
#include "allocators.h"

#include <string.h>

static const struct {
    const char *name;
    struct replay_allocator allocator;
} known[] = {
    {"buddyslab", {.kind = REPLAY_BUDDYSLAB}},
    {"libc", {.kind = REPLAY_MALLOC}},
    {"glibc", {.kind = REPLAY_MALLOC}},
    {"null", {.kind = REPLAY_NULL}},
    {"recorded", {.kind = REPLAY_RECORDED}},
    {"jemalloc", {REPLAY_MALLOC, "libjemalloc.so.2", "Debian's package libjemalloc2"}},
    {"mimalloc",
     {REPLAY_MALLOC, "libmimalloc.so.2 libmimalloc.so.3",
      "Debian's package libmimalloc2.0 or libmimalloc3"}},
    {"tcmalloc",
     {REPLAY_MALLOC, "libtcmalloc_minimal.so.4", "Debian's package libtcmalloc-minimal4"}},
};

gboolean replay_allocator_is_recorded(const char *name)
{
    struct replay_allocator allocator;
    return replay_allocator_find(name, &allocator) && allocator.kind == REPLAY_RECORDED;
}

gboolean replay_allocator_find(const char *name, struct replay_allocator *allocator)
{
    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        if (strcmp(name, known[i].name) == 0) {
            *allocator = known[i].allocator;
            return TRUE;
        }
    }
    *allocator = (struct replay_allocator){.kind = REPLAY_MALLOC, .preload = name};
    return strstr(name, ".so") != NULL && strpbrk(name, " :") == NULL;
}
