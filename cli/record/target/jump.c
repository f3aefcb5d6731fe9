/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal handler that jumps may have interrupted a real malloc, which does not come back to say
 * that the thread is outside again. A jump within a handler, or within the program, says nothing
 * wrong by it: then the real function ends later, or none was running.
 *
 * The names have no declarations here: setjmp.h's differ by _FORTIFY_SOURCE.
 */
#include "internal.h"

#define JUMP(function, name)                                                                       \
    BSAR_EXPORT _Noreturn void function(void *place, int value) __asm__(name);                     \
    void function(void *place, int value)                                                          \
    {                                                                                              \
        jump(place, value);                                                                        \
    }

static _Noreturn void jump(void *place, int value)
{
    bsar_self.inside = false;
    if (bsar_real.longjmp == NULL)
        bsar_find_real();
    if (bsar_real.longjmp != NULL)
        bsar_real.longjmp(place, value);
    __builtin_trap();
}

JUMP(bsar_longjmp, "longjmp")
JUMP(bsar_jump, "_longjmp")
JUMP(bsar_siglongjmp, "siglongjmp")
JUMP(bsar_longjmp_checked, "__longjmp_chk")
