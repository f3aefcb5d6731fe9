/* SPDX-License-Identifier: Apache-2.0 */
#include "subject.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/child.h"
#include "crew.h"
#include "process.h"

void replay_subject_settle(pid_t parent)
{
    child_ends_with(parent);
    /* Whoever ends the whole group of processes ends the parent, which ends this one. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
}

static gboolean tell(int channel)
{
    char byte = REPLAY_SUBJECT_STANDS;
    return send(channel, &byte, 1, MSG_NOSIGNAL) == 1;
}

/* The pages of the ops are there before the first look at what the process takes. */
static void touch(const struct replay_batch *batch)
{
    volatile char *from = (volatile char *)batch->op;
    const volatile char *end =
        (const volatile char *)(batch->time_ns + batch->shared->terms.capacity);
    for (; from < end; from += 1024)
        *from = *from;
}

int replay_subject_serve(const struct replay_batch *batch, struct replay_backend *backend,
                         struct replay_regions *regions, int channel)
{
    struct replay_crew crew;
    char byte;
    touch(batch);
    replay_crew_open(&crew, batch, backend, regions);
    gboolean ok = tell(channel);
    while (ok) {
        ssize_t got = read(channel, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got != 1)
            break;
        replay_crew_run(&crew);
        ok = tell(channel);
    }
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Are the first bytes of a text the path of this file, or its name? */
static gboolean names(const char *text, gsize bytes, const char *path)
{
    const char *slash = memrchr(text, '/', bytes), *from = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : text, *file = from != NULL ? from + 1 : path;
    gsize length = (gsize)(text + bytes - name);
    return strlen(file) == length && memcmp(file, name, length) == 0;
}

/* The library that malloc is from: its path ends with one of those that were to be preloaded. */
static gboolean is_preloaded(const char *libraries, char *found, gsize room)
{
    Dl_info info;
    void *address = dlsym(RTLD_DEFAULT, "malloc");
    g_strlcpy(found, "nowhere", room);
    if (address == NULL || dladdr(address, &info) == 0)
        return FALSE;
    g_strlcpy(found, info.dli_fname, room);
    for (;;) {
        gsize bytes = strcspn(libraries, " ");
        if (names(libraries, bytes, info.dli_fname))
            return TRUE;
        if (libraries[bytes] == '\0')
            return FALSE;
        libraries += bytes + 1;
    }
}

int replay_subject_main(int argc, char **argv)
{
    struct stat file;
    struct replay_batch batch;
    char found[256];
    if (argc != 5)
        return 2;
    int memory = atoi(argv[2]), channel = atoi(argv[3]), says = atoi(argv[4]);
    dup2(says, STDERR_FILENO);
    close(says);
    if (fstat(memory, &file) != 0)
        return 2;
    void *at = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (at == MAP_FAILED)
        return 2;
    replay_batch_at(&batch, at, at);
    const char *library = getenv("LD_PRELOAD");
    if (library != NULL && !is_preloaded(library, found, sizeof(found))) {
        g_snprintf(
            batch.shared->error, sizeof(batch.shared->error),
            "malloc is not that of %s but of %s; is the library there, and does it have one?",
            library, found);
        return 1;
    }
    return replay_subject_serve(&batch, replay_backend_malloc(batch.shared->terms.page_size), NULL,
                                channel);
}
