/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "error.h"
#include "execute.h"

static gboolean fail(const struct replay_execution *execution, const char *what, GError **error)
{
    g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_ALLOCATOR,
                "after event %" G_GUINT64_FORMAT ": %s", execution->events, what);
    return FALSE;
}

static gboolean act_on_cpu(struct replay_execution *execution,
                           const struct replay_cpu_switch *change, GError **error)
{
    struct replay_backend *backend = execution->backend;
    if (!replay_schedule_switch(execution->schedule, change->cpu, change->online)) {
        g_set_error(error, REPLAY_ERROR_DOMAIN, REPLAY_ERROR_CPUS,
                    "--offline=%u@%" G_GUINT64_FORMAT
                    ": it is the last CPU that is online; bring another one online before",
                    change->cpu, change->event);
        return FALSE;
    }
    return backend->ops->set_online == NULL ||
           backend->ops->set_online(backend, change->cpu, change->online) == REPLAY_OK ||
           fail(execution, backend->last_error, error);
}

/* Is a multiple of every events done? */
static gboolean is_due(const struct replay_execution *execution, guint64 every)
{
    return every != 0 && execution->events > 0 && execution->events % every == 0;
}

/* The next multiple of every, which is no number of events where it is 0. */
static guint64 next_multiple(const struct replay_execution *execution, guint64 every)
{
    return every == 0 ? G_MAXUINT64 : execution->events - execution->events % every + every;
}

static gboolean reclaim(struct replay_execution *execution, GError **error)
{
    struct replay_control *control = &execution->control;
    struct replay_backend *backend = execution->backend;
    guint64 bytes = 0;
    if (backend->ops->reclaim == NULL)
        return TRUE;
    if (backend->ops->reclaim(backend, &bytes) != REPLAY_OK)
        return fail(execution, backend->last_error, error);
    control->reclaims++;
    control->reclaimed_bytes += bytes;
    return TRUE;
}

static void look_ahead(struct replay_execution *execution)
{
    struct replay_control *control = &execution->control;
    guint64 region = replay_regions_next_event(control->regions);
    control->next = region == G_MAXUINT64 ? region : region - 1;
    if (control->switched < control->switches)
        control->next = MIN(control->next, control->cpu_switch[control->switched].event - 1);
    control->next = MIN(control->next, next_multiple(execution, control->validate_every));
    control->next = MIN(control->next, next_multiple(execution, control->reclaim_every));
}

gboolean replay_control_act(struct replay_execution *execution, GError **error)
{
    struct replay_control *control = &execution->control;
    struct replay_backend *backend = execution->backend;
    while (replay_regions_next_event(control->regions) <= execution->events + 1) {
        if (replay_regions_hand_over(control->regions, backend, execution->events) != REPLAY_OK)
            return fail(execution, backend->last_error, error);
    }
    while (control->switched < control->switches &&
           control->cpu_switch[control->switched].event <= execution->events + 1) {
        if (!act_on_cpu(execution, &control->cpu_switch[control->switched++], error))
            return FALSE;
    }
    if (is_due(execution, control->reclaim_every) && !reclaim(execution, error))
        return FALSE;
    if (is_due(execution, control->validate_every) && backend->ops->validate != NULL &&
        backend->ops->validate(backend) != REPLAY_OK)
        return fail(execution, backend->last_error, error);
    look_ahead(execution);
    return TRUE;
}
