/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A write for so many bytes. */
#define BUFFER_BYTES ((gsize)65536)

static gboolean is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

gboolean output_allowed(const struct tool *tool, gboolean binary, GError **error)
{
    struct stat output, input;
    gboolean standard = is_standard(tool->output);
    if (binary && standard && isatty(STDOUT_FILENO)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "a trace is nothing for a terminal; name a file with -o");
        return FALSE;
    }
    if ((standard ? fstat(STDOUT_FILENO, &output) : stat(tool->output, &output)) != 0 ||
        !S_ISREG(output.st_mode))
        return TRUE;
    for (char **trace = tool->traces; *trace != NULL; trace++) {
        if ((is_standard(*trace) ? fstat(STDIN_FILENO, &input) : stat(*trace, &input)) == 0 &&
            input.st_dev == output.st_dev && input.st_ino == output.st_ino) {
            g_set_error(error, TOOL_ERROR, TOOL_ERROR_OUTPUT,
                        "%s: is read and would be written; name another file with -o",
                        tool_trace_name(*trace));
            return FALSE;
        }
    }
    return TRUE;
}

static ssize_t take_bytes(void *cookie, const char *bytes, size_t length)
{
    struct output *output = cookie;
    if (output->why != NULL || !trace_output_write(output->place, bytes, length, &output->why))
        return 0; /* which tells a stream of the failure */
    return (ssize_t)length;
}

gboolean output_open(struct output *output, const char *path, GError **error)
{
    *output = (struct output){.place = trace_output_open(path, error)};
    if (output->place == NULL)
        return FALSE;
    output->file = fopencookie(output, "w", (cookie_io_functions_t){.write = take_bytes});
    setvbuf(output->file, NULL, _IOFBF, BUFFER_BYTES);
    return TRUE;
}

gboolean output_write(struct output *output, const char *bytes, gsize length, GError **error)
{
    if (fwrite(bytes, 1, length, output->file) == length)
        return TRUE;
    g_set_error_literal(error, TOOL_ERROR, TOOL_ERROR_OUTPUT, "cannot write");
    return FALSE; /* output_close says why */
}

gboolean output_close(struct output *output, gboolean good, GError **error)
{
    if (output->place == NULL)
        return FALSE;
    fclose(output->file);
    if (output->why != NULL) {
        if (error != NULL)
            g_clear_error(error);
        g_propagate_error(error, output->why);
        good = FALSE;
    }
    if (good)
        good = trace_output_close(output->place, error);
    else
        trace_output_abandon(output->place);
    *output = (struct output){.file = NULL};
    return good;
}
