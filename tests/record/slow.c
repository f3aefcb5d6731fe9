/* SPDX-License-Identifier: Apache-2.0 */
/* Five megabytes of events with naps between them. In the middle it waits for the file that its
 * argument names. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { STEPS = 50, OBJECTS = 1500 };

int main(int argc, char **argv)
{
    static void *object[OBJECTS];
    const struct timespec nap = {0, 5000000};
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < OBJECTS; i++)
            object[i] = malloc((size_t)(step * 16 + i % 48 + 1));
        for (int i = 0; i < OBJECTS; i++)
            free(object[i]);
        do {
            nanosleep(&nap, NULL);
        } while (argc > 1 && step == STEPS / 2 && access(argv[1], F_OK) != 0);
    }
    return 0;
}
