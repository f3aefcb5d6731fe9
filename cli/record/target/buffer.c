/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads' buffers. A buffer belongs to one thread, from its first event to its last destructor,
 * and then waits for another; none is ever unmapped, so that whoever goes through all of them finds
 * them mapped. Only the owner adds records; the writer to the file, who holds bsar_lock, may be
 * another thread, when the process ends or runs another program: `saved` tells how far it came.
 */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "records.h"

__thread struct bsar_self bsar_self;
uint64_t bsar_lost;
static struct bsar_buffer *first_of_all; /* pushed to, never taken from */
static uint32_t buffers_made;
/* Buffers of nobody: the address without its page offset, and a number that changes with each
 * exchange, so that what was first, was taken and came back is not taken for unchanged. */
static uint64_t first_free;
static pthread_key_t end_key;
static bool end_key_made;
static uint64_t events; /* that count for --max-events */

enum { ADDRESS_SHIFT = 12, NUMBER_BITS = 19, FEW_BUFFERS = 16 };

static struct bsar_buffer *free_address(uint64_t word)
{
    return (struct bsar_buffer *)(uintptr_t)(word >> NUMBER_BITS << ADDRESS_SHIFT);
}

static uint64_t free_word(const struct bsar_buffer *buffer, uint64_t before)
{
    uint64_t number = (before + 1) & ((UINT64_C(1) << NUMBER_BITS) - 1);
    return (uint64_t)(uintptr_t)buffer >> ADDRESS_SHIFT << NUMBER_BITS | number;
}

