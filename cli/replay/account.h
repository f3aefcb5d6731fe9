/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replay's own books, kept beside the allocator's: what was asked for, what it was rounded to,
 * and how much the allocator held meanwhile. Byte counts are exact; sums over time are doubles,
 * added up in the order of events, so that the same replay gives the same value.
 */
#ifndef BSA_CLI_REPLAY_ACCOUNT_H
#define BSA_CLI_REPLAY_ACCOUNT_H

#include <glib.h>

#include "backend.h"
#include "regions.h"

/* Index of what is served by pages, behind the classes and caches. */
#define REPLAY_BLOCKS REPLAY_ALL_CLASSES

struct replay_live {
    guint64 count;
    guint64 requested; /* bytes asked for */
    guint64 given;     /* bytes of the class's objects, or of whole pages */
    guint64 most;      /* of count */
    guint64 allocs;    /* ever */
    guint64 requested_ever, given_ever;
};

/* Wilson and Johnstone's comparison of a size H(t) of the heap with the live bytes L(t), over the
 * events after which H is known: all, where events run one at a time. */
struct replay_growth {
    guint64 events;       /* of them, those with L > 0, and over these: */
    double sum_ratio;     /*   H/L */
    double sum_size;      /*   H */
    double sum_live;      /*   L */
    guint64 max_size;     /* max H, */
    guint64 live_at_max;  /*   and L when H first reached it */
    guint64 max_live;     /* max L, */
    guint64 size_at_peak; /*   and H when L first reached it */
};

/* Extremes between two looks. */
struct replay_window {
    guint64 occupied_low, occupied_high;
    guint64 requested_low, requested_high;
};

struct replay_account {
    struct replay_live live[REPLAY_ALL_CLASSES + 1];
    guint64 requested, given;            /* sums of live[] */
    guint64 page_bytes, page_bytes_ever; /* of them, page events' blocks, which are not rounded */
    guint64 requested_ever, given_ever;  /* over all allocations made */
    guint64 peak_requested;              /* largest value of requested, */
    guint64 given_at_peak;               /*   given then, */
    guint64 peak_event;                  /*   and the event that reached it first */
    double sum_slack_events;             /* given - requested, over events */
    double sum_given_events;
    double sum_slack_bytes;        /* the same over bytes allocated: each event weighs as much */
    double sum_given_bytes;        /*   as the bytes it asked for */
    struct replay_growth occupied; /* bytes of pages in use */
    struct replay_growth span;     /* lowest to highest address handed out so far, all regions */
    guintptr lowest[REPLAY_MAX_REGIONS], highest[REPLAY_MAX_REGIONS];
    guint64 span_bytes;
    struct replay_window window; /* since replay_account_look */
};

/* An allocation that succeeded. size_class: of a class or cache, or REPLAY_NO_CLASS. */
void replay_account_alloc(struct replay_account *account, guint size_class, guint64 requested,
                          guint64 given);
void replay_account_free(struct replay_account *account, guint size_class, guint64 requested,
                         guint64 given);
/* A block of a page event that is allocated, and one that is freed, besides. */
void replay_account_pages(struct replay_account *account, guint64 allocated, guint64 freed);
/* Addresses that were handed out; false when they lie in no region of the allocator's. */
gboolean replay_account_address(struct replay_account *account,
                                const struct replay_regions *regions, const void *address,
                                guint64 bytes);
/* After each event: event is its count, allocated the bytes it asked for (0: not an allocation),
 * occupied what the allocator now holds, or REPLAY_UNKNOWN while it is ahead of the books. */
#define REPLAY_UNKNOWN G_MAXUINT64
void replay_account_tick(struct replay_account *account, guint64 event, guint64 allocated,
                         guint64 occupied);

/* The extremes since the last look; the present is in this window and in the next. */
struct replay_window replay_account_look(struct replay_account *account, guint64 occupied);

#endif
