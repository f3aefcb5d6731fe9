/* SPDX-License-Identifier: Apache-2.0 */
#include "options_engine.h"

#include <string.h>

#include <buddyslab.h>

#include "../common/arguments.h"
#include "allocators.h"

#define DEFAULT_WINDOW 4096
#define DEFAULT_WATCHDOG 10
#define DEFAULT_ROUNDS 3

static const char *const order_names[] = {"strict", "causal", "paced"};
static const char *const touch_names[] = {"first", "all", "none"};
static const char *const failure_names[] = {"count", "stop"};
static const char *const no_yes[] = {"no", "yes"};

const char *replay_order_name(enum replay_order order)
{
    return order_names[order];
}

void replay_engine_entries(struct replay_engine_raw *raw, GOptionContext *context)
{
    const GOptionEntry entries[] = {
        {"schedule", 0, 0, G_OPTION_ARG_STRING, &raw->schedule, "strict (default), causal or paced",
         "ORDER"},
        {"window", 0, 0, G_OPTION_ARG_STRING, &raw->window,
         "causal: how far ahead a CPU may be (default: 4096)", "EVENTS"},
        {"speed", 0, 0, G_OPTION_ARG_STRING, &raw->speed,
         "paced: of the recorded speed (default: 1)", "FACTOR"},
        {"migrate", 0, 0, G_OPTION_ARG_STRING, &raw->migrate,
         "threads change CPU: share of events, 0 to 1", "RATE"},
        {"seed", 0, 0, G_OPTION_ARG_STRING, &raw->seed, "of what is drawn (default: 1)", "N"},
        {"offline", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->offline,
         "a CPU is gone from that event on; repeatable", "CPU@EVENT"},
        {"online", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->online, "and is there again",
         "CPU@EVENT"},
        {"backend", 0, 0, G_OPTION_ARG_STRING, &raw->backend, "the allocator (default: buddyslab)",
         "NAME"},
        {"against", 0, 0, G_OPTION_ARG_STRING, &raw->against, "measure other backends beside it",
         "NAME,..."},
        {"rounds", 0, 0, G_OPTION_ARG_STRING, &raw->rounds, "of --against, 1 to 99 (default: 3)",
         "N"},
        {"touch", 0, 0, G_OPTION_ARG_STRING, &raw->touch,
         "write to objects: first of each page, all, none", "WHAT"},
        {"latency", 0, 0, G_OPTION_ARG_STRING, &raw->latency, "time each call: yes or no (default)",
         "YES|NO"},
        {"verify", 0, 0, G_OPTION_ARG_NONE, &raw->verify,
         "fill objects with patterns and check them", NULL},
        {"validate-every", 0, 0, G_OPTION_ARG_STRING, &raw->validate_every,
         "let the allocator check itself", "EVENTS"},
        {"reclaim-every", 0, 0, G_OPTION_ARG_STRING, &raw->reclaim_every,
         "give back what is kept empty and by CPUs", "EVENTS"},
        {"on-failure", 0, 0, G_OPTION_ARG_STRING, &raw->on_failure,
         "of a request: count (default) or stop", "WHAT"},
        {"watchdog", 0, 0, G_OPTION_ARG_STRING, &raw->watchdog,
         "give up when nothing moves (default: 10)", "SECONDS"},
        G_OPTION_ENTRY_NULL,
    };
    g_option_context_add_main_entries(context, entries, NULL);
}

static gboolean bad_value(GError **error, const char *option, const char *text, const char *wanted)
{
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s=%s: give %s", option, text,
                wanted);
    return FALSE;
}

static gboolean parse_number(const char *option, const char *text, double low, double high,
                             const char *wanted, double *value, GError **error)
{
    char *end = NULL;
    if (text == NULL)
        return TRUE;
    double number = g_ascii_strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= low && number <= high))
        return bad_value(error, option, text, wanted);
    *value = number;
    return TRUE;
}

static gboolean parse_long_count(const char *option, const char *text, guint64 low, guint64 *value,
                                 GError **error)
{
    if (text == NULL || g_ascii_string_to_unsigned(text, 10, low, G_MAXUINT64, value, NULL))
        return TRUE;
    return bad_value(error, option, text, low == 0 ? "a whole number" : "a whole number from 1 on");
}

