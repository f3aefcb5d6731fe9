/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's buffer, and how an event gets into it when nothing is in the way: this is what each
 * call of the target pays for.
 *
 * A signal handler leaves the records alone that it found being filled, one for each handler that
 * it interrupted and one for the program, and begins behind them; whoever was interrupted finds the
 * count changed, makes a hole of the record, and takes another one with a later time. Where a
 * handler has emptied the buffer the record is in nobody's way.
 */
#ifndef BSA_CLI_RECORD_TARGET_RECORDS_H
#define BSA_CLI_RECORD_TARGET_RECORDS_H

#include "clock.h"
#include "internal.h"

enum { BSAR_BUFFER_BYTES = 65536 };

struct bsar_buffer {
    uint64_t count;  /* records, in the lower half; the upper one is their generation: a count that
                        is  read once is never seen again when records were written in between */
    uint32_t saved;  /* of them in the file; bsar_lock's */
    uint32_t thread; /* id, 0: nobody's */
    struct bsar_buffer *next_of_all;
    uint64_t next_free; /* as first_free */
    struct trace_fixed record[];
};
enum {
    BSAR_RECORDS = (BSAR_BUFFER_BYTES - sizeof(struct bsar_buffer)) / sizeof(struct trace_fixed)
};
_Static_assert(sizeof(struct trace_fixed) == 32, "a record is half a cache line");

/*
 * The next count, unless another came since it was read: by a signal handler of the same thread. So
 * it is one instruction, and needs no other CPU to agree.
 */
static inline BSAR_HOT bool bsar_commit(uint64_t *count, uint64_t seen, uint64_t next)
{
#ifdef __x86_64__
    bool done;
    uint64_t expected = seen;
    __asm__ volatile("cmpxchgq %3, %1"
                     : "=@ccz"(done), "+m"(*count), "+a"(expected)
                     : "r"(next)
                     : "memory");
    return done;
#else
    return __atomic_compare_exchange_n(count, &seen, next, false, __ATOMIC_RELEASE,
                                       __ATOMIC_RELAXED);
#endif
}

static inline BSAR_HOT void bsar_fill(struct trace_fixed *record, enum trace_kind kind,
                                      unsigned flags, const void *address, size_t size,
                                      size_t align)
{
    record->ticks = bsar_ticks(&record->cpu);
    record->address = (uintptr_t)address;
    record->size = size;
    record->align = align < UINT32_MAX ? (uint32_t)align : UINT32_MAX;
    record->kind = (uint8_t)kind;
    record->flags = (uint8_t)flags;
}

/* Where something is in the way: the mode, a full buffer, or a handler that interrupts another. */
BSAR_COLD void bsar_record_slowly(enum trace_kind kind, unsigned flags, const void *address,
                                  size_t size, size_t align);
/* After a record that was interrupted, or for which there was no room, when the count was seen. */
BSAR_COLD void bsar_record_again(uint64_t seen, enum trace_kind kind, unsigned flags,
                                 const void *address, size_t size, size_t align);

/* An event, of whatever kind, by whatever way the mode asks for. */
static inline BSAR_HOT void bsar_record(enum trace_kind kind, unsigned flags, const void *address,
                                        size_t size, size_t align)
{
    struct bsar_buffer *buffer = bsar_self.buffer;
    if (BSAR_UNLIKELY(bsar_mode() != BSAR_RECORDING || buffer == NULL || bsar_self.filling != 0)) {
        bsar_record_slowly(kind, flags, address, size, align);
        return;
    }
    bsar_self.filling = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    uint64_t count = __atomic_load_n(&buffer->count, __ATOMIC_RELAXED);
    if (BSAR_LIKELY((uint32_t)count < BSAR_RECORDS)) {
        bsar_fill(&buffer->record[(uint32_t)count], kind, flags, address, size, align);
        if (BSAR_LIKELY(bsar_commit(&buffer->count, count, count + 1))) {
            __atomic_signal_fence(__ATOMIC_SEQ_CST);
            bsar_self.filling = 0;
            return;
        }
    }
    bsar_record_again(count, kind, flags, address, size, align);
}

#endif
