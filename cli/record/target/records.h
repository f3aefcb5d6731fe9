/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's buffer, and how an event gets into it when nothing is in the way: this is what each
 * call of the target pays for.
 *
 * A signal handler leaves the places alone that it found being filled, one for each handler that
 * it interrupted and one for the program, and begins behind them; whoever was interrupted finds the
 * count changed, makes a hole of the place, and takes another one with a later time. A place is two
 * records, as what is being filled may need an extension.
 *
 * Another handler may come before that hole is made again, and write the buffer to the file. So a
 * place that is being filled is known by its count, and marked as torn by whoever takes one behind
 * it: what is torn is made a hole before it is written. Where the buffer was emptied a place is in
 * nobody's way.
 */
#ifndef BSA_CLI_RECORD_TARGET_RECORDS_H
#define BSA_CLI_RECORD_TARGET_RECORDS_H

#include "../../trace/short.h"
#include "clock.h"
#include "internal.h"

enum {
    BSAR_BUFFER_BYTES = 65536,
    BSAR_DEPTH = 4 /* events that may be filled at once: the program's, and handlers' */
};

struct bsar_buffer {
    uint64_t count; /* records in its lowest 16 bits, in the next how many of them are extensions;
                       the upper half is their generation: a count that is read once is never
                       seen again when records were written in between */
    /* The counts behind which events are being filled, each behind those before it; the rest is 0.
     * With BSAR_TORN: another took the place. The owner's; others read them under bsar_lock. */
    uint64_t filling[BSAR_DEPTH];
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
    BSAR_EMPTY = 1 << 16 | 1,
    BSAR_TORN = 1 << 15
};
_Static_assert(BSAR_RECORDS < BSAR_TORN, "a count has 15 bits for them, and one for the mark");

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

/*
 * Notes that an event is being filled behind so many others and the count, unless that has changed:
 * then a handler has come in between, which saw nothing of it.
 */
static inline BSAR_HOT bool bsar_begin_filling(struct bsar_buffer *buffer, uint32_t behind,
                                               uint64_t count)
{
    __atomic_store_n(&buffer->filling[behind], count, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return BSAR_LIKELY(__atomic_load_n(&buffer->count, __ATOMIC_RELAXED) == count);
}

static inline BSAR_HOT void bsar_end_filling(struct bsar_buffer *buffer, uint32_t behind)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&buffer->filling[behind], 0, __ATOMIC_RELAXED);
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
/* After an event that was interrupted when it was being filled behind the count. */
BSAR_COLD void bsar_record_again(uint64_t count, enum trace_kind kind, unsigned flags,
                                 const void *address, size_t size, size_t align);

/* An event, of whatever kind, by whatever way the mode asks for. */
static inline BSAR_HOT void bsar_record(enum trace_kind kind, unsigned flags, const void *address,
                                        size_t size, size_t align)
{
    struct bsar_buffer *buffer = bsar_self.buffer;
    if (BSAR_UNLIKELY(bsar_mode() != BSAR_RECORDING || buffer == NULL || buffer->filling[0] != 0)) {
        bsar_record_slowly(kind, flags, address, size, align);
        return;
    }
    uint64_t count = __atomic_load_n(&buffer->count, __ATOMIC_RELAXED);
    if (BSAR_LIKELY(bsar_has_room(count, 0)) && bsar_begin_filling(buffer, 0, count)) {
        uint32_t more = bsar_fill(buffer, &buffer->record[bsar_records(count)], kind, flags,
                                  address, size, align);
        if (BSAR_LIKELY(bsar_commit(&buffer->count, count, count + more))) {
            bsar_end_filling(buffer, 0);
            return;
        }
        bsar_record_again(count, kind, flags, address, size, align);
        return;
    }
    bsar_end_filling(buffer, 0);
    bsar_record_slowly(kind, flags, address, size, align);
}

#endif
