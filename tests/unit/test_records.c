/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of slab records from inside: it gives its pages back. */
#include "slab_bed.h"

START_TEST(records_come_and_go)
{
    struct bed *b = make_bed(1);
    struct bsai_records *pool = b->cache->records;
    struct bsai_slab *records[3 * (PAGE / BSAI_RECORD_ALIGN)];
    void *pages[3];
    size_t n = 0, per_chunk = 0;
    ck_assert_ptr_null(bsai_records_reclaim(pool, &b->call));
    for (unsigned i = 0; i < 3; i++) {
        struct bsai_slab *record;
        ck_assert_ptr_null(bsai_records_get(pool, &b->call, 0));
        pages[i] = new_page(b);
        bsai_records_add(pool, &b->call, pages[i]);
        while ((record = bsai_records_get(pool, &b->call, 0)) != NULL) {
            uintptr_t offset = (uintptr_t)record - (uintptr_t)pages[i];
            ck_assert_uint_eq((uintptr_t)record % BSAI_RECORD_ALIGN, 0);
            ck_assert_uint_ge(offset, BSAI_RECORD_ALIGN);
            ck_assert_uint_le(offset + pool->record_bytes, PAGE);
            memset(record, (int)i, pool->record_bytes);
            records[n++] = record;
        }
        per_chunk = per_chunk == 0 ? n : per_chunk;
        ck_assert_uint_eq(n, (i + 1) * per_chunk);
    }
    ck_assert_uint_eq(per_chunk, (PAGE - BSAI_RECORD_ALIGN) / pool->record_bytes);
    ck_assert_uint_eq(pool->chunk_count, 3);
    ck_assert_uint_eq(pool->idle, 0);

    /* One idle chunk is kept, further ones go. */
    size_t gone = 0;
    for (size_t i = 0; i < n; i++) {
        void *chunk = bsai_records_put(pool, &b->call, records[i]);
        if (chunk != NULL) {
            ck_assert_uint_eq((i + 1) % per_chunk, 0);
            ck_assert_ptr_eq(chunk, pages[i / per_chunk]);
            gone++;
        }
    }
    ck_assert_uint_eq(gone, 2);
    ck_assert_uint_eq(pool->chunk_count, 1);
    ck_assert_uint_eq(pool->idle, 1);
    ck_assert_ptr_eq(bsai_records_reclaim(pool, &b->call), pages[0]);
    ck_assert_ptr_null(bsai_records_reclaim(pool, &b->call));
    ck_assert_ptr_null(bsai_records_get(pool, &b->call, 0));
    end_bed(b);
}
END_TEST

/* An idle chunk is found behind chunks in use. */
START_TEST(idle_chunk_is_found)
{
    struct bed *b = make_bed(1);
    struct bsai_records *pool = b->cache->records;
    size_t per_chunk = (PAGE - BSAI_RECORD_ALIGN) / pool->record_bytes;
    struct bsai_slab *records[2 * (PAGE / BSAI_RECORD_ALIGN)];
    for (size_t i = 0; i < 2 * per_chunk; i++) {
        if (i % per_chunk == 0)
            bsai_records_add(pool, &b->call, new_page(b));
        records[i] = bsai_records_get(pool, &b->call, 0);
    }
    for (size_t i = 0; i < per_chunk; i++)
        ck_assert_ptr_null(bsai_records_put(pool, &b->call, records[i]));
    ck_assert_ptr_null(bsai_records_put(pool, &b->call, records[per_chunk]));
    ck_assert_uint_eq(pool->idle, 1);
    uintptr_t idle = (uintptr_t)records[0] & ~(uintptr_t)(PAGE - 1);
    ck_assert_uint_eq((uintptr_t)bsai_records_reclaim(pool, &b->call), idle);
    ck_assert_uint_eq(pool->chunk_count, 1);
    /* The other chunk still serves. */
    ck_assert_ptr_eq(bsai_records_get(pool, &b->call, 0), records[per_chunk]);
    end_bed(b);
}
END_TEST

/* Of two neighbours in the chunk, how often they are of different CPUs; -1 is nobody's. */
static unsigned borders(const int *owner, size_t per_chunk)
{
    unsigned found = 0;
    int last = -1;
    for (size_t i = 0; i < per_chunk; i++) {
        found += owner[i] != -1 && last != -1 && owner[i] != last;
        last = owner[i] != -1 ? owner[i] : last;
    }
    return found;
}

/* Two CPUs' records lie apart in a chunk, as they come and go: they meet at one place. What is left
 * is for either. */
START_TEST(records_of_two_cpus_lie_apart)
{
    enum { MOST = PAGE / BSAI_RECORD_ALIGN, STEPS = 2000 };
    struct bed *b = make_bed(1);
    struct bsai_records *pool = b->cache->records;
    struct rng rng = rng_for("records of two CPUs");
    size_t per_chunk = (PAGE - BSAI_RECORD_ALIGN) / pool->record_bytes, used[2] = {0, 0};
    struct bsai_slab *of[2][MOST];
    int owner[MOST];
    memset(owner, -1, sizeof(owner));
    char *first = (char *)new_page(b) + BSAI_RECORD_ALIGN;
    bsai_records_add(pool, &b->call, first - BSAI_RECORD_ALIGN);
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned cpu = i == 0 ? 1 : (unsigned)rng_below(&rng, 2);
        size_t n = used[cpu];
        struct bsai_slab *record;
        if (n < per_chunk / 2 && (n < 2 || rng_below(&rng, 3) != 0)) {
            record = bsai_records_get(pool, &b->call, cpu);
            ck_assert_ptr_nonnull(record);
            record->home = (uint16_t)cpu;
            of[cpu][used[cpu]++] = record;
        } else {
            size_t which = rng_below(&rng, n);
            record = of[cpu][which];
            of[cpu][which] = of[cpu][--used[cpu]];
            ck_assert_ptr_null(bsai_records_put(pool, &b->call, record));
        }
        int *place = &owner[(size_t)((char *)record - first) / pool->record_bytes];
        ck_assert_int_eq(*place, used[cpu] > n ? -1 : (int)cpu);
        *place = used[cpu] > n ? (int)cpu : -1;
        ck_assert_uint_le(borders(owner, per_chunk), 1);
    }
    for (size_t left = per_chunk - used[0] - used[1]; left != 0; left--)
        ck_assert_ptr_nonnull(bsai_records_get(pool, &b->call, 0));
    ck_assert_ptr_null(bsai_records_get(pool, &b->call, 0));
    ck_assert_ptr_null(bsai_records_get(pool, &b->call, 1));
    end_bed(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("records");
    TCase *tcase = tcase_create("records");
    tcase_add_test(tcase, records_come_and_go);
    tcase_add_test(tcase, idle_chunk_is_found);
    tcase_add_test(tcase, records_of_two_cpus_lie_apart);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
