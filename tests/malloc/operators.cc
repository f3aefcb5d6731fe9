// SPDX-License-Identifier: Apache-2.0
// Every form of new and delete, and what a new does that finds no memory.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <malloc.h>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

void must(bool fine, const char *what) {
    if (!fine) {
        std::fprintf(stderr, "operators: not so: %s\n", what);
        std::_Exit(1);
    }
}
#define MUST(condition) must((condition), #condition)

bool aligned(const void *p, std::size_t align) {
    return reinterpret_cast<std::uintptr_t>(p) % align == 0;
}

int calls;

void handler() {
    if (++calls == 3)
        std::set_new_handler(nullptr);
}

struct Odd : std::runtime_error {
    Odd() : std::runtime_error("odd") {}
};
void handler_throws() { throw Odd(); }

struct alignas(256) Wide {
    char bytes[700];
};
struct Throws {
    char bytes[100];
    Throws() { throw Odd(); }
};

volatile std::size_t much = SIZE_MAX / 2 + 1;

template <class Call> void throws_bad_alloc(Call call) {
    bool thrown = false;
    try {
        call();
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    MUST(thrown);
}

void failures() {
    throws_bad_alloc([] { (void)::operator new(much); });
    throws_bad_alloc([] { (void)::operator new[](much); });
    throws_bad_alloc([] { (void)::operator new(much, std::align_val_t(64)); });
    throws_bad_alloc([] { (void)::operator new[](much, std::align_val_t(64)); });
    MUST(::operator new(much, std::nothrow) == nullptr);
    MUST(::operator new[](much, std::nothrow) == nullptr);
    MUST(::operator new(much, std::align_val_t(64), std::nothrow) == nullptr);

    std::set_new_handler(handler);
    throws_bad_alloc([] { (void)::operator new(much); });
    MUST(calls == 3); // and it had removed itself

    std::set_new_handler(handler_throws);
    bool thrown = false;
    try {
        (void)::operator new(much);
    } catch (const Odd &) {
        thrown = true;
    }
    MUST(thrown);
    MUST(::operator new(much, std::nothrow) == nullptr);
    std::set_new_handler(nullptr);
}

void forms() {
    int *one = new int(7);
    int *many = new int[1000]();
    MUST(*one == 7 && many[999] == 0 && aligned(many, 16));
    delete one;
    delete[] many;

    Wide *wide = new Wide, *wides = new Wide[3];
    MUST(aligned(wide, 256) && aligned(wides, 256));
    delete wide;
    delete[] wides;

    void *p = ::operator new(50);
    MUST(malloc_usable_size(p) >= 50 && malloc_usable_size(p) <= 64);
    ::operator delete(p, std::size_t(50));
    p = ::operator new[](50);
    ::operator delete[](p, std::size_t(50));
    p = ::operator new(50, std::nothrow);
    ::operator delete(p, std::nothrow);
    p = ::operator new[](50, std::nothrow);
    ::operator delete[](p, std::nothrow);
    p = ::operator new(5000, std::align_val_t(8192));
    MUST(aligned(p, 8192));
    ::operator delete(p, std::align_val_t(8192));
    p = ::operator new(5000, std::align_val_t(8192));
    ::operator delete(p, std::size_t(5000), std::align_val_t(8192));
    p = ::operator new[](5000, std::align_val_t(8192), std::nothrow);
    ::operator delete[](p, std::align_val_t(8192), std::nothrow);
    ::operator delete(nullptr);

    bool thrown = false;
    try {
        delete new Throws;
    } catch (const Odd &) {
        thrown = true;
    }
    MUST(thrown);
    // What new gives is free's, too, where a program does so.
    std::free(::operator new(100));
}

} // namespace

int main() {
    std::free(std::malloc(1));
    MUST(mallinfo2().arena > (std::size_t(32) << 20)); // the library is there
    struct mallinfo2 before = mallinfo2();
    forms();
    failures();
    struct mallinfo2 after = mallinfo2();
    MUST(after.uordblks <= before.uordblks + 2000); // exceptions keep some
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([] {
            for (int k = 0; k < 1000; k++)
                forms();
        });
    for (auto &thread : threads)
        thread.join();
}
