/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_proc.h"

#include <string.h>

/* Where /proc/meminfo cannot be read: enough to work with, and on no machine too much. */
#define MEMORY_UNKNOWN ((guint64)1 << 30)

guint64 kernel_memory_available(void)
{
    static const char *const keys[] = {"MemAvailable:", "MemFree:"}; /* before Linux 3.14 */
    guint64 bytes = 0;
    char *text = NULL;
    if (g_file_get_contents("/proc/meminfo", &text, NULL, NULL)) {
        for (guint i = 0; bytes == 0 && i < G_N_ELEMENTS(keys); i++) {
            const char *found = strstr(text, keys[i]);
            bytes = found == NULL ? 0 : g_ascii_strtoull(found + strlen(keys[i]), NULL, 10) << 10;
        }
    }
    g_free(text);
    return bytes == 0 ? MEMORY_UNKNOWN : bytes;
}

/* kptr_restrict makes all addresses zeros; a few are in any case. */
static gboolean has_addresses(const char *functions)
{
    const char *line = functions;
    while (line != NULL && *line != '\0') {
        if (line[strspn(line, "0")] != ' ') {
            return TRUE;
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return FALSE;
}

char *kernel_functions(void)
{
    char *text = NULL;
    if (g_file_get_contents("/proc/kallsyms", &text, NULL, NULL) && !has_addresses(text)) {
        g_clear_pointer(&text, g_free);
    }
    return text;
}

void kernel_take_proc(trace_meta *meta, const char *moment, GString *missing)
{
    static const char *const files[] = {"slabinfo", "buddyinfo", "pagetypeinfo"};
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        char *path = g_strconcat("/proc/", files[i], NULL);
        char *key = g_strconcat(files[i], ".", moment, NULL);
        char *text = NULL;
        gsize bytes;
        GError *error = NULL;
        if (g_file_get_contents(path, &text, &bytes, &error)) {
            trace_meta_set(meta, key, text, bytes);
        } else {
            g_string_append_printf(missing, "%s%s", missing->len > 0 ? "; " : "", error->message);
            g_clear_error(&error);
        }
        g_free(text);
        g_free(key);
        g_free(path);
    }
}
