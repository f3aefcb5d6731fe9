/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dynamic linker preloads the recorder. It does not where the program gets rights from its
 * file, there is none where the program is linked statically, and it cannot where the machine or
 * the C library is another.
 */
#define _POSIX_C_SOURCE 200809L

#include "recordable.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "record.h"

enum { SCRIPTS = 4 /* as the kernel: a script's interpreter may be a script */ };

static gboolean refuse(GError **error, const char *path, const char *why)
{
    g_set_error(error, RECORD_ERROR, RECORD_ERROR_COMMAND, "cannot record %s: %s", path, why);
    return FALSE;
}

char *record_find_program(const char *name, GError **error)
{
    char *path = strchr(name, '/') != NULL ? g_strdup(name) : g_find_program_in_path(name);
    if (path == NULL)
        g_set_error(error, RECORD_ERROR, RECORD_ERROR_MISSING,
                    "there is no program '%s' in PATH; check its name, or give its path", name);
    else if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, RECORD_ERROR, RECORD_ERROR_MISSING, "there is no program %s", path);
        g_clear_pointer(&path, g_free);
    }
    return path;
}

static gboolean has_rights_of_its_own(const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0)
        return FALSE;
    if ((file.st_mode & S_ISUID) != 0 && file.st_uid != geteuid())
        return TRUE;
    if ((file.st_mode & S_ISGID) != 0 && file.st_gid != getegid())
        return TRUE;
    return geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

/* The dynamic linker that an ELF file names: "" for none; NULL when it is not of this machine. */
static char *read_linker(const char *bytes, gsize length)
{
    ElfW(Ehdr) header;
    if (length < sizeof(header))
        return NULL;
    memcpy(&header, bytes, sizeof(header));
    if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
        header.e_phentsize != sizeof(ElfW(Phdr)))
        return NULL;
    for (guint i = 0; i < header.e_phnum; i++) {
        ElfW(Phdr) part;
        if (header.e_phoff > length || (i + 1) * sizeof(part) > length - header.e_phoff)
            break;
        memcpy(&part, bytes + header.e_phoff + i * sizeof(part), sizeof(part));
        if (part.p_type == PT_INTERP && part.p_offset < length &&
            part.p_filesz <= length - part.p_offset)
            return g_strndup(bytes + part.p_offset, part.p_filesz);
    }
    return g_strdup("");
}

static gboolean check_elf(const char *path, const char *bytes, gsize length, GError **error)
{
    char *linker = read_linker(bytes, length);
    char *base = g_path_get_basename(path);
    gboolean ok = FALSE;
    if (linker == NULL)
        refuse(error, path, "it is of another kind of machine than bsa-record");
    else if (linker[0] == '\0' && !g_str_has_prefix(base, "ld-") && !g_str_has_prefix(base, "ld."))
        refuse(
            error, path,
            "it is linked statically, so that its malloc cannot be replaced; link it dynamically");
    else if (strstr(linker, "musl") != NULL)
        refuse(error, path, "it is linked with musl, and the recorder with another C library");
    else
        ok = TRUE;
    g_free(base);
    g_free(linker);
    return ok;
}

/* "#! INTERPRETER argument": the interpreter, or NULL. */
static char *read_interpreter(const char *bytes, gsize length)
{
    gsize at = 2;
    if (length < 2 || memcmp(bytes, "#!", 2) != 0)
        return NULL;
    while (at < length && (bytes[at] == ' ' || bytes[at] == '\t'))
        at++;
    gsize end = at;
    while (end < length && strchr(" \t\n", bytes[end]) == NULL)
        end++;
    return g_strndup(bytes + at, end - at);
}

gboolean record_check_program(const char *path, GError **error)
{
    char *current = g_strdup(path);
    gboolean ok = TRUE;
    for (int i = 0; ok && current != NULL && i < SCRIPTS; i++) {
        if (access(current, R_OK) != 0) /* whoever runs it will see */
            break;
        if (has_rights_of_its_own(current)) {
            ok = refuse(error, current,
                        "it runs with rights of its file (setuid, setgid or capabilities), so that "
                        "the system keeps the recorder out; run bsa-record with these rights");
            break;
        }
        GMappedFile *file = g_mapped_file_new(current, FALSE, NULL);
        if (file == NULL)
            break;
        const char *bytes = g_mapped_file_get_contents(file);
        gsize length = g_mapped_file_get_length(file);
        char *next = NULL;
        if (length > SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0)
            ok = check_elf(current, bytes, length, error);
        else if (length > 0)
            next = read_interpreter(bytes, length);
        g_mapped_file_unref(file);
        g_free(current);
        current = next;
    }
    g_free(current);
    return ok;
}
