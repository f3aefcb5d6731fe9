/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that are older than the trace: it shows their frees only. To place them before the first
 * event a size is found for each, by the first of these rules that knows one:
 *
 *   told     the free itself says it: the order of a block of pages
 *   address  an allocation of the trace got the same address
 *   cache    allocations from the cache that the free names
 *   page     a kernel's: allocations in the same page, which are of one slab
 *   site     objects that are freed at the same call site
 *   drawn    any allocation of the trace, by the seed
 *
 * Where several allocations speak, the majority is heard. The order in which the objects are placed
 * is shuffled by the seed; each is placed by the CPU and thread of its free.
 */
#ifndef BSA_CLI_TRACE_PRELUDE_H
#define BSA_CLI_TRACE_PRELUDE_H

#include <glib.h>

#include "names.h"
#include "spool.h"

enum trace_prelude_rule {
    TRACE_PRELUDE_TOLD,
    TRACE_PRELUDE_ADDRESS,
    TRACE_PRELUDE_CACHE,
    TRACE_PRELUDE_PAGE,
    TRACE_PRELUDE_SITE,
    TRACE_PRELUDE_DRAWN
};
#define TRACE_PRELUDE_RULES 6u

typedef struct trace_prelude trace_prelude;

/* pages: allocations in the same page speak for each other. */
trace_prelude *trace_prelude_new(guint64 seed, guint64 page_size, gboolean pages);
void trace_prelude_free(trace_prelude *prelude);

/* The slot of an orphan's object, in the order in which they come: TRACE_NO_SLOT until the prelude
 * is settled, which it is once it has seen each orphan once, and learnt from all events. */
guint32 trace_prelude_orphan(trace_prelude *prelude, const struct trace_record *record);
void trace_prelude_begin_learning(trace_prelude *prelude);
void trace_prelude_learn(trace_prelude *prelude, const struct trace_event *event);
void trace_prelude_settle(trace_prelude *prelude, trace_names *names);

/* Objects, as far as it is settled; they have the slots below. */
guint trace_prelude_count(const trace_prelude *prelude);
/* The orphans come once more. */
void trace_prelude_restart(trace_prelude *prelude);

/* What begins in a slot; and the slot that is placed as the so-manieth. */
struct trace_event trace_prelude_event(const trace_prelude *prelude, guint32 slot);
guint32 trace_prelude_slot(const trace_prelude *prelude, guint place);

/* How many objects a rule gave their sizes, and "told", "address" ... */
guint64 trace_prelude_by_rule(const trace_prelude *prelude, enum trace_prelude_rule rule);
const char *trace_prelude_rule_name(enum trace_prelude_rule rule);

#endif
