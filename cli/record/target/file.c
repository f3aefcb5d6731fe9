/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a process: STEM.PROGRAM.PID SUFFIX, or with a number before the suffix where there is
 * such a file already, as the same process has run another program before.
 *
 * The target may close our descriptor as one that it does not know, give its number to another
 * file, change its folder, its root or its rights. So the descriptor is a high one, and it is
 * looked at before each write.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../../trace/checksum.h"
#include "clock.h"

enum { HIGH_DESCRIPTOR = 1000, NUMBERS = 10000 };

static struct {
    int fd; /* -1: none; only when path is not empty */
    dev_t device;
    ino_t inode;
    uint64_t bytes; /* of whole chunks */
    uint64_t first; /* offset of the first chunk with records, 0: none yet */
    char path[4096];
} file = {.fd = -1};

static struct {
    bool known;
    dev_t device;
    ino_t inode;
} standard_error;

static bool is_file(int fd, dev_t device, ino_t inode)
{
    struct stat now;
    return fd >= 0 && fstat(fd, &now) == 0 && now.st_dev == device && now.st_ino == inode;
}

void bsar_file_find_stderr(void)
{
    struct stat now;
    standard_error.known = fstat(STDERR_FILENO, &now) == 0;
    standard_error.device = now.st_dev;
    standard_error.inode = now.st_ino;
}

void bsar_say(const char *text, size_t length)
{
    if (standard_error.known && is_file(STDERR_FILENO, standard_error.device, standard_error.inode))
        syscall(SYS_write, STDERR_FILENO, text, length);
}

/* The recording ends; the target does not. */
static bool fail(const char *what, int error)
{
    static char text[5120]; /* the lock's, as stacks may be small */
    const char *why = strerrordesc_np(error);
    bsar_set_mode(BSAR_FAILED);
    int length =
        snprintf(text, sizeof(text),
                 "bsa-record: cannot %s %s: %s; the recording of process %d ends here, the "
                 "program goes on, %llu events are lost so far\n",
                 what, file.path, why != NULL ? why : "unknown error", (int)getpid(),
                 (unsigned long long)(bsar_lost + bsar_unsaved()));
    if (length > 0)
        bsar_say(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
    return false;
}

/* The same file with a number that programs do not use. */
static int move_high(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR);
    if (high < 0)
        high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR / 4);
    if (high < 0)
        return fd;
    syscall(SYS_close, fd);
    return high;
}

static int open_path(int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, file.path,
                        O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | flags, 0666);
}

/* Makes a file that was not there. */
static bool create(void)
{
    for (int number = 1; number < NUMBERS; number++) {
        char again[16] = "";
        if (number > 1)
            snprintf(again, sizeof(again), ".%d", number);
        snprintf(file.path, sizeof(file.path), "%s.%s.%d%s%s", bsar_config.stem,
                 bsar_config.program, (int)getpid(), again, bsar_config.suffix);
        file.fd = open_path(O_CREAT | O_EXCL);
        if (file.fd >= 0 || errno != EEXIST)
            break;
    }
    struct stat now;
    if (file.fd < 0 || fstat(file.fd, &now) != 0)
        return fail("create", errno);
    file.fd = move_high(file.fd);
    file.device = now.st_dev;
    file.inode = now.st_ino;
    return true;
}

static bool find_again(void)
{
    if (is_file(file.fd, file.device, file.inode))
        return true;
    /* The target has closed it, and may have another file there: that is not ours to close. */
    file.fd = open_path(0);
    if (file.fd < 0)
        return fail("open again", errno);
    if (!is_file(file.fd, file.device, file.inode)) {
        syscall(SYS_close, file.fd);
        file.fd = -1;
        return fail("find again", ESTALE);
    }
    file.fd = move_high(file.fd);
    return true;
}

/* The parts begin behind what is written. */
static size_t pass_over(struct iovec *parts, int count, size_t written)
{
    size_t left = written;
    for (int i = 0; i < count; i++) {
        size_t here = left < parts[i].iov_len ? left : parts[i].iov_len;
        parts[i].iov_base = (char *)parts[i].iov_base + here;
        parts[i].iov_len -= here;
        left -= here;
    }
    return written;
}

