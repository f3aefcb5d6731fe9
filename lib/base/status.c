/* SPDX-License-Identifier: Apache-2.0 */
#include <buddyslab/version.h>

#include "arith.h"
#include "call.h"

unsigned bsa_version(void)
{
    return BSA_VERSION;
}

const char *bsa_strerror(enum bsa_status status)
{
    switch (status) {
    case BSA_OK:
        return "success";
    case BSA_ERR_INVALID_PARAM:
        return "invalid parameter";
    case BSA_ERR_ALREADY_INITIALIZED:
        return "already initialized";
    case BSA_ERR_MEMORY_OVERLAP:
        return "memory overlaps";
    case BSA_ERR_NO_MEMORY:
        return "no memory";
    case BSA_ERR_NOT_ALLOCATED:
        return "not allocated";
    case BSA_ERR_NOT_INITIALIZED:
        return "not initialized";
    case BSA_ERR_NOT_FOUND:
        return "not found";
    }
    return "unknown status";
}

bool bsai_copy_sized(void *to, size_t to_size, const void *from, size_t from_size)
{
    const unsigned char *bytes = from;
    if (from_size < sizeof(size_t))
        return false;
    for (size_t i = to_size; i < from_size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    bsai_memset(to, 0, to_size);
    bsai_memcpy(to, from, from_size < to_size ? from_size : to_size);
    return true;
}

bool bsai_read_platform(struct bsa_platform *to, const struct bsa_platform *platform)
{
    *to = (struct bsa_platform)BSA_PLATFORM_INIT;
    return platform == NULL || bsai_copy_sized(to, sizeof(*to), platform, platform->size);
}

bool bsai_read_page_size(size_t *page_size)
{
    if (*page_size == 0)
        *page_size = 4096;
    return bsai_is_pow2(*page_size) && *page_size >= 1024 && *page_size <= 65536;
}

void bsai_log(const struct bsa_platform *platform, enum bsa_log_level level, const char *message)
{
    if (platform->log != NULL)
        platform->log(platform->ctx, (int)level, message);
}
