/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What valgrind --trace-malloc=yes prints:
 *
 *      --15632-- memalign(al 64, size 640) = 0x4A51780
 *      --15632-- realloc(0x0,700)malloc(700) = 0x4A525D0
 *      --15632-- realloc(0x4A52CA0,0)free(0x4A52CA0)
 *      --15632--  = 0
 *
 * A call is printed when it begins, its result when it ends, and what happens in between is printed
 * in between: calls wait on a stack for their results. A realloc that became a malloc or a free
 * gives way to it.
 *
 * Several processes print into one text. Each counts as a thread; and as two of them may have
 * objects at the same address, the addresses of the second get a 1 in the bits above 48, and so on.
 */
#include "import.h"
#include "scan.h"

#define ADDRESS_BITS 48
#define PROCESSES_MAX (1u << (64 - ADDRESS_BITS))
#define CALLS_MAX 256u /* waiting for their results */

enum call_kind { CALL_ALLOC, CALL_CALLOC, CALL_REALLOC, CALL_FREE, CALL_OTHER };

struct call {
    guint64 address; /* realloc and free: of the object */
    guint64 size;
    guint64 align;
    guint32 process;
    enum call_kind kind;
    gboolean freed; /* a realloc to no bytes whose free was printed */
};

struct valgrind {
    struct trace_import *import;
    struct call waiting[CALLS_MAX];
    guint count; /* of waiting */
    struct trace_map processes;
};

struct function {
    const char *name;
    enum call_kind kind;
};

static const struct function functions[] = {
    {"malloc", CALL_ALLOC},
    {"free", CALL_FREE},
    {"calloc", CALL_CALLOC},
    {"realloc", CALL_REALLOC},
    {"memalign", CALL_ALLOC},
    {"aligned_alloc", CALL_ALLOC},
    {"posix_memalign", CALL_ALLOC},
    {"valloc", CALL_ALLOC},
    {"pvalloc", CALL_ALLOC},
    {"cfree", CALL_FREE},
    {"malloc_usable_size", CALL_OTHER},
    {"malloc_trim", CALL_OTHER},
    {"mallinfo", CALL_OTHER},
    {"mallopt", CALL_OTHER},
    {"__builtin_new", CALL_ALLOC},
    {"__builtin_vec_new", CALL_ALLOC},
    {"__builtin_delete", CALL_FREE},
    {"__builtin_vec_delete", CALL_FREE},
};

/* operator new and delete have mangled names of many forms. */
static gboolean find_function(const char *name, const char *end, enum call_kind *kind)
{
    if (TRACE_BEGINS(name, end, "_Zn") || TRACE_BEGINS(name, end, "_Zd")) {
        *kind = name[2] == 'n' ? CALL_ALLOC : CALL_FREE;
        return TRUE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(functions); i++) {
        if (trace_is_word(name, end, functions[i].name, strlen(functions[i].name))) {
            *kind = functions[i].kind;
            return TRUE;
        }
    }
    return FALSE;
}

/* "--PID-- ", or "--TIME PID-- "; what is behind it, NULL where there is none. */
static const char *skip_prefix(const char *text, const char *end, guint32 *process)
{
    const char *stop = g_strstr_len(text, end - text, "-- ");
    guint64 value;
    if (!TRACE_BEGINS(text, end, "--") || stop == NULL || stop == text) {
        return NULL;
    }
    const char *digits = trace_digits_back(text + 2, stop);
    if ((digits != text + 2 && !trace_is_blank(digits[-1])) ||
        !trace_scan_digits(digits, stop, 10, G_MAXUINT32, &value)) {
        return NULL;
    }
    *process = (guint32)value;
    return stop + 3;
}

/* One argument, "al 64", "0x4A45040" or "200". */
static gboolean take_argument(struct call *call, const char *text, const char *end, guint number)
{
    guint64 value, product;
    struct trace_words words;
    trace_split(text, end, &words);
    if (words.count < 1 || words.count > 2 ||
        !trace_scan_number(words.text[words.count - 1], words.end[words.count - 1], &value)) {
        return FALSE;
    }
    if (words.count == 2 && TRACE_IS(words.text[0], words.end[0], "al")) {
        call->align = value;
    } else if (call->kind == CALL_FREE || (call->kind == CALL_REALLOC && number == 0)) {
        call->address = number == 0 ? value : call->address;
    } else if (call->kind == CALL_CALLOC && number == 1) {
        call->size = g_uint64_checked_mul(&product, call->size, value) ? product : G_MAXUINT64;
    } else {
        call->size = value;
    }
    return TRUE;
}

