/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C++: operator new and delete, under the names that compilers give them.
 *
 * A new that finds no memory calls the new handler until there is none, and then throws; how to do
 * that is the C++ library's business, which is there if a program calls new, but need not be there
 * otherwise: its functions are weak references, and looked up with the caller where it came later,
 * as with a plugin of a C program. The forms that do not throw are left to the C++ library too: it
 * calls the ones here and catches.
 */
#include "fast.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#if __SIZEOF_SIZE_T__ == __SIZEOF_LONG__
#define WITH_SIZE(before, after) before##m##after
#else
#define WITH_SIZE(before, after) before##j##after
#endif

typedef void function(void);
/* std::get_new_handler(), and what throws std::bad_alloc in libstdc++ and in libc++. */
extern function *_ZSt15get_new_handlerv(void) __attribute__((weak));
extern function _ZSt17__throw_bad_allocv __attribute__((weak));
extern function _ZNSt3__117__throw_bad_allocEv __attribute__((weak));

/* What the caller's file, or one that it needs, calls so. NULL: there is none. */
static void *of_caller(const char *name, const void *caller)
{
    Dl_info info;
    void *file, *found = NULL;
    if (dladdr(caller, &info) != 0 && info.dli_fname != NULL &&
        (file = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD)) != NULL) {
        found = dlsym(file, name);
        dlclose(file);
    }
    return found;
}

BSAM_COLD static _Noreturn void fail(size_t size, const void *caller)
{
    function *throws = _ZSt17__throw_bad_allocv;
    if (throws == NULL)
        throws = _ZNSt3__117__throw_bad_allocEv;
    if (throws == NULL)
        throws = (function *)of_caller("_ZSt17__throw_bad_allocv", caller);
    if (throws == NULL)
        throws = (function *)of_caller("_ZNSt3__117__throw_bad_allocEv", caller);
    if (throws != NULL)
        throws();
    struct bsam_line line = {.used = 0};
    bsam_put(&line, "buddyslab-malloc: operator new(");
    bsam_put_number(&line, size);
    bsam_put(&line, "): no memory, and no C++ library in sight to throw std::bad_alloc with");
    bsam_say(STDERR_FILENO, &line);
    abort();
}

BSAM_COLD static void *new_slow(size_t size, size_t align, const void *caller)
{
    function *(*get_handler)(void) = _ZSt15get_new_handlerv;
    if (get_handler == NULL)
        get_handler = (function * (*)(void)) of_caller("_ZSt15get_new_handlerv", caller);
    for (;;) {
        function *handler = get_handler != NULL ? get_handler() : NULL;
        if (handler == NULL)
            fail(size, caller);
        handler(); /* makes room, or throws */
        void *p = bsam_alloc(size, align);
        if (p != NULL)
            return p;
    }
}

static BSAM_ALWAYS_INLINE void *new_aligned(size_t size, size_t align)
{
    void *p = bsam_alloc(size, align);
    return BSAM_LIKELY(p != NULL) ? p : new_slow(size, align, BSAM_CALLER());
}

static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* An ordinary new, and one with std::align_val_t. */
#define NEW(plain, aligned)                                                                        \
    BSAM_EXPORT void *plain(size_t size);                                                          \
    BSAM_EXPORT void *plain(size_t size)                                                           \
    {                                                                                              \
        return new_aligned(size, 0);                                                               \
    }                                                                                              \
    BSAM_EXPORT void *aligned(size_t size, size_t align);                                          \
    BSAM_EXPORT void *aligned(size_t size, size_t align)                                           \
    {                                                                                              \
        if ((align & (align - 1)) != 0)                                                            \
            fail(size, BSAM_CALLER()); /* no handler would help */                                 \
        return new_aligned(size, larger(align, bsam_align_for(size)));                             \
    }
NEW(WITH_SIZE(_Znw, ), WITH_SIZE(_Znw, St11align_val_t))
NEW(WITH_SIZE(_Zna, ), WITH_SIZE(_Zna, St11align_val_t))

/* Every form of delete knows enough by the address. */
#define DELETE(name, says, ...)                                                                    \
    BSAM_EXPORT void name(void *p __VA_ARGS__);                                                    \
    BSAM_EXPORT void name(void *p __VA_ARGS__)                                                     \
    {                                                                                              \
        bsam_free(p, says, BSAM_CALLER());                                                         \
    }
#define ANY __attribute__((unused))
#define DELETE_FORMS(name, says)                                                                   \
    DELETE(name##Pv, says)                                                                         \
    DELETE(WITH_SIZE(name##Pv, ), says, , ANY size_t size)                                         \
    DELETE(name##PvRKSt9nothrow_t, says, , ANY const void *nothrow)                                \
    DELETE(name##PvSt11align_val_t, says, , ANY size_t align)                                      \
    DELETE(WITH_SIZE(name##Pv, St11align_val_t), says, , ANY size_t size, ANY size_t align)        \
    DELETE(name##PvSt11align_val_tRKSt9nothrow_t, says, , ANY size_t align, ANY const void *nothrow)
DELETE_FORMS(_Zdl, "operator delete")
DELETE_FORMS(_Zda, "operator delete[]")