static void push_free(struct bsar_buffer *buffer)
{
    uint64_t first = __atomic_load_n(&first_free, __ATOMIC_RELAXED);
    do {
        __atomic_store_n(&buffer->next_free, first, __ATOMIC_RELAXED);
    } while (!__atomic_compare_exchange_n(&first_free, &first, free_word(buffer, first), true,
                                          __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static struct bsar_buffer *pop_free(void)
{
    uint64_t first = __atomic_load_n(&first_free, __ATOMIC_ACQUIRE);
    struct bsar_buffer *buffer, *next;
    do {
        buffer = free_address(first);
        if (buffer == NULL)
            return NULL;
        next = free_address(__atomic_load_n(&buffer->next_free, __ATOMIC_RELAXED));
    } while (!__atomic_compare_exchange_n(&first_free, &first, free_word(next, first), true,
                                          __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE));
    return buffer;
}

/* Empty: no record but the extension that a chunk begins with, which make_chunk writes. */
static void clear(struct bsar_buffer *buffer)
{
    uint16_t cpu;
    uint64_t next = ((buffer->count >> 32) + 1) << 32 | BSAR_EMPTY;
    buffer->saved = BSAR_EMPTY;
    /* Nobody fills a place at the front: who was interrupted was at the end, or will not come back
       as the handler jumped. */
    memset(buffer->filling, 0, sizeof(buffer->filling));
    buffer->early_ticks = bsar_ticks(&cpu);
    __atomic_store_n(&buffer->count, next, __ATOMIC_RELEASE);
}

static struct bsar_buffer *make_buffer(void)
{
    long pages = syscall(SYS_mmap, NULL, (size_t)BSAR_BUFFER_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages < 0 && pages >= -4095)
        return NULL;
    struct bsar_buffer *buffer = (struct bsar_buffer *)pages;
    clear(buffer);
    __atomic_fetch_add(&buffers_made, 1, __ATOMIC_RELAXED);
    buffer->next_of_all = __atomic_load_n(&first_of_all, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&first_of_all, &buffer->next_of_all, buffer, true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
    }
    return buffer;
}

/* Records ------------------------------------------------------------------------------------------ */

void bsar_fill_extended(struct trace_short *record, enum trace_kind kind, unsigned flags,
                        const void *address, size_t size, size_t align, uint64_t ticks,
                        uint16_t cpu)
{
    const struct trace_fixed event = bsar_event(kind, flags, address, size, align, ticks, cpu);
    record[0] = trace_short_extension(&event);
    record[1] = trace_short_of(&event);
}

/* In place of events that nobody will read: records with the time of the one behind them. */
static BSAR_COLD void leave_holes(struct trace_short *record, uint32_t places)
{
    uint32_t count = places * BSAR_RECORD_ROOM;
    uint64_t moment = record[count + trace_short_is_extension(record[count])].moment;
    while (count-- > 0)
        record[count] = (struct trace_short){TRACE_MARKER, moment & ~(uint64_t)0xffff};
    /* Before who saves all sees that nobody fills them any more. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void lose(uint32_t count)
{
    __atomic_fetch_add(&bsar_lost, count, __ATOMIC_RELAXED);
}

/* The place of an event that is, or was, being filled behind others and the count. */
static struct trace_short *place(struct bsar_buffer *buffer, uint32_t behind, uint64_t count)
{
    return &buffer->record[bsar_records(count) + BSAR_RECORD_ROOM * behind];
}

static bool is_of_now(const struct bsar_buffer *buffer, uint64_t count)
{
    return __atomic_load_n(&buffer->count, __ATOMIC_RELAXED) >> 32 == count >> 32;
}

/* The places of those that are being filled behind the same count are taken from them. */
static void tear(struct bsar_buffer *buffer, uint32_t behind, uint64_t count)
{
    if (behind == 0)
        return;
    leave_holes(place(buffer, 0, count), behind);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < behind; i++)
        if (__atomic_load_n(&buffer->filling[i], __ATOMIC_RELAXED) == count)
            __atomic_store_n(&buffer->filling[i], count | BSAR_TORN, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* True when the event is in the buffer. */
static bool fill_behind(struct bsar_buffer *buffer, uint32_t behind, uint64_t count,
                        enum trace_kind kind, unsigned flags, const void *address, size_t size,
                        size_t align)
{
    uint32_t more =
        bsar_fill(buffer, place(buffer, behind, count), kind, flags, address, size, align);
    tear(buffer, behind, count);
    if (bsar_commit(&buffer->count, count, count + BSAR_RECORD_ROOM * behind + more))
        return true;
    if (is_of_now(buffer, count))
        leave_holes(place(buffer, behind, count), 1);
    return false;
}

static uint32_t being_filled(const struct bsar_buffer *buffer)
{
    uint32_t n = 0;
    while (n < BSAR_DEPTH && __atomic_load_n(&buffer->filling[n], __ATOMIC_RELAXED) != 0)
        n++;
    return n;
}

/* As bsar_record, behind the events that are being filled. False: the buffer is full. */
static bool append(struct bsar_buffer *buffer, enum trace_kind kind, unsigned flags,
                   const void *address, size_t size, size_t align)
{
    bool done = false;
    while (!done) {
        uint64_t count = __atomic_load_n(&buffer->count, __ATOMIC_RELAXED);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        uint32_t behind = being_filled(buffer);
        if (behind == BSAR_DEPTH) {
            lose(1);
            return true;
        }
        if (!bsar_has_room(count, behind))
            return false;
        done = bsar_begin_filling(buffer, behind, count) &&
               fill_behind(buffer, behind, count, kind, flags, address, size, align);
        bsar_end_filling(buffer, behind);
    }
    return true;
}

/* A chunk of what a buffer has. */
struct chunk {
    struct trace_chunk_header header;
    struct trace_short *records;
};

/* Places that were taken and that their owners may have written to after that, in the records from
 * saved up to count. */
static void mend_torn(const struct chunk *chunk, const uint64_t *filling, uint32_t saved,
                      uint64_t count)
{
    for (uint32_t behind = BSAR_DEPTH; behind-- > 0;) {
        uint64_t taken = filling[behind];
        uint32_t at = bsar_records(taken & ~(uint64_t)BSAR_TORN) + BSAR_RECORD_ROOM * behind;
        if ((taken & BSAR_TORN) != 0 && taken >> 32 == count >> 32 && at >= bsar_records(saved) &&
            at < bsar_records(count))
            leave_holes(&chunk->records[at - bsar_records(saved) + 1], 1);
    }
}

/*
 * The records from saved on, behind one that takes the place of what was saved last. Where there is
 * room for a copy they are left alone: their owner may add some meanwhile, and come back to a place
 * that was taken from it.
 */
static struct chunk make_chunk(struct bsar_buffer *buffer, uint32_t saved, struct trace_short *copy)
{
    uint64_t filling[BSAR_DEPTH], count = __atomic_load_n(&buffer->count, __ATOMIC_ACQUIRE);
    struct trace_short *first = &buffer->record[bsar_records(saved) - 1];
    uint32_t records = bsar_records(count) - bsar_records(saved) + 1;
    struct chunk chunk = {.records = copy != NULL ? copy : first};
    chunk.header = (struct trace_chunk_header){
        .type = TRACE_CHUNK_SHORT,
        .stored_bytes = records * (uint32_t)sizeof(struct trace_short),
        .events = bsar_events(count) - bsar_events(saved),
        .thread = buffer->thread,
    };
    for (uint32_t i = 0; i < BSAR_DEPTH; i++)
        filling[i] = __atomic_load_n(&buffer->filling[i], __ATOMIC_ACQUIRE);
    if (copy != NULL)
        memcpy(copy, first, chunk.header.stored_bytes);
    mend_torn(&chunk, filling, saved, count);
    *chunk.records = trace_short_extension(&(struct trace_fixed){.ticks = buffer->early_ticks});
    bsar_chunk_seal(&chunk.header, chunk.records);
    return chunk;
}

/* The lock is held. */
static bool save(struct bsar_buffer *buffer, const struct chunk *chunk)
{
    const struct trace_chunk_header *header = &chunk->header;
    if (header->events == 0)
        return true;
    if (!bsar_file_write(header, chunk->records))
        return false;
    uint32_t records = header->stored_bytes / (uint32_t)sizeof(struct trace_short) - 1;
    buffer->saved += (records - header->events) << 16 | records;
    return true;
}

/* Events that are not in the file. */
static uint32_t unsaved(const struct bsar_buffer *buffer)
{
    uint64_t count = __atomic_load_n(&buffer->count, __ATOMIC_ACQUIRE);
    return bsar_events(count) - bsar_events(buffer->saved);
}

/* The lock is held: what the buffer has is in the file, or lost. */
static void empty(struct bsar_buffer *buffer, const struct chunk *chunk)
{
    if (bsar_mode() < BSAR_OFF)
        save(buffer, chunk);
    if (bsar_mode() == BSAR_FAILED)
        lose(unsaved(buffer));
    clear(buffer);
}

/* By the owner, who is between enter and leave; it is so no more where it gives the buffer up. */
static void save_and_empty(struct bsar_buffer *buffer, bool give_up)
{
    /* Others wait for the file only, not for what can be made ready before. */
    uint32_t saved = __atomic_load_n(&buffer->saved, __ATOMIC_RELAXED);
    struct chunk chunk = make_chunk(buffer, saved, NULL);
    bsar_lock();
    if (buffer->saved != saved)
        chunk = make_chunk(buffer, buffer->saved, NULL);
    empty(buffer, &chunk);
    if (give_up)
        __atomic_store_n(&buffer->thread, 0, __ATOMIC_RELAXED);
    bsar_unlock();
}

void bsar_save_all(void)
{
    static struct trace_short copy[BSAR_RECORDS]; /* the lock's */
    struct bsar_pause pause;
    bsar_enter(&pause);
    uint32_t mode = bsar_mode();
    if (mode != BSAR_NEW && mode < BSAR_OFF) {
        bsar_lock();
        struct bsar_buffer *buffer = __atomic_load_n(&first_of_all, __ATOMIC_ACQUIRE);
        for (bool more = true; more && buffer != NULL; buffer = buffer->next_of_all) {
            const struct chunk chunk = make_chunk(buffer, buffer->saved, copy);
            more = save(buffer, &chunk);
        }
        bsar_unlock();
    }
    bsar_leave(&pause);
}

uint64_t bsar_unsaved(void)
{
    uint64_t sum = 0;
    struct bsar_buffer *buffer = __atomic_load_n(&first_of_all, __ATOMIC_ACQUIRE);
    for (; buffer != NULL; buffer = buffer->next_of_all)
        sum += unsaved(buffer);
    return sum;
}

/* Threads ------------------------------------------------------------------------------------------ */

/* Between enter and leave. */
static void give_buffer_back(void)
{
    struct bsar_buffer *buffer = bsar_self.buffer;
    bsar_self.buffer = NULL;
    if (buffer != NULL) {
        save_and_empty(buffer, true);
        push_free(buffer);
    }
}

/* Comes in each round of destructors, and acts in the last one: others free in theirs. */
static void thread_ends(void *round)
{
    if ((uintptr_t)round < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(end_key, (void *)((uintptr_t)round + 1));
        return;
    }
    bsar_record(TRACE_THREAD_END, 0, NULL, 0, 0);
    struct bsar_pause pause;
    bsar_enter(&pause);
    bsar_self.ended = true;
    give_buffer_back();
    bsar_leave(&pause);
}

void bsar_watch_thread_ends(void)
{
    end_key_made = end_key_made || pthread_key_create(&end_key, thread_ends) == 0;
}

static bool is_gone(uint32_t thread)
{
    return syscall(SYS_tgkill, getpid(), thread, 0) != 0 && errno == ESRCH;
}

/*
 * Buffers of threads that have ended and did not give them back, as their first event came in the
 * last round of destructors. The kernel is asked for each thread, and so only when there are twice
 * as many buffers as threads lived the last time. Under the lock no owner gives its buffer up.
 */
static void take_from_the_dead(void)
{
    static uint32_t enough = FEW_BUFFERS; /* the lock's */
    uint32_t alive = 0;
    bsar_lock();
    struct bsar_buffer *buffer = __atomic_load_n(&first_of_all, __ATOMIC_ACQUIRE);
    bool due = __atomic_load_n(&buffers_made, __ATOMIC_RELAXED) >= enough;
    for (; due && buffer != NULL; buffer = buffer->next_of_all) {
        uint32_t thread = __atomic_load_n(&buffer->thread, __ATOMIC_RELAXED);
        if (thread != 0 && is_gone(thread)) {
            const struct chunk chunk = make_chunk(buffer, buffer->saved, NULL);
            empty(buffer, &chunk);
            __atomic_store_n(&buffer->thread, 0, __ATOMIC_RELAXED);
            push_free(buffer);
        } else {
            alive++;
        }
    }
    if (due)
        enough = 2 * alive > FEW_BUFFERS ? 2 * alive : FEW_BUFFERS;
    bsar_unlock();
}

/* A buffer for this thread, which has none. Between enter and leave. */
static bool take_buffer(void)
{
    struct bsar_buffer *buffer = pop_free();
    if (buffer == NULL) {
        take_from_the_dead();
        buffer = pop_free();
    }
    if (buffer == NULL)
        buffer = make_buffer();
    if (buffer == NULL)
        return false;
    __atomic_store_n(&buffer->thread, (uint32_t)syscall(SYS_gettid), __ATOMIC_RELAXED);
    bsar_self.buffer = buffer;
    if (!bsar_self.ended) {
        if (end_key_made)
            pthread_setspecific(end_key, (void *)1);
        append(buffer, TRACE_THREAD_START, 0, NULL, 0, 0);
    }
    return true;
}

void bsar_forget_records(void)
{
    struct bsar_buffer *buffer = first_of_all;
    first_free = 0;
    for (; buffer != NULL; buffer = buffer->next_of_all) {
        clear(buffer);
        buffer->thread = 0;
        push_free(buffer);
    }
    bsar_self.buffer = NULL;
    bsar_lost = events = 0;
}

/* The slow path ------------------------------------------------------------------------------------ */

/* The recording ends as it was asked to. */
static void end_by_limit(void)
{
    bsar_save_all();
    if (bsar_mode() != BSAR_FAILED)
        bsar_set_mode(BSAR_ENOUGH);
    bsar_go_on(); /* the target does, and may be killed */
}

/* Where there is no buffer, or it is full, or there will be no other occasion to save it. */
static void append_slowly(enum trace_kind kind, unsigned flags, const void *address, size_t size,
                          size_t align)
{
    struct bsar_pause pause;
    bsar_enter(&pause);
    if (bsar_self.buffer == NULL && !take_buffer()) {
        lose(1);
    } else {
        struct bsar_buffer *buffer = bsar_self.buffer;
        while (!append(buffer, kind, flags, address, size, align))
            save_and_empty(buffer, false);
        if (bsar_self.ended)
            give_buffer_back();
        else if (bsar_mode() == BSAR_ENDING)
            save_and_empty(buffer, false);
    }
    bsar_leave(&pause);
}

static bool within_limits(enum trace_kind kind)
{
    if (bsar_config.until_ns != 0 && bsar_monotonic_ns() >= bsar_config.until_ns)
        return false;
    /* A realloc counts when it begins, so that its end is not cut off; threads do not. */
    return kind == TRACE_REALLOC || kind == TRACE_THREAD_END ||
           __atomic_fetch_add(&events, 1, __ATOMIC_RELAXED) < bsar_config.max_events;
}

void bsar_record_slowly(enum trace_kind kind, unsigned flags, const void *address, size_t size,
                        size_t align)
{
    uint32_t mode = bsar_mode();
    if (mode == BSAR_FAILED)
        lose(1);
    if (mode >= BSAR_OFF)
        return;
    if (mode == BSAR_NEW) {
        struct bsar_pause pause;
        bsar_enter(&pause);
        mode = bsar_begin();
        bsar_leave(&pause);
    }
    if (mode == BSAR_LIMITED && !within_limits(kind))
        end_by_limit();
    else if (mode < BSAR_OFF && (mode == BSAR_ENDING || bsar_self.buffer == NULL ||
                                 !append(bsar_self.buffer, kind, flags, address, size, align)))
        append_slowly(kind, flags, address, size, align);
}

void bsar_record_again(uint64_t count, enum trace_kind kind, unsigned flags, const void *address,
                       size_t size, size_t align)
{
    struct bsar_buffer *buffer = bsar_self.buffer;
    if (buffer != NULL) { /* else the handler forked */
        if (is_of_now(buffer, count))
            leave_holes(place(buffer, 0, count), 1);
        bsar_end_filling(buffer, 0);
    }
    bsar_record_slowly(kind, flags, address, size, align);
}
