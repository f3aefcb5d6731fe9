/* SPDX-License-Identifier: Apache-2.0 */
#include "interrupt.h"

#include <signal.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

static char told[160];
static volatile sig_atomic_t unshared;
static volatile sig_atomic_t *noted = &unshared;

static void note(int signal)
{
    *noted = signal;
}

static void tell(int signal)
{
    ssize_t written = write(STDERR_FILENO, told, strlen(told));
    (void)written;
    raise(signal); /* by its default action, as this one is reset */
}

static void catch_one(int signal, void (*handler)(int))
{
    struct sigaction action;
    if (sigaction(signal, NULL, &action) != 0 || action.sa_handler == SIG_IGN)
        return;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = (int)SA_RESETHAND; /* what waits for something goes on waiting no more */
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

/* A progress line is wiped. */
void replay_interrupt_tell(const char *words)
{
    g_snprintf(told, sizeof(told), "%sbsa-replay: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "",
               words);
    catch_one(SIGINT, tell);
    catch_one(SIGTERM, tell);
}

/* Without memory to share the processes that are started later end with the second signal. */
void replay_interrupt_catch(void)
{
    void *shared =
        mmap(NULL, sizeof(*noted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared != MAP_FAILED)
        noted = shared;
    catch_one(SIGINT, note);
    catch_one(SIGTERM, note);
}

int replay_interrupted(void)
{
    return *noted;
}
