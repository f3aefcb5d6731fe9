/* SPDX-License-Identifier: Apache-2.0 */
/* Every misuse ends the program, after one line on stderr that says what was done and to what. */
#include "preloaded.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* The compiler knows what free is, and would warn of, or leave out, what is done here. */
static void (*volatile release)(void *) = free;
static void *(*volatile resize)(void *, size_t) = realloc;
static size_t (*volatile usable)(void *) = malloc_usable_size;

struct misuse {
    const char *name;
    const char *function;
    const char *says;
    void *(*prepare)(void);
    void (*commit)(void *p);
};

static void *object(void)
{
    return malloc(100);
}

static void *freed_object(void)
{
    void *p = malloc(100);
    release(p);
    return p;
}

static void *inside_object(void)
{
    return (char *)malloc(100) + 16;
}

static void *block(void)
{
    return malloc(20000);
}

static void *freed_block(void)
{
    void *p = malloc(20000);
    release(p);
    return p;
}

static void *inside_block(void)
{
    return (char *)malloc(20000) + 64;
}

static void *freed_mapping(void)
{
    void *p = malloc(5 << 20);
    release(p);
    return p;
}

static void *inside_mapping(void)
{
    return (char *)malloc(5 << 20) + 4096;
}

static void *not_on_the_heap(void)
{
    static int somewhere;
    return &somewhere;
}

static void *small_number(void)
{
    return (void *)16;
}

static void *number_one(void)
{
    return (void *)1;
}

static void frees(void *p)
{
    release(p);
}

/* Some tables mark by the number one what has gone. In one program of three there is such a mark
 * where a search for it looks. */
static void frees_among_mappings(void *p)
{
    enum { MAPPINGS = 40000 };
    static void *mappings[MAPPINGS];
    for (size_t i = 0; i < MAPPINGS; i++)
        mappings[i] = malloc((1 << 20) + 1);
    for (size_t i = 0; i < MAPPINGS; i += 2)
        used(resize(mappings[i], (1 << 20) + (1 + i % 8) * 4096));
    release(p);
}

static void frees_twice(void *p)
{
    release(p);
    release(p);
}

/* The malloc takes a mutex where its fast paths do not suffice. Who does so next has to wait until
 * another thread has been given this address, or the child ends with a status of its own. */
static void *contended;

static void *take_over(void *address)
{
    malloc_trim(0);
    for (unsigned i = 0; i < 100000; i++) {
        if (used(malloc(100)) == address)
            return address;
    }
    _exit(3);
}

static int (*lock)(pthread_mutex_t *);

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    void *address = contended;
    pthread_t thread;
    if (address != NULL) {
        contended = NULL;
        if (pthread_create(&thread, NULL, take_over, address) != 0 ||
            pthread_join(thread, NULL) != 0)
            _exit(3);
    }
    if (lock == NULL)
        *(void **)&lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    return lock(mutex);
}

static void frees_contended(void *p)
{
    release(p);
    contended = p;
    release(p);
}

static void reallocates(void *p)
{
    resize(p, 200);
}

static void frees_more(void *p)
{
    free_sized(p, usable(p) + 1);
}

static void frees_sized_twice(void *p)
{
    free_sized(p, 100);
    free_sized(p, 100);
}

static void frees_aligned_higher(void *p)
{
    free_aligned_sized(p, (size_t)1 << 30, 100);
}

static void measures(void *p)
{
    usable(p);
}

