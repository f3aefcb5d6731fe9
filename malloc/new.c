/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C++: operator new and delete, under the names that compilers give them.
 *
 * A new that finds no memory calls the new handler until there is none, and then throws; how to do
 * that is the C++ library's business, which is there if a program calls new, but need not be there
 * otherwise: its functions are weak references. The forms that do not throw are left to the C++
 * library too: it calls the ones here and catches.
 */
#include "fast.h"

#include <stdlib.h>
#include <unistd.h>

#if __SIZEOF_SIZE_T__ == __SIZEOF_LONG__
#define WITH_SIZE(before, after) before##m##after
#else
#define WITH_SIZE(before, after) before##j##after
#endif

typedef void handler(void);
/* std::get_new_handler(), and what throws std::bad_alloc in libstdc++ and in libc++. */
extern handler *_ZSt15get_new_handlerv(void) __attribute__((weak));
extern void _ZSt17__throw_bad_allocv(void) __attribute__((weak));
extern void _ZNSt3__117__throw_bad_allocEv(void) __attribute__((weak));

BSAM_COLD static _Noreturn void fail(size_t size)
{
    if (_ZSt17__throw_bad_allocv != NULL)
        _ZSt17__throw_bad_allocv();
    if (_ZNSt3__117__throw_bad_allocEv != NULL)
        _ZNSt3__117__throw_bad_allocEv();
    struct bsam_line line = {.used = 0};
    bsam_put(&line, "buddyslab-malloc: operator new(");
    bsam_put_number(&line, size);
    bsam_put(&line, "): no memory, and no C++ library in sight to throw std::bad_alloc with");
    bsam_say(STDERR_FILENO, &line);
    abort();
}

BSAM_COLD static void *new_slow(size_t size, size_t align)
{
    for (;;) {
        handler *call = _ZSt15get_new_handlerv != NULL ? _ZSt15get_new_handlerv() : NULL;
        if (call == NULL)
            fail(size);
        call(); /* makes room, or throws */
        void *p = bsam_alloc(size, align);
        if (p != NULL)
            return p;
    }
}

static BSAM_ALWAYS_INLINE void *new_aligned(size_t size, size_t align)
{
    void *p = bsam_alloc(size, align);
    return BSAM_LIKELY(p != NULL) ? p : new_slow(size, align);
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
            fail(size); /* no handler would help */                                                \
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
