/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated machine for the tests of the public interface: which CPU runs, where virtual
 * addresses lie physically, and what the library said through its hooks. Regions live as long as
 * the test.
 */
#ifndef BSA_TESTS_API_MACHINE_H
#define BSA_TESTS_API_MACHINE_H

#include <stdio.h>
#include <string.h>

#include <buddyslab.h>

#include "../support.h"

enum { KIB = 1024, MIB = 1024 * 1024, PAGE = 4096 };

struct machine {
    struct bsa_platform platform; /* ctx: this machine */
    unsigned cpu;                 /* the CPU that runs */
    size_t cpu_questions;         /* calls of the cpu_id hook */
    unsigned inside;              /* enter without leave */
    size_t brackets;              /* pairs of enter and leave */
    uintptr_t low_start;          /* a range that lies physically below 4 GiB: */
    size_t low_bytes;             /*   so many bytes */
    uint64_t low_phys;            /*   at this address; all else lies 1 TiB above its virtual one */

    struct faults faults; /* what the fault hook was told */
    unsigned logs;
    char log_message[160];
};

static inline unsigned machine_cpu_id(void *ctx)
{
    struct machine *m = ctx;
    m->cpu_questions++;
    return m->cpu;
}

static inline uint64_t machine_virt_to_phys(void *ctx, const void *addr)
{
    const struct machine *m = ctx;
    uintptr_t offset = (uintptr_t)addr - m->low_start;
    if (offset < m->low_bytes)
        return m->low_phys + offset;
    return (uint64_t)(uintptr_t)addr + ((uint64_t)1 << 40);
}

static inline uintptr_t machine_enter(void *ctx)
{
    struct machine *m = ctx;
    ck_assert_msg(m->inside == 0, "the enter hook was called twice in a row");
    m->inside = 1;
    return (uintptr_t)(0x5a00 + ++m->brackets);
}

static inline void machine_leave(void *ctx, uintptr_t state)
{
    struct machine *m = ctx;
    ck_assert_msg(m->inside == 1, "the leave hook was called outside of a bracket");
    ck_assert_msg(state == (uintptr_t)(0x5a00 + m->brackets),
                  "leave got what enter did not return");
    m->inside = 0;
}

static inline void machine_fault(void *ctx, enum bsa_status status, const void *addr,
                                 const char *what)
{
    struct machine *m = ctx;
    ck_assert_msg(m->inside == 0, "the fault hook was called within enter and leave");
    ck_assert_ptr_nonnull(what);
    faults_record(&m->faults, status, addr, what);
}

static inline void machine_log(void *ctx, int level, const char *message)
{
    struct machine *m = ctx;
    (void)level;
    m->logs++;
    snprintf(m->log_message, sizeof m->log_message, "%s", message);
}

/* Without enter and leave the library may take its shortest paths; machine_brackets adds them. */
static inline void machine_start(struct machine *m)
{
    memset(m, 0, sizeof *m);
    m->platform = (struct bsa_platform)BSA_PLATFORM_INIT;
    m->platform.ctx = m;
    m->platform.cpu_id = machine_cpu_id;
    m->platform.fault = machine_fault;
    m->platform.log = machine_log;
}

static inline void machine_brackets(struct machine *m)
{
    m->platform.enter = machine_enter;
    m->platform.leave = machine_leave;
}

/* Makes a region lie physically from phys on; one such region at a time. */
static inline void machine_place_low(struct machine *m, const void *region, size_t bytes,
                                     uint64_t phys)
{
    m->platform.virt_to_phys = machine_virt_to_phys;
    m->low_start = (uintptr_t)region;
    m->low_bytes = bytes;
    m->low_phys = phys;
}

/* Makes all memory lie above 4 GiB, which on a machine of 32 bits it would not. */
static inline void machine_place_high(struct machine *m)
{
    m->platform.virt_to_phys = machine_virt_to_phys;
}

/* Memory of its own at an address that is `offset` above a multiple of align; it stays until the
 * test ends. */
static inline void *region_new(size_t bytes, size_t align, size_t offset)
{
    return region_make(bytes, align, offset).start;
}

