# SPDX-License-Identifier: Apache-2.0

cli_record_sources = \
	%D%/command.c \
	%D%/command.h \
	%D%/describe.c \
	%D%/describe.h \
	%D%/environment.h \
	%D%/options.c \
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
