/* SPDX-License-Identifier: Apache-2.0 */
#include "describe.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <buddyslab/version.h>

static void set_start(trace_meta *meta)
{
    GDateTime *now = g_date_time_new_now_utc();
    char *seconds = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
    char *text = g_strdup_printf("%s.%03dZ", seconds, g_date_time_get_microsecond(now) / 1000);
    trace_meta_set_text(meta, "start", text);
    g_free(text);
    g_free(seconds);
    g_date_time_unref(now);
}

/* The processor's own name; machines without one have the architecture. */
static char *read_processor(void)
{
    char *text = NULL, *name = NULL;
    if (g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL)) {
        const char *line = strstr(text, "model name");
        const char *colon = line != NULL ? strchr(line, ':') : NULL;
        if (colon != NULL)
            name = g_strstrip(g_strndup(colon + 1, strcspn(colon + 1, "\n")));
    }
    g_free(text);
    return name;
}

void record_describe_machine(trace_meta *meta)
{
    struct utsname system;
    char *processor = read_processor();
    char *tool = g_strdup_printf("bsa-record %d.%d.%d", BSA_VERSION_MAJOR, BSA_VERSION_MINOR,
                                 BSA_VERSION_PATCH);
    trace_meta_set_text(meta, "tool", tool);
    set_start(meta);
    if (uname(&system) == 0) {
        char *text = g_strdup_printf("%s %s", system.sysname, system.release);
        trace_meta_set_text(meta, "system", text);
        trace_meta_set_text(meta, "machine", system.machine);
        g_free(text);
    }
    if (processor != NULL)
        trace_meta_set_text(meta, "processor", processor);
    trace_meta_set_number(meta, "cpus", (guint64)sysconf(_SC_NPROCESSORS_ONLN));
    trace_meta_set_number(meta, "page-size", (guint64)sysconf(_SC_PAGESIZE));
    g_free(processor);
    g_free(tool);
}

void record_describe_command(trace_meta *meta, char *const *argv)
{
    GString *line = g_string_new(NULL);
    for (guint i = 0; argv[i] != NULL; i++) {
        gboolean plain =
            argv[i][0] != '\0' && strpbrk(argv[i], " \t\n'\"\\$`*?[]()<>|&;#~!") == NULL;
        char *word = plain ? g_strdup(argv[i]) : g_shell_quote(argv[i]);
        g_string_append_printf(line, "%s%s", i > 0 ? " " : "", word);
        g_free(word);
    }
    trace_meta_set_text(meta, "command", line->str);
    g_string_free(line, TRUE);
}
