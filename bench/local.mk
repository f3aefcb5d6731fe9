# SPDX-License-Identifier: Apache-2.0
#
# bsa-bench, the library beside its peers. Not installed, and no part of make check but for building
# and a look at its options and output: what a test says must not depend on a clock.

check_PROGRAMS += %D%/bsa-bench
%C%_bsa_bench_SOURCES = \
	%D%/bench.h \
	%D%/bsa-bench.c \
	%D%/rows.c \
	%D%/subjects.c \
	%D%/calls/buddy.c \
	%D%/calls/control.c \
	%D%/calls/handle.c \
	%D%/calls/hook.c \
	%D%/calls/malloc.c \
	%D%/calls/null.c \
	%D%/measure/heap.c \
	%D%/measure/layout.c \
	%D%/measure/occupancy.c \
	%D%/measure/runner.c \
	%D%/measure/self.c \
	%D%/measure/time.c \
	%D%/measure/version.c \
	%D%/report/figures.c \
	%D%/report/machine.c \
	%D%/report/tables.c \
	%D%/report/verdict.c \
	%D%/workloads/crowd.c \
	%D%/workloads/draw.c \
	%D%/workloads/exchange.h \
	%D%/workloads/objects.h \
	%D%/workloads/pages.h \
	%D%/workloads/threads.h \
	%D%/workloads/touch.h \
	%D%/workloads/touched.h \
	%D%/workloads/works.h \
	%D%/workloads/written.h
%C%_bsa_bench_CPPFLAGS = -I$(top_srcdir)/include -I$(srcdir)/%D% -I$(srcdir)/%D%/workloads \
	-D_GNU_SOURCE '-DBENCH_CFLAGS="$(CFLAGS)"'
%C%_bsa_bench_LDADD = lib/libbuddyslab.la -lpthread -lm -ldl
# The program starts itself again: it has to be a program, not libtool's script around it.
%C%_bsa_bench_LDFLAGS = $(AM_LDFLAGS) -no-install

TESTS += %D%/check-bench.sh
EXTRA_DIST += %D%/README.md %D%/check-bench.sh
CLEANFILES += %D%/results.tsv %D%/medians.tsv

# What every single measurement said is kept beside the program.
.PHONY: bench
bench: %D%/bsa-bench$(EXEEXT)
	%D%/bsa-bench$(EXEEXT) --tsv=%D%/results.tsv --medians=%D%/medians.tsv $(BENCH_FLAGS)
