/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's buffer, and how an event gets into it when nothing is in the way: this is what each
 * call of the target pays for.
 *
 * A signal handler leaves the places alone that it found being filled, one for each handler that
 * it interrupted and one for the program, and begins behind them; whoever was interrupted finds the
 * count changed, makes a hole of the place, and takes another one with a later time. Where a
 * handler has emptied the buffer the place is in nobody's way. A place is two records, as what is
 * being filled may need an extension.
 */
#ifndef BSA_CLI_RECORD_TARGET_RECORDS_H
#define BSA_CLI_RECORD_TARGET_RECORDS_H

#include "../../trace/short.h"
#include "clock.h"
#include "internal.h"

enum { BSAR_BUFFER_BYTES = 65536 };

struct bsar_buffer {
    uint64_t count;  /* records in its lowest 16 bits, in the next how many of them are extensions;
                        the upper half is their generation: a count that is read once is never
                        seen again when records were written in between */
    uint32_t saved;  /* the count's lower half when it was written to the file; bsar_lock's */
    uint32_t thread; /* id, 0: nobody's */
    struct bsar_buffer *next_of_all;
    uint64_t next_free;   /* as first_free */
    uint64_t early_ticks; /* before the first record */
    _Alignas(sizeof(struct trace_short)) struct trace_short record[];
};
enum {
    BSAR_RECORDS = (BSAR_BUFFER_BYTES - sizeof(struct bsar_buffer)) / sizeof(struct trace_short),
    BSAR_RECORD_ROOM = 2, /* records that an event may need */
    /* What a count grows by. */
    BSAR_SHORT = 1,
    BSAR_EXTENDED = 1 << 16 | BSAR_RECORD_ROOM,
    /* The least count: the first record is the extension that a chunk begins with. */
    BSAR_EMPTY = 1 << 16 | 1
};
_Static_assert(BSAR_RECORDS < 1 << 16, "a count has 16 bits for them");

static inline uint32_t bsar_records(uint64_t count)
{
    return (uint16_t)count;
}

static inline uint32_t bsar_events(uint64_t count)
{
    return (uint32_t)(uint16_t)count - (uint16_t)(count >> 16);
}

/* For one event behind so many that are being filled. */
static inline bool bsar_has_room(uint64_t count, uint32_t behind)
{
    return bsar_records(count) + BSAR_RECORD_ROOM * (behind + 1) <= BSAR_RECORDS;
}

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

static inline struct trace_fixed bsar_event(enum trace_kind kind, unsigned flags,
                                            const void *address, size_t size, size_t align,
                                            uint64_t ticks, uint16_t cpu)
{
    return (struct trace_fixed){
        .ticks = ticks,
        .address = (uintptr_t)address,
        .size = size,
        .align = align < UINT32_MAX ? (uint32_t)align : UINT32_MAX,
        .cpu = cpu,
        .kind = (uint8_t)kind,
        .flags = (uint8_t)flags,
    };
}

/* An event that a short record does not hold, with the extension before it. */
BSAR_COLD void bsar_fill_extended(struct trace_short *record, enum trace_kind kind, unsigned flags,
                                  const void *address, size_t size, size_t align, uint64_t ticks,
                                  uint16_t cpu);

/* What the count grows by. */
static inline BSAR_HOT uint32_t bsar_fill(const struct bsar_buffer *buffer,
                                          struct trace_short *record, enum trace_kind kind,
                                          unsigned flags, const void *address, size_t size,
                                          size_t align)
{
    uint16_t cpu;
    uint64_t ticks = bsar_ticks(&cpu);
    const struct trace_fixed event = bsar_event(kind, flags, address, size, align, ticks, cpu);
    if (BSAR_LIKELY(trace_short_holds(&event, buffer->early_ticks))) {
        *record = trace_short_of(&event);
        return BSAR_SHORT;
    }
    /* Not the event: it would be in memory for that. */
    bsar_fill_extended(record, kind, flags, address, size, align, ticks, cpu);
    return BSAR_EXTENDED;
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
    if (BSAR_LIKELY(bsar_has_room(count, 0))) {
        uint32_t more = bsar_fill(buffer, &buffer->record[bsar_records(count)], kind, flags,
                                  address, size, align);
        if (BSAR_LIKELY(bsar_commit(&buffer->count, count, count + more))) {
            __atomic_signal_fence(__ATOMIC_SEQ_CST);
            bsar_self.filling = 0;
            return;
        }
    }
    bsar_record_again(count, kind, flags, address, size, align);
}

#endif
