/* SPDX-License-Identifier: Apache-2.0 */
/* A malloc during which a signal comes, for two sizes. */
#include <signal.h>
#include <stddef.h>

void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
    if (size == 1000001)
        raise(SIGUSR1);
    if (size == 1000002)
        raise(SIGUSR2);
    return __libc_malloc(size);
}
