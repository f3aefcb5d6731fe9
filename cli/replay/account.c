/* SPDX-License-Identifier: Apache-2.0 */
#include "account.h"

static struct replay_live *entry(struct replay_account *account, guint size_class)
{
    return &account->live[size_class == REPLAY_NO_CLASS ? REPLAY_BLOCKS : size_class];
}

void replay_account_alloc(struct replay_account *account, guint size_class, guint64 requested,
                          guint64 given)
{
    struct replay_live *live = entry(account, size_class);
    live->count++;
    live->most = MAX(live->most, live->count);
    live->requested += requested;
    live->given += given;
    live->allocs++;
    live->requested_ever += requested;
    live->given_ever += given;
    account->requested += requested;
    account->given += given;
    account->requested_ever += requested;
    account->given_ever += given;
}

void replay_account_free(struct replay_account *account, guint size_class, guint64 requested,
                         guint64 given)
{
    struct replay_live *live = entry(account, size_class);
    live->count--;
    live->requested -= requested;
    live->given -= given;
    account->requested -= requested;
    account->given -= given;
}

void replay_account_pages(struct replay_account *account, guint64 allocated, guint64 freed)
{
    account->page_bytes += allocated - freed;
    account->page_bytes_ever += allocated;
}

gboolean replay_account_address(struct replay_account *account,
                                const struct replay_regions *regions, const void *address,
                                guint64 bytes)
{
    guint i = replay_regions_find(regions, address, bytes);
    if (i == regions->used)
        return FALSE;
    guintptr first = (guintptr)address, end = first + (guintptr)bytes;
    guint64 before = account->highest[i] - account->lowest[i];
    if (account->highest[i] == 0 || first < account->lowest[i])
        account->lowest[i] = first;
    if (end > account->highest[i])
        account->highest[i] = end;
    account->span_bytes += account->highest[i] - account->lowest[i] - before;
    return TRUE;
}

static void grow(struct replay_growth *growth, guint64 size, guint64 live)
{
    if (size > growth->max_size) {
        growth->max_size = size;
        growth->live_at_max = live;
    }
    if (live > growth->max_live) {
        growth->max_live = live;
        growth->size_at_peak = size;
    }
    if (live > 0) {
        growth->events++;
        growth->sum_live += (double)live;
        growth->sum_ratio += (double)size / (double)live;
        growth->sum_size += (double)size;
    }
}

static void widen(struct replay_window *window, guint64 live, guint64 occupied)
{
    if (occupied != REPLAY_UNKNOWN) {
        window->occupied_low = MIN(window->occupied_low, occupied);
        window->occupied_high = MAX(window->occupied_high, occupied);
    }
    window->requested_low = MIN(window->requested_low, live);
    window->requested_high = MAX(window->requested_high, live);
}

void replay_account_tick(struct replay_account *account, guint64 event, guint64 allocated,
                         guint64 occupied)
{
    guint64 live = account->requested;
    double given = (double)account->given;
    double slack = (double)(account->given - live);
    if (live > account->peak_requested) {
        account->peak_requested = live;
        account->given_at_peak = account->given;
        account->peak_event = event;
    }
    account->sum_slack_events += slack;
    account->sum_given_events += given;
    account->sum_slack_bytes += slack * (double)allocated;
    account->sum_given_bytes += given * (double)allocated;
    if (occupied != REPLAY_UNKNOWN)
        grow(&account->occupied, occupied, live);
    grow(&account->span, account->span_bytes, live);
    widen(&account->window, live, occupied);
}

struct replay_window replay_account_look(struct replay_account *account, guint64 occupied)
{
    struct replay_window window = account->window;
    guint64 live = account->requested;
    if (window.occupied_high == 0 && window.occupied_low == 0) /* the first look */
        window = (struct replay_window){occupied, occupied, live, live};
    widen(&window, live, occupied);
    account->window = (struct replay_window){occupied, occupied, live, live};
    return window;
}
