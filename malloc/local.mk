# SPDX-License-Identifier: Apache-2.0
#
# libbuddyslab-malloc.so: malloc over a heap, to be preloaded or linked. One file is enough: the
# library's objects are in it, and only malloc's names come out.

malloc_sources = \
	%D%/aligned.c \
	%D%/config.c \
	%D%/emergency.c \
	%D%/fast.h \
	%D%/fork.c \
	%D%/heap.c \
	%D%/huge.c \
	%D%/info.c \
	%D%/internal.h \
	%D%/kept.c \
	%D%/malloc.c \
	%D%/new.c \
	%D%/say.c \
	%D%/thread.c

# malloc's names, and those of C++'s new and delete; size_t is m or j in them.
malloc_exports = ^(malloc|free|free_sized|free_aligned_sized|cfree|calloc|realloc|reallocarray|memalign|aligned_alloc|posix_memalign|valloc|pvalloc|malloc_usable_size|malloc_trim|malloc_stats|mallinfo2?|mallopt|_Zn[aw][mj].*|_Zd[al]Pv.*)$$

if MALLOC
lib_LTLIBRARIES += %D%/libbuddyslab-malloc.la
pkgconfig_DATA += buddyslab-malloc.pc
endif
%C%_libbuddyslab_malloc_la_SOURCES = $(malloc_sources)
%C%_libbuddyslab_malloc_la_CPPFLAGS = -I$(top_srcdir)/include -DBSA_CHECKS=$(BSA_CHECKS) -D_GNU_SOURCE
# The compiler must not make a call of calloc out of our own parts of it; exceptions pass through new.
%C%_libbuddyslab_malloc_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden -ftls-model=initial-exec -fexceptions \
	-fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free
%C%_libbuddyslab_malloc_la_LIBADD = lib/libbuddyslab-core.la -lpthread -ldl
# Bound at load: a binding at the first call would run the linker in the middle of malloc. Never
# unloaded: what it handed out stays in use.
%C%_libbuddyslab_malloc_la_LDFLAGS = $(AM_LDFLAGS) -shared -version-info 0:0:0 -no-undefined \
	-Wl,-z,now -Wl,-z,nodelete -export-symbols-regex '$(malloc_exports)'