/* Behind those for the same event, so that the order of the options counts. */
static void insert(struct replay_control *control, struct replay_cpu_switch change)
{
    guint at = control->switches++;
    for (; at > 0 && control->cpu_switch[at - 1].event > change.event; at--)
        control->cpu_switch[at] = control->cpu_switch[at - 1];
    control->cpu_switch[at] = change;
}

static gboolean parse_switches(const char *option, char **texts, gboolean online,
                               struct replay_control *control, GError **error)
{
    for (guint i = 0; texts != NULL && texts[i] != NULL; i++) {
        struct replay_cpu_switch change = {.online = online};
        guint64 cpu = 0;
        const char *at = strchr(texts[i], '@');
        char *number = at == NULL ? NULL : g_strndup(texts[i], (gsize)(at - texts[i]));
        gboolean ok =
            at != NULL && g_ascii_string_to_unsigned(number, 10, 0, BSA_MAX_CPUS - 1, &cpu, NULL) &&
            g_ascii_string_to_unsigned(at + 1, 10, 1, G_MAXUINT64 - 1, &change.event, NULL);
        g_free(number);
        if (!ok)
            return bad_value(error, option, texts[i],
                             "a CPU and the number of an event from 1 on, as 1@5000");
        if (control->switches == REPLAY_MAX_SWITCHES) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "more than %u of --offline and --online; give fewer", REPLAY_MAX_SWITCHES);
            return FALSE;
        }
        change.cpu = (guint)cpu;
        insert(control, change);
    }
    return TRUE;
}

static gboolean check_allocator(const char *option, const char *name, GError **error)
{
    struct replay_allocator allocator;
    if (replay_allocator_find(name, &allocator))
        return TRUE;
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s=%s is unknown; give %s",
                option, name, REPLAY_ALLOCATORS_HELP);
    return FALSE;
}

static gboolean parse_allocators(const struct replay_engine_raw *raw,
                                 struct replay_engine_options *options, GError **error)
{
    options->backend = g_strdup(raw->backend != NULL ? raw->backend : "buddyslab");
    if (!check_allocator("backend", options->backend, error))
        return FALSE;
    options->recorded = replay_allocator_is_recorded(options->backend);
    if (raw->against != NULL)
        options->against = g_strsplit(raw->against, ",", -1);
    for (guint i = 0; options->against != NULL && options->against[i] != NULL; i++) {
        if (i == REPLAY_MAX_AGAINST) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "--against names more than %u backends; give fewer", REPLAY_MAX_AGAINST);
            return FALSE;
        }
        if (!check_allocator("against", options->against[i], error))
            return FALSE;
        options->recorded = options->recorded || replay_allocator_is_recorded(options->against[i]);
    }
    return TRUE;
}

/* The recorded allocator is not run: its addresses are read, in the order of the recording. */
static gboolean check_recorded(const struct replay_engine_raw *raw,
                               const struct replay_engine_options *options, GError **error)
{
    const struct {
        gboolean given;
        const char *option;
    } of_a_run[] = {
        {raw->against != NULL, "--against"},  {raw->rounds != NULL, "--rounds"},
        {raw->touch != NULL, "--touch"},      {raw->latency != NULL, "--latency"},
        {options->verify, "--verify"},        {raw->validate_every != NULL, "--validate-every"},
        {raw->migrate != NULL, "--migrate"},  {raw->offline != NULL, "--offline"},
        {raw->online != NULL, "--online"},    {raw->on_failure != NULL, "--on-failure"},
        {raw->watchdog != NULL, "--watchdog"}};
    if (!options->recorded)
        return TRUE;
    if (options->order != REPLAY_STRICT) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--schedule=%s does not go with the recorded allocator, which is told of in "
                    "recorded order; give --schedule=strict",
                    replay_order_name(options->order));
        return FALSE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(of_a_run); i++) {
        if (!of_a_run[i].given || !replay_allocator_is_recorded(options->backend))
            continue;
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s is not for --backend=recorded, which runs nothing; give "
                    "--against=recorded beside another backend",
                    of_a_run[i].option);
        return FALSE;
    }
    return TRUE;
}

