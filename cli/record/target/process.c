/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a process begins, forks and ends, so that each has a file and the file
 * has everything.
 *
 * A process ends by _exit, which is asked for here, or by exit, which runs destructors: ours is
 * among them, and what is called after it goes to the file at once. One that a signal kills leaves
 * what was in the file: up to a buffer of each thread is missing.
 */
#include "internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../environment.h"
#include "clock.h"

_Alignas(sizeof(union bsar_page)) union bsar_page bsar_page;
static bool program_begun; /* in this process, or in the one that it was forked from */
static pid_t process;      /* this one */
static uint32_t lock;      /* 0: free, 1: held, 2: and somebody sleeps */

void bsar_lock(void)
{
    uint32_t seen = 0;
    if (__atomic_compare_exchange_n(&lock, &seen, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&lock, 2, __ATOMIC_ACQUIRE) != 0)
        syscall(SYS_futex, &lock, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

void bsar_unlock(void)
{
    if (__atomic_exchange_n(&lock, 0, __ATOMIC_RELEASE) == 2)
        syscall(SYS_futex, &lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void bsar_enter(struct bsar_pause *pause)
{
    sigset_t all;
    pause->error = errno;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &pause->signals);
    pause->inside = bsar_self.inside;
    bsar_self.inside = true;
}

void bsar_leave(const struct bsar_pause *pause)
{
    bsar_self.inside = pause->inside; /* before a handler that has waited comes */
    pthread_sigmask(SIG_SETMASK, &pause->signals, NULL);
    errno = pause->error;
}

/* Begins ------------------------------------------------------------------------------------------- */

static void in_child(void)
{
    bsar_page.mode = BSAR_NEW;
}

/* A child of fork finds BSAR_NEW, whether libc or a system call of the target's made it. */
static void watch_forks(void)
{
    if (madvise(&bsar_page, sizeof(bsar_page), MADV_WIPEONFORK) != 0)
        pthread_atfork(NULL, NULL, in_child); /* Linux before 4.14, or larger pages */
}

/* What a child of vfork does of its own, exec or _exit, is no end of its parent's. */
static bool is_own(void)
{
    return bsar_mode() != BSAR_NEW && getpid() == process;
}

static void say_whole(bool whole)
{
    struct bsar_pause pause;
    bsar_enter(&pause);
    bsar_lock();
    bsar_file_end(bsar_mode() == BSAR_ENOUGH ? RECORD_END_LIMIT /* however it ends */
                  : whole                    ? RECORD_END_WHOLE
                                             : RECORD_END_CUT,
                  bsar_lost + (bsar_mode() == BSAR_FAILED ? bsar_unsaved() : 0));
    bsar_unlock();
    bsar_leave(&pause);
}

void bsar_save_for_good(void)
{
    if (is_own()) {
        bsar_save_all();
        say_whole(true);
    }
}

void bsar_go_on(void)
{
    if (is_own())
        say_whole(false);
}

static enum bsar_mode mode_asked_for(void)
{
    return bsar_config.until_ns != 0 || bsar_config.max_events != UINT64_MAX ? BSAR_LIMITED
                                                                             : BSAR_RECORDING;
}

static void begin_program(void)
{
    program_begun = true;
    if (!bsar_config_read()) {
        bsar_set_mode(BSAR_OFF);
        return;
    }
    bsar_clock_choose();
    bsar_file_find_stderr();
    bsar_watch_thread_ends();
    watch_forks();
    bsar_set_mode(mode_asked_for());
}

/* Before the first record: the moment on both clocks that the file begins with is the first. */
static void begin_file(void)
{
    bsar_lock();
    bsar_file_begin();
    bsar_unlock();
}

static void begin_child(void)
{
    lock = 0;
    bsar_file_forget();
    bsar_forget_records();
    if (bsar_config.stem[0] != '/' || !bsar_config.follow ||
        (bsar_config.until_ns != 0 && bsar_monotonic_ns() >= bsar_config.until_ns)) {
        bsar_set_mode(BSAR_OFF);
        return;
    }
    bsar_set_mode(mode_asked_for());
    begin_file();
}

uint32_t bsar_begin(void)
{
    if (bsar_mode() == BSAR_NEW) {
        if (program_begun)
            begin_child();
        else
            begin_program();
        process = getpid();
    }
    return bsar_mode();
}

__attribute__((constructor(101))) static void program_begins(void)
{
    struct bsar_pause pause;
    bsar_enter(&pause);
    uint32_t mode = bsar_begin();
    if (mode < BSAR_OFF) {
        at_quick_exit(bsar_save_for_good);
        if (!bsar_config.follow)
            unsetenv(RECORD_ENV_STEM); /* for the programs that this one runs */
        begin_file();
        if (!bsar_config.quiet)
            bsar_tell_rival();
    }
    bsar_leave(&pause);
}

/* Ends --------------------------------------------------------------------------------------------- */

__attribute__((destructor(101))) static void program_ends(void)
{
    uint32_t mode = bsar_mode();
    if (mode != BSAR_NEW && mode < BSAR_OFF)
        bsar_set_mode(BSAR_ENDING); /* before, as other threads go on */
    bsar_save_for_good();
}

BSAR_EXPORT void _exit(int status)
{
    bsar_save_for_good();
    bsar_real.exit_now(status);
    __builtin_unreachable();
}

BSAR_EXPORT void _Exit(int status)
{
    _exit(status);
}
