// SPDX-License-Identifier: Apache-2.0
// C++'s new and delete in all their forms. Nine objects and a failure. A program, and a plug-in.
#include <cstdlib>
#include <new>

struct alignas(64) aligned {
    char bytes[100];
};

extern "C" int run()
{
    const std::align_val_t align{128};
    void *volatile p;
    p = ::operator new(1001);
    ::operator delete(p);
    p = ::operator new[](1002);
    ::operator delete[](p);
    p = ::operator new(1003);
    ::operator delete(p, (std::size_t)1003);
    p = ::operator new(1004, std::nothrow);
    ::operator delete(p, std::nothrow);
    p = ::operator new(1024, align);
    ::operator delete(p, align);
    p = ::operator new[](1152, align);
    ::operator delete[](p, 1152, align);
    p = ::operator new(1280, align, std::nothrow);
    ::operator delete(p, align, std::nothrow);
    aligned *volatile one = new aligned;
    delete one;
    aligned *volatile some = new aligned[3];
    delete[] some;
    try {
        p = ::operator new((std::size_t)-1 / 4);
    } catch (std::bad_alloc &) {
        return 0;
    }
    return 1;
}

int main()
{
    return run();
}
