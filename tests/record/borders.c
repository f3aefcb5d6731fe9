/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and addresses for which a record is longer; with any_malloc.c. */
#include <stdlib.h>

int main(void)
{
    static const size_t sizes[] = {65535, 65537, (1 << 20) + 1, ((size_t)1 << 40) + 1,
                                   ((size_t)1 << 48) - 1};
    for (int i = 0; i < 5; i++) {
        void *low = malloc(1001), *p = malloc(sizes[i]);
        free(low);
        free(p);
    }
    void *volatile none = malloc((size_t)-1);
    return none != NULL;
}
