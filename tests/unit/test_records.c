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
        ck_assert_ptr_null(bsai_records_get(pool, &b->call));
        pages[i] = new_page(b);
        bsai_records_add(pool, &b->call, pages[i]);
        while ((record = bsai_records_get(pool, &b->call)) != NULL) {
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
    ck_assert_ptr_null(bsai_records_get(pool, &b->call));
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
        records[i] = bsai_records_get(pool, &b->call);
    }
    for (size_t i = 0; i < per_chunk; i++)
        ck_assert_ptr_null(bsai_records_put(pool, &b->call, records[i]));
    ck_assert_ptr_null(bsai_records_put(pool, &b->call, records[per_chunk]));
    ck_assert_uint_eq(pool->idle, 1);
    uintptr_t idle = (uintptr_t)records[0] & ~(uintptr_t)(PAGE - 1);
    ck_assert_uint_eq((uintptr_t)bsai_records_reclaim(pool, &b->call), idle);
    ck_assert_uint_eq(pool->chunk_count, 1);
    /* The other chunk still serves. */
    ck_assert_ptr_eq(bsai_records_get(pool, &b->call), records[per_chunk]);
    end_bed(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("records");
    TCase *tcase = tcase_create("records");
    tcase_add_test(tcase, records_come_and_go);
    tcase_add_test(tcase, idle_chunk_is_found);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
