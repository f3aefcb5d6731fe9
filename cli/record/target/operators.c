/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C++'s new and delete, under the names that compilers give them.
 *
 * Those of the C++ library call malloc and free, and are recorded by that. An allocator for C++
 * programs has its own, which call nothing that is seen from outside: then these here call malloc
 * and free instead, as it is one heap. What to do where there is no memory is left to the next
 * ones, which call the new handler, and throw.
 */
#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#if __SIZEOF_SIZE_T__ == __SIZEOF_LONG__
#define WITH_SIZE(before, after) before##m##after
#else
#define WITH_SIZE(before, after) before##j##after
#endif

struct next {
    void *function; /* NULL: it was not looked for; &nothing: there is none */
    bool allocators;
};
static char nothing;

/* The loaded object that an address is in. */
static const struct link_map *object_at(const void *address)
{
    Dl_info info;
    void *map = NULL;
    return dladdr1(address, &info, &map, RTLD_DL_LINKMAP) != 0 ? map : NULL;
}

/* Where the C++ library came with a plug-in, whose names others do not see: what the plug-in would
 * find, which is its own first. It stays loaded. */
static void *find_in_plug_in(const char *name)
{
    struct link_map *map = NULL;
    void *program = dlopen(NULL, RTLD_LAZY), *found = NULL;
    if (program == NULL || dlinfo(program, RTLD_DI_LINKMAP, &map) != 0)
        return NULL;
    for (; map != NULL && found == NULL; map = map->l_next) {
        void *object = map->l_name[0] != '\0' && map != object_at(&nothing)
                           ? dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD)
                           : NULL;
        if (object == NULL)
            continue;
        found = dlsym(object, name);
        if (found == NULL || object_at(found) != map) {
            found = NULL;
            dlclose(object);
        }
    }
    return found;
}

static bool is_with_malloc(const void *function)
{
    void *real;
    Dl_info ours, theirs;
    memcpy(&real, &bsar_real.malloc, sizeof(real));
    return dladdr(function, &ours) != 0 && dladdr(real, &theirs) != 0 &&
           ours.dli_fbase == theirs.dli_fbase;
}

static BSAR_COLD void find(struct next *next, const char *name)
{
    struct bsar_pause pause;
    bsar_enter(&pause);
    if (bsar_real.longjmp == NULL)
        bsar_find_real();
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        found = find_in_plug_in(name);
    next->allocators = found != NULL && is_with_malloc(found);
    __atomic_store_n(&next->function, found != NULL ? found : &nothing, __ATOMIC_RELEASE);
    bsar_leave(&pause);
}

/* The function behind this library's own, to be called; NULL: it is to be done here. */
static inline void *next_of(struct next *next, const char *name)
{
    if (BSAR_UNLIKELY(__atomic_load_n(&next->function, __ATOMIC_ACQUIRE) == NULL))
        find(next, name);
    return BSAR_LIKELY(!next->allocators && next->function != &nothing) ? next->function : NULL;
}

/* The function that is asked when there is no memory. NULL: no C++ library is in sight. */
static void *last_resort(const struct next *next)
{
    return next->function != &nothing ? next->function : NULL;
}

static void *fail(bool throws)
{
    if (throws)
        __builtin_trap();
    return NULL;
}

#define NEW(name, throws, parameters, arguments, kind, align, allocate)                            \
    BSAR_EXPORT void *name parameters;                                                             \
    BSAR_EXPORT void *name parameters                                                              \
    {                                                                                              \
        static struct next next;                                                                   \
        void *(*call)parameters, *function = next_of(&next, #name), *p = NULL;                     \
        memcpy(&call, &function, sizeof(call));                                                    \
        if (BSAR_LIKELY(call != NULL))                                                             \
            return call arguments;                                                                 \
        p = allocate;                                                                              \
        if (BSAR_LIKELY(p != NULL))                                                                \
            return p;                                                                              \
        function = last_resort(&next);                                                             \
        memcpy(&call, &function, sizeof(call));                                                    \
        return call != NULL ? bsar_allocated(kind, call arguments, size, align) : fail(throws);    \
    }
#define NEW_FORMS(plain, nothrow, aligned, aligned_nothrow)                                        \
    NEW(plain, true, (size_t size), (size), TRACE_ALLOC, 0, malloc(size))                          \
    NEW(nothrow, false, (size_t size, const void *tag), (size, tag), TRACE_ALLOC, 0, malloc(size)) \
    NEW(aligned, true, (size_t size, size_t align), (size, align), TRACE_ALIGNED_ALLOC, align,     \
        memalign(align, size))                                                                     \
    NEW(aligned_nothrow, false, (size_t size, size_t align, const void *tag), (size, align, tag),  \
        TRACE_ALIGNED_ALLOC, align, memalign(align, size))
NEW_FORMS(WITH_SIZE(_Znw, ), WITH_SIZE(_Znw, RKSt9nothrow_t), WITH_SIZE(_Znw, St11align_val_t),
          WITH_SIZE(_Znw, St11align_val_tRKSt9nothrow_t))
NEW_FORMS(WITH_SIZE(_Zna, ), WITH_SIZE(_Zna, RKSt9nothrow_t), WITH_SIZE(_Zna, St11align_val_t),
          WITH_SIZE(_Zna, St11align_val_tRKSt9nothrow_t))

#define DELETE_NAMED(name, parameters, arguments)                                                  \
    BSAR_EXPORT void name parameters;                                                              \
    BSAR_EXPORT void name parameters                                                               \
    {                                                                                              \
        static struct next next;                                                                   \
        void(*call) parameters, *function = next_of(&next, #name);                                 \
        memcpy(&call, &function, sizeof(call));                                                    \
        if (BSAR_LIKELY(call != NULL))                                                             \
            call arguments;                                                                        \
        else                                                                                       \
            free(p);                                                                               \
    }
/* Its name is made before it becomes a string. */
#define DELETE(name, parameters, arguments) DELETE_NAMED(name, parameters, arguments)
#define DELETE_FORMS(name)                                                                         \
    DELETE(name##Pv, (void *p), (p))                                                               \
    DELETE(WITH_SIZE(name##Pv, ), (void *p, size_t size), (p, size))                               \
    DELETE(name##PvRKSt9nothrow_t, (void *p, const void *tag), (p, tag))                           \
    DELETE(name##PvSt11align_val_t, (void *p, size_t align), (p, align))                           \
    DELETE(WITH_SIZE(name##Pv, St11align_val_t), (void *p, size_t size, size_t align),             \
           (p, size, align))                                                                       \
    DELETE(name##PvSt11align_val_tRKSt9nothrow_t, (void *p, size_t align, const void *tag),        \
           (p, align, tag))
DELETE_FORMS(_Zdl)
DELETE_FORMS(_Zda)
