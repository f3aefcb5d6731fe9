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
	%D%/calls/idle.h \
	%D%/calls/locked.c \
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

if CLI
include %D%/placement/local.mk
endif
include %D%/programs/local.mk

TESTS += %D%/check-bench.sh
EXTRA_DIST += %D%/README.md %D%/check-bench.sh %D%/instructions.sh %D%/plot.gp %D%/record.sh \
	%D%/placement/compare.sh %D%/results/instructions.tsv %D%/results/placement.png \
	%D%/results/placement.tsv %D%/results/programs.tsv %D%/results/two-cpus.png %D%/results/two-cpus.tsv
CLEANFILES += %D%/results.tsv %D%/medians.tsv %D%/report.txt %D%/instructions.tsv \
	%D%/ratio.png %D%/ratio.svg %D%/growth.png %D%/growth.svg \
	%D%/scaling-threads-64.png %D%/scaling-threads-64.svg \
	%D%/scaling-threads-page.png %D%/scaling-threads-page.svg \
	%D%/scaling-threads-churn.png %D%/scaling-threads-churn.svg

if MALLOC
bench_malloc = malloc/libbuddyslab-malloc.la
endif

.PHONY: bench bench-instructions placement

# What every single measurement said is kept beside the program, and what is made of them.
bench: %D%/bsa-bench$(EXEEXT) $(bench_malloc)
	%D%/bsa-bench$(EXEEXT) --tsv=%D%/results.tsv --medians=%D%/medians.tsv $(BENCH_FLAGS) \
		>%D%/report.txt
	@cat %D%/report.txt
	@if gnuplot --version >/dev/null 2>&1; then \
		gnuplot -c $(srcdir)/%D%/plot.gp %D%/medians.tsv %D% && \
		echo && echo "Drawn into %D%: ratio, growth (.png, .svg)"; \
	else \
		echo "No gnuplot here: no pictures"; \
	fi

# Beside those that are kept in the tree: a change shows, however busy the machine is.
bench-instructions: %D%/bsa-bench$(EXEEXT)
	$(srcdir)/%D%/instructions.sh %D%/bsa-bench$(EXEEXT) $(srcdir)/%D%/results/instructions.tsv \
		%D%/instructions.tsv

# How well whole blocks stay whole, by policy: no clock in it.
placement:
if CLI
	$(MAKE) $(AM_MAKEFLAGS) cli/bsa-replay$(EXEEXT) %D%/placement/replay-lifo$(EXEEXT) \
		%D%/placement/replay-worst$(EXEEXT)
	$(SHELL) $(top_srcdir)/%D%/placement/compare.sh $(top_srcdir)/traces .
else
	@echo 'make placement: configured with --disable-cli, so that there is no bsa-replay' >&2; exit 1
endif
