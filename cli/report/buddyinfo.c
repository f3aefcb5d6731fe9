/* SPDX-License-Identifier: Apache-2.0 */
#include "buddyinfo.h"

#include <string.h>

/* "Node 0, zone   Normal   1589   1425 ...": blocks by order, behind the zone's name. */
static gboolean add_line(struct buddyinfo_count *count, const char *line)
{
    const char *zone = strstr(line, "zone");
    if (!g_str_has_prefix(line, "Node ") || zone == NULL)
        return FALSE;
    char **words = g_strsplit_set(zone, " \t", -1);
    guint told = 0, order = 0;
    gboolean good = TRUE;
    for (guint i = 0; good && words[i] != NULL; i++) {
        guint64 blocks = 0;
        if (words[i][0] == '\0' || told++ < 2) /* "zone" and its name */
            continue;
        good = order < BUDDYINFO_ORDERS &&
               g_ascii_string_to_unsigned(words[i], 10, 0, G_MAXUINT32, &blocks, NULL);
        if (good) {
            count->blocks[order] += blocks;
            count->pages += blocks << order;
            order++;
        }
    }
    g_strfreev(words);
    count->orders = MAX(count->orders, order);
    return good && order > 0;
}

gboolean buddyinfo_parse(struct buddyinfo_count *count, const char *text)
{
    char **lines = g_strsplit(text, "\n", -1);
    gboolean good = TRUE;
    *count = (struct buddyinfo_count){.there = FALSE};
    for (guint i = 0; good && lines[i] != NULL; i++)
        good = lines[i][0] == '\0' || add_line(count, lines[i]);
    g_strfreev(lines);
    count->there = good && count->orders > 0;
    return count->there;
}

static void read_one(struct buddyinfo_count *count, const trace_meta *meta, const char *key)
{
    char *text = trace_meta_text(meta, key);
    if (text != NULL)
        buddyinfo_parse(count, text);
    g_free(text);
}

void buddyinfo_read(struct buddyinfo *info, const trace_meta *meta)
{
    read_one(&info->start, meta, "buddyinfo.start");
    read_one(&info->end, meta, "buddyinfo.end");
}
