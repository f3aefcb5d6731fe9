/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that come and go; each frees its last object in a destructor. Four objects each. */
#include <pthread.h>
#include <stdlib.h>

enum { ROUNDS = 250, THREADS = 4 };
static pthread_key_t key;

static void *run(void *object)
{
    free(object); /* another thread's */
    pthread_setspecific(key, malloc(50));
    free(malloc(60));
    return malloc(70);
}

int main(void)
{
    if (pthread_key_create(&key, free) != 0)
        abort();
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread[THREADS];
        for (int i = 0; i < THREADS; i++) {
            if (pthread_create(&thread[i], NULL, run, malloc(40)) != 0)
                abort();
        }
        for (int i = 0; i < THREADS; i++) {
            void *object;
            pthread_join(thread[i], &object);
            free(object);
        }
    }
    return 0;
}
