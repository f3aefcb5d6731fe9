/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A platform header as a kernel writes it: everything that lib/base/config.h leaves open, without a
 * header of an operating system. tests/check-freestanding.sh builds lib/ with it.
 */
#ifndef FREESTANDING_PLATFORM_H
#define FREESTANDING_PLATFORM_H

#define BSA_PANIC(what) __builtin_trap()
#define BSA_CPU_PAUSE() __asm__ volatile("" ::: "memory")
#define BSA_CACHE_LINE 64

#endif
