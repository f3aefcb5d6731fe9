/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../environment.h"

struct bsar_config bsar_config;
size_t bsar_min_size;

/* otherwise, where the environment has no such number. */
static uint64_t read_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t value = 0;
    if (text == NULL || *text == '\0')
        return otherwise;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return *text == '\0' ? value : otherwise;
}

/* A copy, as programs write over their environment. What does not fit is as if not there. */
static void read_text(const char *name, char *text, size_t room)
{
    const char *value = getenv(name);
    size_t length = value != NULL ? strlen(value) : 0;
    if (length < room)
        memcpy(text, value != NULL ? value : "", length);
    text[length < room ? length : 0] = '\0';
}

static void read_program(void)
{
    char path[4096];
    long length = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, sizeof(path) - 1);
    path[length > 0 ? length : 0] = '\0';
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL && slash[1] != '\0' ? slash + 1 : "program";
    size_t used = 0;
    for (; name[used] != '\0' && used < sizeof(bsar_config.program) - 1; used++)
        bsar_config.program[used] = name[used] > ' ' && name[used] != 0x7f ? name[used] : '_';
    bsar_config.program[used] = '\0';
}

bool bsar_config_read(void)
{
    read_text(RECORD_ENV_STEM, bsar_config.stem, sizeof(bsar_config.stem));
    if (bsar_config.stem[0] != '/')
        return false;
    read_text(RECORD_ENV_SUFFIX, bsar_config.suffix, sizeof(bsar_config.suffix));
    read_text(RECORD_ENV_SESSION, bsar_config.session, sizeof(bsar_config.session));
    bsar_config.until_ns = read_number(RECORD_ENV_UNTIL, 0);
    bsar_config.max_events = read_number(RECORD_ENV_MAX_EVENTS, UINT64_MAX);
    bsar_config.follow = getenv(RECORD_ENV_NO_FOLLOW) == NULL;
    bsar_config.quiet = getenv(RECORD_ENV_QUIET) != NULL;
    bsar_min_size = (size_t)read_number(RECORD_ENV_MIN_SIZE, 0);
    read_program();
    return true;
}
