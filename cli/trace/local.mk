# SPDX-License-Identifier: Apache-2.0
cli_trace_sources = \
    %D%/checksum.h \
    %D%/directmap.c \
    %D%/directmap.h \
    %D%/error.h \
    %D%/event.h \
    %D%/export.h \
    %D%/foreign.c \
    %D%/format.h \
    %D%/hygiene.c \
    %D%/hygiene.h \
    %D%/import.c \
    %D%/import.h \
    %D%/input.c \
    %D%/input.h \
    %D%/kinds.c \
    %D%/kinds.h \
    %D%/kmem.c \
    %D%/kmem.h \
    %D%/map.c \
    %D%/map.h \
    %D%/meta.c \
    %D%/meta.h \
    %D%/names.c \
    %D%/names.h \
    %D%/perf.c \
    %D%/reader.c \
    %D%/reader.h \
    %D%/resolve.c \
    %D%/resolve.h \
    %D%/slabpages.c \
    %D%/slabpages.h \
    %D%/spool.c \
    %D%/spool.h \
    %D%/temporary.c \
    %D%/temporary.h \
    %D%/writer.h
