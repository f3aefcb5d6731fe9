# SPDX-License-Identifier: Apache-2.0

cli_record_sources = \
	%D%/command.c \
	%D%/command.h \
	%D%/describe.c \
	%D%/describe.h \
	%D%/environment.h \
	%D%/files.c \
	%D%/files.h \
	%D%/follow.c \
	%D%/follow.h \
	%D%/options.c \
	%D%/pack.c \
	%D%/pack.h \
	%D%/program.c \
	%D%/recordable.c \
	%D%/recordable.h \
	%D%/record.h

# bsa-record --kernel, a library of its own: nothing else needs what it needs.
if KERNEL_RECORDING
cli_record_kernel_sources = \
	%D%/kernel.c \
	%D%/kernel_decode.c \
	%D%/kernel_decode.h \
	%D%/kernel_instance.c \
	%D%/kernel_instance.h \
	%D%/kernel_pages.c \
	%D%/kernel_pages.h \
	%D%/kernel_proc.c \
	%D%/kernel_proc.h \
	%D%/kernel_readers.c \
	%D%/kernel_readers.h \
	%D%/kernel_symbols.c \
	%D%/kernel_symbols.h \
	%D%/kernel_write.c \
	%D%/kernel_write.h
else
cli_record_kernel_sources = %D%/kernel_absent.c
endif

if CLI
noinst_LTLIBRARIES += %D%/libkernel.la
endif

%C%_libkernel_la_SOURCES = $(cli_record_kernel_sources)
%C%_libkernel_la_CPPFLAGS = $(cli_cppflags) $(TRACEFS_CFLAGS)
%C%_libkernel_la_LIBADD = $(TRACEFS_LIBS)

# The recorder inside its targets: one file that needs nothing but libc, and that only names of malloc,
# of C++'s new and delete, and of what ends a process come out of.
record_target_sources = \
	%D%/target/buffer.c \
	%D%/target/calls.c \
	%D%/target/clock.c \
	%D%/target/clock.h \
	%D%/target/config.c \
	%D%/target/exec.c \
	%D%/target/file.c \
	%D%/target/internal.h \
	%D%/target/jump.c \
	%D%/target/live.c \
	%D%/target/operators.c \
	%D%/target/process.c \
	%D%/target/records.h \
	%D%/target/real.c
record_target_exports = ^(malloc|free|cfree|calloc|realloc|reallocarray|memalign|aligned_alloc|posix_memalign|valloc|pvalloc|malloc_usable_size|_exit|_Exit|_?longjmp|siglongjmp|__longjmp_chk|exec[lv]e?|exec[lv]p|execvpe|fexecve|execveat|daemon|_Z(nw|na)[jm].*|_Z(dl|da)Pv.*)$$

if RECORDER
pkglib_LTLIBRARIES += %D%/libbuddyslab-record.la
endif
%C%_libbuddyslab_record_la_SOURCES = $(record_target_sources)
%C%_libbuddyslab_record_la_CPPFLAGS = -I$(top_srcdir)/cli -D_GNU_SOURCE $(XXHASH_CFLAGS)
# The compiler must not make a call of calloc out of our own parts of it; new throws through it. As
# AM_CFLAGS, without what counts coverage: its own allocations would be recorded.
%C%_libbuddyslab_record_la_CFLAGS = -std=c11 $(BSA_WARNINGS) $(BSA_SANITIZE) \
	-fvisibility=hidden -fexceptions \
	-ftls-model=initial-exec \
	-fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free
# Bound at load: a binding at the first call would run the linker in the middle of malloc.
%C%_libbuddyslab_record_la_LDFLAGS = $(BSA_SANITIZE) -module -avoid-version -shared -no-undefined \
	-Wl,-z,now -Wl,-z,nodelete -export-symbols-regex '$(record_target_exports)'
%C%_libbuddyslab_record_la_LIBADD = -lpthread -ldl