/* All of it, or nothing. Where files have a limit, its signal is for whoever knows of the file. */
static bool write_whole(struct iovec *parts, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += parts[i].iov_len;
    if (!find_again())
        return false;
    size_t done = 0;
    int error = 0;
    while (done < bytes && error == 0) {
        ssize_t written = syscall(SYS_writev, file.fd, parts, count);
        if (written < 0 && errno != EINTR)
            error = errno;
        else if (written > 0)
            done += pass_over(parts, count, (size_t)written);
    }
    if (error == 0) {
        file.bytes += bytes;
        return true;
    }
    if (error == EFBIG) {
        sigset_t too_large;
        const struct timespec now = {0, 0};
        sigemptyset(&too_large);
        sigaddset(&too_large, SIGXFSZ);
        syscall(SYS_rt_sigtimedwait, &too_large, NULL, &now, _NSIG / 8);
    }
    if (done > 0 && ftruncate(file.fd, (off_t)file.bytes) != 0) {
        /* Then the file ends in the middle of a chunk, as readers expect of a raw one. */
    }
    return fail("write", error);
}

void bsar_chunk_seal(struct trace_chunk_header *header, const void *stored)
{
    memcpy(header->magic, TRACE_CHUNK_MAGIC, sizeof(header->magic));
    header->content_bytes = header->stored_bytes;
    if (header->type == TRACE_CHUNK_SHORT)
        bsar_clock_pair(&header->clock_ticks, &header->clock_ns);
    header->checksum = trace_chunk_checksum(header, stored);
}

static bool write_chunk(const struct trace_chunk_header *header, const void *stored)
{
    struct iovec parts[] = {{(void *)(uintptr_t)header, sizeof(*header)},
                            {(void *)(uintptr_t)stored, header->stored_bytes}};
    return write_whole(parts, 2);
}

/* Metadata: what only this process knows. ----------------------------------------------------------- */

struct content {
    size_t bytes;
    char text[BSAR_META_ROOM];
};

static void put(struct content *meta, const char *key, const char *value, size_t length)
{
    size_t key_bytes = strlen(key) + 1;
    uint32_t value_bytes = (uint32_t)length; /* little-endian in the file, as all else here */
    if (key_bytes + sizeof(value_bytes) + length > sizeof(meta->text) - meta->bytes)
        return;
    char *at = &meta->text[meta->bytes];
    memcpy(at, key, key_bytes);
    memcpy(at + key_bytes, &value_bytes, sizeof(value_bytes));
    memcpy(at + key_bytes + sizeof(value_bytes), value, length);
    meta->bytes += key_bytes + sizeof(value_bytes) + length;
}

static void put_text(struct content *meta, const char *key, const char *value)
{
    put(meta, key, value, strlen(value));
}

static void put_number(struct content *meta, const char *key, long value)
{
    char text[24];
    snprintf(text, sizeof(text), "%ld", value);
    put_text(meta, key, text);
}

/* Arguments with a zero byte behind each, as the kernel has them: words for people to read. */
static void put_command(struct content *meta)
{
    static char text[BSAR_META_ROOM / 2]; /* the lock's */
    long at, all = 0,
             fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    while ((size_t)all < sizeof(text) &&
           (at = syscall(SYS_read, fd, text + all, sizeof(text) - (size_t)all)) > 0)
        all += at;
    syscall(SYS_close, fd);
    while (all > 0 && text[all - 1] == '\0')
        all--;
    for (long i = 0; i < all; i++)
        text[i] = text[i] == '\0' ? ' ' : text[i];
    put(meta, "command", text, (size_t)all);
}

/*
 * The moment in UTC. Not by gmtime or strftime: they read the time zone's file and allocate, which
 * the target would then not do, and take a lock, which may be held when a process forks.
 */
static void put_start(struct content *meta)
{
    struct timespec now;
    char text[64];
    clock_gettime(CLOCK_REALTIME, &now);
    long day_seconds = now.tv_sec % 86400;
    /* Years that begin in March, from 0000-03-01 on: the odd day is their last. */
    long days = now.tv_sec / 86400 + 719468;
    long in_era = days % 146097; /* 400 years */
    long in_year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    long of_year = in_era - (365 * in_year + in_year / 4 - in_year / 100);
    long month = (5 * of_year + 2) / 153; /* five months have 153 days: 31 30 31 30 31 */
    long day = of_year - (153 * month + 2) / 5 + 1;
    long year = days / 146097 * 400 + in_year + (month >= 10);
    month += month < 10 ? 3 : -9;
    snprintf(text, sizeof(text), "%04ld-%02ld-%02ldT%02ld:%02ld:%02ld.%03ldZ", year, month, day,
             day_seconds / 3600, day_seconds / 60 % 60, day_seconds % 60, now.tv_nsec / 1000000);
    put_text(meta, "start", text);
}

