# SPDX-License-Identifier: Apache-2.0
#
# bsa-bench, the library beside its peers. Not installed, and no part of make check but for building
# and a look at its options and output: what a test says must not depend on a clock.

check_PROGRAMS += %D%/bsa-bench
%C%_bsa_bench_SOURCES = \
	%D%/bench.h \
	%D%/bsa-bench.c \
	%D%/call_handle.c \
	%D%/call_hook.c \
	%D%/call_malloc.c \
	%D%/call_null.c \
	%D%/cell.c \
	%D%/heap.c \
	%D%/report.c \
	%D%/rows.c \
	%D%/runner.c \
	%D%/subjects.c \
	%D%/workloads.h
%C%_bsa_bench_CPPFLAGS = -I$(top_srcdir)/include -D_GNU_SOURCE
%C%_bsa_bench_LDADD = lib/libbuddyslab.la -lpthread -lm -ldl
# The program starts itself again: it has to be a program, not libtool's script around it.
%C%_bsa_bench_LDFLAGS = $(AM_LDFLAGS) -no-install

TESTS += %D%/check-bench.sh
EXTRA_DIST += %D%/README.md %D%/check-bench.sh
CLEANFILES += %D%/results.tsv

# What every single measurement said is kept beside the program.
.PHONY: bench
bench: %D%/bsa-bench$(EXEEXT)
	%D%/bsa-bench$(EXEEXT) --tsv=%D%/results.tsv $(BENCH_FLAGS)