/* "name(arguments)"; what is behind it. NULL: no call of a function that is known. */
static const char *parse_call(const char *text, const char *end, struct call *call)
{
    const char *open = memchr(text, '(', (gsize)(end - text));
    const char *close = open != NULL ? memchr(open, ')', (gsize)(end - open)) : NULL;
    if (close == NULL || !find_function(text, open, &call->kind)) {
        return NULL;
    }
    guint number = 0;
    for (const char *argument = open + 1; argument < close; number++) {
        const char *comma = memchr(argument, ',', (gsize)(close - argument));
        const char *stop = comma != NULL ? comma : close;
        if (!take_argument(call, argument, stop, number) && call->kind != CALL_OTHER) {
            return NULL;
        }
        argument = stop + 1;
    }
    guint needed = call->kind == CALL_CALLOC || call->kind == CALL_REALLOC ? 2 : 1;
    return number >= needed || call->kind == CALL_OTHER ? close + 1 : NULL;
}

/* The address among those of all processes; FALSE where there is no room for it. */
static gboolean tell_apart(struct valgrind *valgrind, guint32 process, guint64 *address)
{
    guint32 *known = trace_map_find(&valgrind->processes, process);
    guint32 index = known != NULL ? *known : (guint32)valgrind->processes.count;
    if (index >= PROCESSES_MAX || *address >> ADDRESS_BITS != 0) {
        return FALSE;
    }
    if (known == NULL) {
        trace_map_insert(&valgrind->processes, process, index);
    }
    if (*address != 0) {
        *address |= (guint64)index << ADDRESS_BITS;
    }
    return TRUE;
}

static gboolean add_free(struct valgrind *valgrind, const struct call *call,
                         struct trace_record *record, GError **error)
{
    struct call *last = valgrind->count > 0 ? &valgrind->waiting[valgrind->count - 1] : NULL;
    if (call->address == 0) {
        valgrind->import->hygiene->null_frees++;
        return TRUE;
    }
    if (last != NULL && last->kind == CALL_REALLOC && last->size == 0 &&
        last->address == call->address && last->process == call->process) {
        last->freed = TRUE;
    }
    record->kind = TRACE_FREE;
    record->address = call->address;
    return trace_import_add(valgrind->import, record, error);
}

/* The call has its result; a realloc to no bytes that gives none has freed its object. */
static gboolean add_result(struct valgrind *valgrind, const struct call *call, guint64 result,
                           struct trace_record *record, GError **error)
{
    gboolean frees = call->kind == CALL_REALLOC && call->size == 0 && result == 0;
    if (call->kind == CALL_OTHER || call->freed) {
        valgrind->import->hygiene->filler_lines++;
        return TRUE;
    }
    if (result != 0 && call->size > TRACE_SIZE_MAX) {
        trace_import_ignore(valgrind->import, record->line);
        return TRUE;
    }
    record->address = result;
    record->size = call->size;
    record->align = call->align;
    record->flags = result == 0 && !frees ? TRACE_FAILED : 0;
    if (call->kind == CALL_REALLOC) {
        return trace_import_realloc(valgrind->import, record, call->address, error);
    }
    record->kind = call->align != 0            ? TRACE_ALIGNED_ALLOC
                   : call->kind == CALL_CALLOC ? TRACE_CALLOC
                                               : TRACE_ALLOC;
    return trace_import_add(valgrind->import, record, error);
}

/* The last call of the process that waits. */
static gboolean take_waiting(struct valgrind *valgrind, guint32 process, struct call *call)
{
    for (guint i = valgrind->count; i > 0; i--) {
        if (valgrind->waiting[i - 1].process == process) {
            *call = valgrind->waiting[i - 1];
            valgrind->count--;
            memmove(&valgrind->waiting[i - 1], &valgrind->waiting[i],
                    (valgrind->count - (i - 1)) * sizeof *call);
            return TRUE;
        }
    }
    return FALSE;
}

/* One that waits for ever, as the program ended in it, makes room. */
static void wait_for_result(struct valgrind *valgrind, const struct call *call)
{
    if (valgrind->count == CALLS_MAX) {
        valgrind->count--;
        memmove(valgrind->waiting, valgrind->waiting + 1, valgrind->count * sizeof *call);
    }
    valgrind->waiting[valgrind->count++] = *call;
}