static bool write_meta(void)
{
    static struct content meta; /* the lock's */
    meta.bytes = 0;
    put_text(&meta, "session", bsar_config.session);
    put_text(&meta, "program", bsar_config.program);
    put_number(&meta, "pid", getpid());
    put_number(&meta, "ppid", getppid());
    put_command(&meta);
    put_start(&meta);
    put_text(&meta, "clock", bsar_clock_name());
    if (bsar_min_size > 0)
        put_number(&meta, "min-size", (long)bsar_min_size);
    struct trace_chunk_header header = {.type = TRACE_CHUNK_META,
                                        .stored_bytes = (uint32_t)meta.bytes};
    bsar_chunk_seal(&header, meta.text);
    return write_chunk(&header, meta.text);
}

/* The file's beginning ------------------------------------------------------------------------------ */

static bool write_header(void)
{
    struct trace_file_header header = {
        .magic = TRACE_FILE_MAGIC,
        .major = TRACE_FILE_MAJOR,
        .minor = TRACE_FILE_MINOR,
        .level = TRACE_LEVEL_RAW,
        .bytes = sizeof(header),
        .page_size = (uint32_t)sysconf(_SC_PAGESIZE),
    };
    header.checksum = trace_header_checksum(&header);
    struct iovec part = {&header, sizeof(header)};
    return write_whole(&part, 1);
}

/*
 * A chunk of one record, of no thread: the first moment on both clocks, and the place for the count
 * of what is lost, as there may be no room at the end.
 */
static struct first_chunk {
    struct trace_chunk_header header;
    struct trace_fixed record;
} first;

static bool write_first(void)
{
    first = (struct first_chunk){
        .header = {.type = TRACE_CHUNK_FIXED, .stored_bytes = sizeof(first.record), .events = 1},
        .record = {.kind = TRACE_MARKER},
    };
    bsar_clock_pair(&first.header.clock_ticks, &first.header.clock_ns);
    first.record.ticks = first.header.clock_ticks;
    bsar_chunk_seal(&first.header, &first.record);
    file.first = file.bytes;
    return write_chunk(&first.header, &first.record);
}

static bool begin(void)
{
    return create() && write_header() && write_meta() && write_first();
}

void bsar_file_begin(void)
{
    if (file.path[0] == '\0')
        begin();
}

bool bsar_file_write(const struct trace_chunk_header *header, const struct trace_short *records)
{
    return (file.path[0] != '\0' || begin()) && write_chunk(header, records);
}

void bsar_file_forget(void)
{
    if (file.path[0] != '\0' && is_file(file.fd, file.device, file.inode))
        syscall(SYS_close, file.fd);
    file.fd = -1;
    file.path[0] = '\0';
    file.bytes = file.first = 0;
}

void bsar_file_end(enum record_end end, uint64_t lost)
{
    if (file.first == 0) /* it is not there */
        return;
    first.record.size = end;
    if (lost > 0) {
        uint16_t cpu;
        first.record.kind = TRACE_LOST;
        first.record.size = lost;
        first.record.ticks = bsar_ticks(&cpu);
    }
    bsar_chunk_seal(&first.header, &first.record);
    /*
     * What is opened to append writes at the end, wherever it is told to. And who has given up
     * rights may have to do with the descriptor that is there.
     */
    bool ours = is_file(file.fd, file.device, file.inode);
    int fd = ours ? file.fd : open_path(0);
    if (ours || is_file(fd, file.device, file.inode)) {
        fcntl(fd, F_SETFL, 0);
        syscall(SYS_pwrite64, fd, &first, sizeof(first), file.first);
        fcntl(fd, F_SETFL, O_APPEND);
    }
    if (!ours && fd >= 0)
        syscall(SYS_close, fd);
}
