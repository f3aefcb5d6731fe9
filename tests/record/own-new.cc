// SPDX-License-Identifier: Apache-2.0
// A library whose new and delete are its own: what they get and give back is counted.
#include <cstdio>
#include <new>
#include <string>

static char arena[1 << 16];
static std::size_t used;
static int taken, given, strange;

void *operator new(std::size_t size)
{
    void *p = arena + used;
    used += (size + 15) & ~static_cast<std::size_t>(15);
    taken++;
    return p;
}

void operator delete(void *p) noexcept
{
    given++;
    if (p < static_cast<void *>(arena) || p >= static_cast<void *>(arena + sizeof(arena)))
        strange++;
}

void operator delete(void *p, std::size_t) noexcept
{
    operator delete(p);
}

extern "C" int run()
{
    {
        std::string text(100, 'x');
        text += std::string(200, 'y');
        delete new int;
    }
    std::printf("%d taken, %d given, %d of them strange\n", taken, given, strange);
    return 0;
}
