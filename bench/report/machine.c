/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured on what. */
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#ifdef __clang__
#define COMPILER "clang"
#else
#define COMPILER "gcc"
#endif

/* What follows key in the first line of a file that begins with it. */
static void read_line(const char *path, const char *key, char *text, size_t bytes)
{
    char line[256];
    FILE *file = fopen(path, "r");
    snprintf(text, bytes, "unknown");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        const char *rest = line + strlen(key);
        rest += strspn(rest, " \t:");
        snprintf(text, bytes, "%.*s", (int)strcspn(rest, "\n"), rest);
        break;
    }
    if (file != NULL)
        fclose(file);
}

void bench_print_machine(FILE *to, const char *prefix, const struct bench_options *options,
                         const struct bench_results *results)
{
    struct utsname system;
    char date[64], processor[128], load[128], huge[128];
    time_t seconds = time(NULL);
    struct tm utc;

    uname(&system);
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &utc);
    read_line("/proc/cpuinfo", "model name", processor, sizeof(processor));
    read_line("/proc/loadavg", "", load, sizeof(load));
    read_line("/sys/kernel/mm/transparent_hugepage/enabled", "", huge, sizeof(huge));
    fprintf(to, "%sdate: %s\n", prefix, date);
    fprintf(to, "%scommand: bsa-bench", prefix);
    for (int i = 1; i < options->argc; i++)
        fprintf(to, " %s", options->argv[i]);
    fprintf(to, "\n%sprocessor: %s, %ld CPUs\n", prefix, processor, sysconf(_SC_NPROCESSORS_ONLN));
    fprintf(to, "%ssystem: %s %s %s\n", prefix, system.sysname, system.release, system.machine);
    fprintf(to, "%scompiler: " COMPILER " %s, flags %s\n", prefix, __VERSION__, BENCH_CFLAGS);
    fprintf(to, "%sload before: %s\n", prefix, load);
    fprintf(to, "%stransparent huge pages: %s\n", prefix, huge);
    for (unsigned i = 0; i < bench_subject_count; i++)
        if (results->subject_chosen[i])
            fprintf(to, "%s%s: %s; %s\n", prefix, bench_subjects[i].name, bench_subjects[i].what,
                    results->version[i]);
}
