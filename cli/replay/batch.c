/* SPDX-License-Identifier: Apache-2.0 */
#include "op.h"

static const char *const kind_names[] = {
    "an allocation", "an allocation",     "an allocation", "a realloc",
    "a free",        "a page allocation", "a page free",
};

static gsize lines(gsize bytes)
{
    return (bytes + 63) & ~(gsize)63;
}

/* From a batch's first byte to its parts, and to its end. */
struct offsets {
    gsize runner;
    gsize op;
    gsize held;
    gsize time_ns;
    gsize end;
};

static struct offsets offsets_of(const struct replay_terms *terms)
{
    struct offsets to = {.runner = lines(sizeof(struct replay_batch_shared))};
    to.op = to.runner + terms->runners * sizeof(struct replay_runner);
    to.held = to.op + lines(terms->capacity * sizeof(struct replay_op));
    to.time_ns = to.held + lines(terms->capacity * sizeof(struct replay_held));
    to.end = to.time_ns + terms->capacity * sizeof(guint64);
    return to;
}

gsize replay_batch_bytes(const struct replay_terms *terms)
{
    return offsets_of(terms).end;
}

void replay_batch_at(struct replay_batch *batch, void *memory, const struct replay_terms *terms)
{
    const struct offsets to = offsets_of(terms);
    char *at = memory;
    batch->shared = memory;
    batch->runner = (struct replay_runner *)(gpointer)(at + to.runner);
    batch->op = (struct replay_op *)(gpointer)(at + to.op);
    batch->held = (struct replay_held *)(gpointer)(at + to.held);
    batch->time_ns = (guint64 *)(gpointer)(at + to.time_ns);
}

static const char *kind_name(guint kind)
{
    return kind < G_N_ELEMENTS(kind_names) ? kind_names[kind] : "a check";
}

static void describe(const struct replay_batch *batch, guint number, GString *out)
{
    const struct replay_runner *runner = &batch->runner[number];
    const struct replay_op *op = &batch->op[atomic_load(&runner->at)];
    guint64 base = batch->shared->base + 1;
    guint whom = atomic_load(&runner->whom);
    g_string_append_printf(out, "\n  CPU %u, at event %" G_GUINT64_FORMAT " (%s): ", op->cpu,
                           base + op->seq, kind_name(op->kind));
    switch (atomic_load(&runner->wait)) {
    case REPLAY_WAITS_OBJECT: {
        const struct replay_op *before = &batch->op[op->before - 1];
        g_string_append_printf(
            out, "waits for its object, which event %" G_GUINT64_FORMAT " (%s) on CPU %u leaves",
            base + before->seq, kind_name(before->kind), before->cpu);
        break;
    }
    case REPLAY_WAITS_WINDOW:
        g_string_append_printf(out, "is a window ahead, and waits for CPU %u",
                               batch->op[atomic_load(&batch->runner[whom].at)].cpu);
        break;
    case REPLAY_WAITS_TIME:
        g_string_append(out, "waits for its time");
        break;
    default:
        g_string_append(out, "the allocator does not return");
        break;
    }
}

char *replay_batch_describe(const struct replay_batch *batch)
{
    GString *out = g_string_new(NULL);
    guint told = 0, more = 0;
    for (guint i = 0; i < batch->shared->terms.runners; i++) {
        if (batch->runner[i].count == 0 || atomic_load(&batch->runner[i].done) == REPLAY_ALL_DONE)
            continue;
        if (told++ < 16)
            describe(batch, i, out);
        else
            more++;
    }
    if (more > 0)
        g_string_append_printf(out, "\n  and %u more CPUs", more);
    return g_string_free(out, FALSE);
}