static inline bool is_aligned(const void *p, size_t align)
{
    return ((uintptr_t)p & (align - 1)) == 0;
}

#define assert_ok(call) assert_status(call, BSA_OK)

/* Contents that follow from a tag, so that an overlap of two blocks shows in one of them. Of large
 * blocks every 61st byte is enough. */
static inline unsigned char pattern_byte(unsigned tag, size_t i)
{
    return (unsigned char)(tag * 167u + i * 13u + (i >> 8) * 31u + 1u);
}

static inline size_t pattern_step(size_t bytes)
{
    return bytes > 2048 ? 61 : 1;
}

static inline void pattern_write(void *p, size_t bytes, unsigned tag)
{
    unsigned char *at = p;
    for (size_t i = 0; i < bytes; i += pattern_step(bytes))
        at[i] = pattern_byte(tag, i);
    at[bytes - 1] = pattern_byte(tag, bytes - 1);
}

static inline bool pattern_holds(const void *p, size_t bytes, unsigned tag)
{
    const unsigned char *at = p;
    for (size_t i = 0; i < bytes; i += pattern_step(bytes)) {
        if (at[i] != pattern_byte(tag, i))
            return false;
    }
    return at[bytes - 1] == pattern_byte(tag, bytes - 1);
}

/* A heap of so many bytes, 2 MiB aligned, on a machine. */
static inline bsa_heap *heap_new(struct machine *m, size_t bytes, struct bsa_heap_config config)
{
    bsa_heap *heap = NULL;
    config.platform = &m->platform;
    assert_ok(bsa_heap_init(&heap, region_new(bytes, (size_t)1 << 21, 0), bytes, &config));
    ck_assert_ptr_nonnull(heap);
    return heap;
}

static inline void *heap_get(bsa_heap *heap, size_t size, size_t align)
{
    void *p = NULL;
    assert_ok(bsa_heap_alloc(heap, size, align, &p));
    ck_assert_ptr_nonnull(p);
    ck_assert(is_aligned(p, align));
    return p;
}

static inline void *heap_get_pages(bsa_heap *heap, size_t pages, size_t align)
{
    void *p = NULL;
    assert_ok(bsa_heap_alloc_pages(heap, pages, align, &p));
    ck_assert_ptr_nonnull(p);
    ck_assert(is_aligned(p, align));
    return p;
}

static inline void heap_stats(bsa_heap *heap, struct bsa_heap_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    stats->size = sizeof *stats;
    assert_ok(bsa_heap_stats(heap, stats));
}

/* What include/buddyslab/stats.h promises of every snapshot. */
static inline void check_heap_sums(bsa_heap *heap)
{
    struct bsa_heap_stats s;
    heap_stats(heap, &s);
    ck_assert_uint_eq(s.managed_bytes,
                      s.free_bytes + s.block_bytes + s.slab_bytes + s.record_bytes + s.cpu_bytes);
    ck_assert_uint_le(s.pages_listed_bytes, s.free_bytes);
    ck_assert_uint_eq(bsa_heap_managed_bytes(heap), s.managed_bytes);
    ck_assert_uint_eq(bsa_heap_allocated_bytes(heap), s.managed_bytes - s.free_bytes);
    size_t slab_bytes = 0;
    for (unsigned c = 0; c < s.classes; c++) {
        const struct bsa_class_stats *k = &s.size_class[c];
        ck_assert_uint_eq(k->objects,
                          k->live + k->in_magazines + k->in_depot + k->free + k->remote_pending);
        ck_assert_uint_le(k->empty_slabs, k->slabs);
        ck_assert_uint_le(k->objects_per_slab * k->object_size, k->slab_pages * s.page_size);
        ck_assert_uint_eq(k->objects, k->slabs * k->objects_per_slab);
        ck_assert_uint_eq(k->empty_objects, k->empty_slabs * k->objects_per_slab);
        ck_assert_uint_eq(k->slab_bytes, k->slabs * k->slab_pages * s.page_size);
        slab_bytes += k->slab_bytes;
    }
    ck_assert_uint_eq(slab_bytes, s.slab_bytes);
    assert_ok(bsa_heap_validate(heap));
}

#endif