/* Options that do not go together, or say nothing where others do not. */
static gboolean check_together(const struct replay_engine_raw *raw,
                               const struct replay_engine_options *options, GError **error)
{
    gboolean foreign = strcmp(options->backend, "buddyslab") != 0;
    gboolean compares = foreign || options->against != NULL;
    gboolean batches = compares || options->order != REPLAY_STRICT;
    const struct {
        gboolean wrong;
        const char *what;
    } rules[] = {
        {options->verify && strcmp(options->backend, "null") == 0,
         "--verify needs memory, which --backend=null does not have; choose another backend"},
        {options->verify && options->against != NULL,
         "--verify changes what --against measures; give one of them"},
        {raw->window != NULL && options->order != REPLAY_CAUSAL,
         "--window is for --schedule=causal"},
        {raw->speed != NULL && options->order != REPLAY_PACED, "--speed is for --schedule=paced"},
        {options->latency && !batches,
         "--latency is for --schedule=causal and paced, and for --backend and --against"},
        {raw->touch != NULL && !batches,
         "--touch is for --schedule=causal and paced, and for --backend and --against"},
        {raw->rounds != NULL && !compares, "--rounds is for --backend and --against"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (!rules[i].wrong)
            continue;
        g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, rules[i].what);
        return FALSE;
    }
    return TRUE;
}

gboolean replay_engine_convert(const struct replay_engine_raw *raw,
                               struct replay_engine_options *options, GError **error)
{
    guint order = REPLAY_STRICT, touch = REPLAY_TOUCH_BY_USE, latency = 0, failure = 0;
    *options = (struct replay_engine_options){
        .window = DEFAULT_WINDOW,
        .speed = 1.0,
        .watchdog = DEFAULT_WATCHDOG,
        .verify = raw->verify,
        .seed = 1,
        .rounds = DEFAULT_ROUNDS,
    };
    if (!parse_word("schedule", raw->schedule, order_names, G_N_ELEMENTS(order_names), &order,
                    error) ||
        !parse_word("touch", raw->touch, touch_names, G_N_ELEMENTS(touch_names), &touch, error) ||
        !parse_word("latency", raw->latency, no_yes, G_N_ELEMENTS(no_yes), &latency, error) ||
        !parse_word("on-failure", raw->on_failure, failure_names, G_N_ELEMENTS(failure_names),
                    &failure, error) ||
        !parse_count("window", raw->window, 1, G_MAXINT32, &options->window, error) ||
        !parse_count("watchdog", raw->watchdog, 1, 86400, &options->watchdog, error) ||
        !parse_count("rounds", raw->rounds, 1, 99, &options->rounds, error) ||
        !parse_number("speed", raw->speed, 1e-6, 1e9, "a number above 0, as 0.5 or 10",
                      &options->speed, error) ||
        !parse_number("migrate", raw->migrate, 0.0, 1.0, "a share of the events from 0 to 1",
                      &options->migrate, error) ||
        !parse_long_count("seed", raw->seed, 0, &options->seed, error) ||
        !parse_long_count("validate-every", raw->validate_every, 1,
                          &options->control.validate_every, error) ||
        !parse_long_count("reclaim-every", raw->reclaim_every, 1, &options->control.reclaim_every,
                          error) ||
        !parse_switches("offline", raw->offline, FALSE, &options->control, error) ||
        !parse_switches("online", raw->online, TRUE, &options->control, error) ||
        !parse_allocators(raw, options, error))
        return FALSE;
    options->order = (enum replay_order)order;
    options->touch = (enum replay_touch)touch;
    options->latency = latency == 1;
    options->failure_ends = failure == 1;
    return check_recorded(raw, options, error) && check_together(raw, options, error);
}

void replay_engine_raw_clear(struct replay_engine_raw *raw)
{
    char **texts[] = {&raw->schedule, &raw->window,         &raw->speed,      &raw->watchdog,
                      &raw->touch,    &raw->latency,        &raw->migrate,    &raw->seed,
                      &raw->backend,  &raw->validate_every, &raw->on_failure, &raw->against,
                      &raw->rounds,   &raw->reclaim_every};
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        g_clear_pointer(texts[i], g_free);
    g_strfreev(raw->offline);
    g_strfreev(raw->online);
}

void replay_engine_options_clear(struct replay_engine_options *options)
{
    g_free(options->backend);
    g_strfreev(options->against);
    options->backend = NULL;
    options->against = NULL;
}