/* " = 0x4A45040" */
static gboolean is_result(const char *text, const char *end, guint64 *result)
{
    return TRACE_BEGINS(text, end, " = ") && trace_scan_pointer(text + 3, end, result);
}

enum taken { TAKEN_BAD, TAKEN_GOOD, TAKEN_ERROR };

/* What begins at *text: a call, a result, or neither. */
static enum taken take_part(struct valgrind *valgrind, const char **text, const char *end,
                            struct trace_record *record, GError **error)
{
    struct call call = {.process = record->thread};
    guint64 result;
    if (is_result(*text, end, &result)) {
        *text = end;
        if (!take_waiting(valgrind, record->thread, &call)) {
            return TAKEN_BAD;
        }
        if (call.kind != CALL_OTHER && !tell_apart(valgrind, record->thread, &result)) {
            return TAKEN_BAD;
        }
        return add_result(valgrind, &call, result, record, error) ? TAKEN_GOOD : TAKEN_ERROR;
    }
    *text = parse_call(*text, end, &call);
    if (*text == NULL || !tell_apart(valgrind, record->thread, &call.address)) {
        return TAKEN_BAD;
    }
    if (call.kind == CALL_FREE) {
        return add_free(valgrind, &call, record, error) ? TAKEN_GOOD : TAKEN_ERROR;
    }
    if (call.kind != CALL_REALLOC || call.address != 0) {
        wait_for_result(valgrind, &call);
    }
    return TAKEN_GOOD;
}

/* Begins with a call, or a result; else it is one of valgrind's many other messages. */
static gboolean is_traced(const char *text, const char *end)
{
    const char *open = memchr(text, '(', (gsize)(end - text));
    enum call_kind kind;
    return TRACE_BEGINS(text, end, " = ") || (open != NULL && find_function(text, open, &kind));
}

static gboolean take_line(struct valgrind *valgrind, const struct trace_line *line, GError **error)
{
    struct trace_import *import = valgrind->import;
    const char *end = line->text + line->length;
    struct trace_record record = TRACE_RECORD_INIT;
    const char *text = skip_prefix(line->text, end, &record.thread);
    if (text == NULL || !is_traced(text, end)) {
        gboolean message = text != NULL || line->length == 0 ||
                           TRACE_BEGINS(line->text, end, "==") ||
                           TRACE_BEGINS(line->text, end, "**");
        if (message) {
            import->hygiene->filler_lines++;
        } else {
            trace_import_ignore(import, line->number); /* the program's own output */
        }
        return TRUE;
    }
    record.line = line->number;
    enum taken taken = TAKEN_GOOD;
    while (text != NULL && text < end && taken == TAKEN_GOOD) {
        struct trace_record part = record;
        part.time_ns = trace_import_next_ns(import);
        taken = take_part(valgrind, &text, end, &part, error);
    }
    if (taken == TAKEN_BAD) {
        trace_import_ignore(import, line->number);
    }
    return taken != TAKEN_ERROR;
}

static gboolean import_valgrind(struct trace_import *import, GError **error)
{
    struct valgrind *valgrind = g_new0(struct valgrind, 1);
    struct trace_line line;
    gboolean good = TRUE;
    int got = 0;
    valgrind->import = import;
    trace_map_init(&valgrind->processes);
    trace_import_untimed(import);
    while (good && (got = trace_import_line(import, &line, error)) > 0) {
        good = take_line(valgrind, &line, error);
    }
    trace_map_destroy(&valgrind->processes);
    g_free(valgrind);
    return good && got == 0;
}

static gboolean probe_valgrind(const char *bytes, gsize length)
{
    const char *end = bytes + length;
    for (const char *line = bytes; line < end;) {
        const char *newline = memchr(line, '\n', (gsize)(end - line));
        const char *stop = newline != NULL ? newline : end;
        struct call call = {0};
        const char *text = skip_prefix(line, stop, &call.process);
        if (text != NULL && parse_call(text, stop, &call) != NULL) {
            return TRUE;
        }
        line = newline != NULL ? newline + 1 : end;
    }
    return FALSE;
}

const struct trace_format trace_format_valgrind = {
    .name = "valgrind --trace-malloc",
    .kernel = FALSE,
    .probe = probe_valgrind,
    .import = import_valgrind,
};