static const struct misuse cases[] = {
    {"double free of an object", "free", "double free of an object", object, frees_twice},
    {"free of a freed object", "free", "double free of an object", freed_object, frees},
    {"free inside an object", "free", "inside an object", inside_object, frees},
    {"double free of a block", "free", "double free", block, frees_twice},
    {"free of a freed block", "free", "double free", freed_block, frees},
    {"free inside a block", "free", "inside a block", inside_block, frees},
    {"free of a freed mapping", "free", "not in this heap", freed_mapping, frees},
    {"free inside a mapping", "free", "inside a block", inside_mapping, frees},
    {"free of what was not allocated", "free", "not in this heap", not_on_the_heap, frees},
    {"free of a small number", "free", "not in this heap", small_number, frees},
    {"free of one", "free", "not in this heap", number_one, frees_among_mappings},
    {"realloc of a freed object", "realloc", "double free of an object", freed_object, reallocates},
    {"double free of what another thread is given", "free", "double free of an object", object,
     frees_contended},
    {"realloc inside an object", "realloc", "inside an object", inside_object, reallocates},
    {"realloc of what was not allocated", "realloc", "not in this heap", not_on_the_heap,
     reallocates},
    {"free of more than there is", "free_sized", "larger size", object, frees_more},
    {"free of a larger block", "free_sized", "larger size", block, frees_more},
    {"double free with a size", "free_sized", "double free", object, frees_sized_twice},
    {"free at another alignment", "free_aligned_sized", "larger alignment", block,
     frees_aligned_higher},
    {"size of a freed object", "malloc_usable_size", "not live", freed_object, measures},
    {"size of what was not allocated", "malloc_usable_size", "not live", not_on_the_heap, measures},
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

/* What a child that does this says on stderr; how it ended. */
static int commit_in_child(const struct misuse *misuse, void *p, char *said, size_t room)
{
    int ends[2], status;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        misuse->commit(p);
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    ssize_t got;
    while (used + 1 < room && (got = read(ends[0], said + used, room - 1 - used)) > 0)
        used += (size_t)got;
    said[used] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(misuse_is_said_and_ends_the_program)
{
    const struct misuse *misuse = &cases[_i];
    char said[1000], expected[200];
    void *p = misuse->prepare();
    int status = commit_in_child(misuse, p, said, sizeof(said));

    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s: status %x, said %s",
                  misuse->name, (unsigned)status, said);
    snprintf(expected, sizeof(expected), "buddyslab-malloc: %s(%p): ", misuse->function, p);
    ck_assert_msg(strncmp(said, expected, strlen(expected)) == 0, "%s: said %s", misuse->name,
                  said);
    ck_assert_msg(strstr(said, misuse->says) != NULL, "%s: said %s", misuse->name, said);
    /* One line; it names the place in this program. */
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    ck_assert_msg(strstr(said, "(called from test_malloc_misuse+0x") != NULL, "%s: said %s",
                  misuse->name, said);
}
END_TEST

static void measures_live(void *p)
{
    if (usable(p) >= 100)
        release(resize(p, 200));
}

START_TEST(right_use_is_silent)
{
    static const struct misuse none = {"right use", NULL, NULL, object, measures_live};
    char said[1000];
    ck_assert_int_eq(commit_in_child(&none, none.prepare(), said, sizeof(said)), 0);
    ck_assert_str_eq(said, "");
}
END_TEST

static volatile sig_atomic_t handled;

static void on_abort(int signal)
{
    (void)signal;
    char *p = malloc(50000); /* the heap serves a handler, still */
    handled = p != NULL;
    free(p);
    _exit(handled ? 17 : 1);
}

static void frees_twice_with_handler(void *p)
{
    signal(SIGABRT, on_abort);
    frees_twice(p);
}

START_TEST(a_handler_of_the_abort_may_allocate)
{
    static const struct misuse handles = {"handler", NULL, NULL, object, frees_twice_with_handler};
    char said[1000];
    int status = commit_in_child(&handles, handles.prepare(), said, sizeof(said));
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 17);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("malloc_misuse");
    TCase *tc = tcase_create("misuse");
    tcase_add_loop_test(tc, misuse_is_said_and_ends_the_program, 0, CASES);
    tcase_add_test(tc, right_use_is_silent);
    tcase_add_test(tc, a_handler_of_the_abort_may_allocate);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
