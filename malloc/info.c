/* SPDX-License-Identifier: Apache-2.0 */
/* What the heap says about itself, and the requests to it that are no allocations. */
#include "internal.h"

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

/* Figures at one moment. */
struct figures {
    struct bsa_heap_stats heap;
    size_t huge, huge_bytes;
};

/* All others are stopped, or none is there yet. */
static void read_figures(struct figures *f)
{
    f->heap = (struct bsa_heap_stats)BSA_HEAP_STATS_INIT;
    bsa_heap_stats(bsam_heap, &f->heap);
    bsam_huge_count(&f->huge, &f->huge_bytes);
}

/* False where there is no heap. */
static bool stop_and_read(struct figures *f)
{
    if (!bsam_quiesce())
        return false;
    read_figures(f);
    bsam_resume();
    return true;
}

BSAM_EXPORT struct mallinfo2 mallinfo2(void)
{
    struct mallinfo2 info = {.arena = 0};
    struct figures f;
    if (!stop_and_read(&f))
        return info;
    info.arena = f.heap.managed_bytes;
    info.hblks = f.huge;
    info.hblkhd = f.huge_bytes;
    info.uordblks = f.heap.block_bytes;
    for (unsigned c = 0; c < f.heap.classes; c++) {
        const struct bsa_class_stats *s = &f.heap.size_class[c];
        size_t idle = s->objects - s->live;
        info.smblks += idle;
        info.fsmblks += idle * s->object_size;
        info.uordblks += s->live * s->object_size;
    }
    info.fordblks = info.arena - info.uordblks;
    info.keepcost = f.heap.free_bytes;
    return info;
}

/* The same in ints, which C libraries kept for old programs: what does not fit is INT_MAX. */
static int clamp(size_t n)
{
    return n > INT_MAX ? INT_MAX : (int)n;
}

BSAM_EXPORT struct mallinfo mallinfo(void)
{
    struct mallinfo2 i = mallinfo2();
    return (struct mallinfo){.arena = clamp(i.arena),
                             .ordblks = clamp(i.ordblks),
                             .smblks = clamp(i.smblks),
                             .hblks = clamp(i.hblks),
                             .hblkhd = clamp(i.hblkhd),
                             .usmblks = clamp(i.usmblks),
                             .fsmblks = clamp(i.fsmblks),
                             .uordblks = clamp(i.uordblks),
                             .fordblks = clamp(i.fordblks),
                             .keepcost = clamp(i.keepcost)};
}

/* Its parameters are about a heap of another kind: those that are known are taken for granted. */
BSAM_EXPORT int mallopt(int parameter, int value)
{
    (void)value;
    switch (parameter) {
    case M_MXFAST:
    case M_TRIM_THRESHOLD:
    case M_TOP_PAD:
    case M_MMAP_THRESHOLD:
    case M_MMAP_MAX:
    case M_ARENA_TEST:
    case M_ARENA_MAX:
        return 1;
    default:
        return 0;
    }
}

BSAM_EXPORT int malloc_trim(size_t keep)
{
    (void)keep;
    if (!bsam_quiesce())
        return 0;
    bsam_drain_all();
    bsa_heap_reclaim(bsam_heap);
    size_t released = bsam_heap_release(BSAM_PAGE);
    released += bsam_huge_drop();
    bsam_resume();
    return released != 0;
}

static void say_bytes(int file, const char *name, size_t bytes)
{
    struct bsam_line line = {.used = 0};
    bsam_put(&line, name);
    bsam_put_number(&line, bytes);
    bsam_say(file, &line);
}

static void say_class(int file, const struct bsa_class_stats *s)
{
    struct bsam_line line = {.used = 0};
    bsam_put(&line, "  class ");
    bsam_put_number(&line, s->object_size);
    bsam_put(&line, ": live ");
    bsam_put_number(&line, s->live);
    bsam_put(&line, ", ready ");
    bsam_put_number(&line, s->in_magazines + s->in_depot);
    bsam_put(&line, ", free ");
    bsam_put_number(&line, s->free + s->remote_pending);
    bsam_put(&line, ", slabs ");
    bsam_put_number(&line, s->slabs);
    bsam_say(file, &line);
}

static void say_figures(int file)
{
    struct figures f;
    if (!stop_and_read(&f))
        return;
    say_bytes(file, "buddyslab-malloc: bytes managed:   ", f.heap.managed_bytes);
    say_bytes(file, "  free pages:      ", f.heap.free_bytes);
    say_bytes(file, "  blocks:          ", f.heap.block_bytes);
    say_bytes(file, "  slabs:           ", f.heap.slab_bytes);
    say_bytes(file, "  slab records:    ", f.heap.record_bytes);
    say_bytes(file, "  CPU states:      ", f.heap.cpu_bytes);
    say_bytes(file, "  own mappings:    ", f.huge_bytes);
    for (unsigned c = 0; c < f.heap.classes; c++) {
        if (f.heap.size_class[c].slabs != 0)
            say_class(file, &f.heap.size_class[c]);
    }
}

BSAM_EXPORT void malloc_stats(void)
{
    say_figures(STDERR_FILENO);
}

/*
 * Figures at exit go to what stderr was at the start. Many programs close it at their end, before
 * this is called, so that there is a copy, out of the way of files whose numbers matter; others
 * close all files and open their own, so that either number may be another file by now.
 */
enum { REPORT_FROM = 100 };
static bool reports;
static int report = -1;
static struct stat first_stderr;

void bsam_started(const struct bsam_config *config)
{
    reports = config->stats && fstat(STDERR_FILENO, &first_stderr) == 0;
    if (reports)
        report = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, REPORT_FROM);
}

static bool is_first_stderr(int file)
{
    struct stat is;
    return fstat(file, &is) == 0 && is.st_dev == first_stderr.st_dev &&
           is.st_ino == first_stderr.st_ino;
}

__attribute__((destructor)) static void say_at_exit(void)
{
    if (reports && is_first_stderr(report))
        say_figures(report);
    else if (reports && is_first_stderr(STDERR_FILENO))
        say_figures(STDERR_FILENO);
}
