# SPDX-License-Identifier: Apache-2.0
#
# A new test is one line here: tests/KIND/test_NAME.c makes the program tests/KIND/test_NAME.
# unit/ links the library's objects and sees inside; api/, misuse/ and stress/ link the public
# library; cli/ links the parts of bsa-replay.

unit_programs = \
	%D%/unit/test_atomic \
	%D%/unit/test_buddy \
	%D%/unit/test_buddy_threads \
	%D%/unit/test_classes \
	%D%/unit/test_exposed \
	%D%/unit/test_heap \
	%D%/unit/test_page_lists \
	%D%/unit/test_pages \
	%D%/unit/test_placement \
	%D%/unit/test_pressure \
	%D%/unit/test_records \
	%D%/unit/test_roster \
	%D%/unit/test_section \
	%D%/unit/test_slab \
	%D%/unit/test_tree \
	%D%/unit/test_validate \
	%D%/unit/test_zones

api_programs = \
	%D%/api/test_buddy_api \
	%D%/api/test_buddy_says \
	%D%/api/test_bulk \
	%D%/api/test_c_habits \
	%D%/api/test_cache \
	%D%/api/test_cache_large \
	%D%/api/test_cache_slabs \
	%D%/api/test_class_tables \
	%D%/api/test_cpu_api \
	%D%/api/test_cpu_drain \
	%D%/api/test_cpu_exchange \
	%D%/api/test_failures \
	%D%/api/test_failures_pages \
	%D%/api/test_failures_slabs \
	%D%/api/test_heap_api \
	%D%/api/test_heap_says \
	%D%/api/test_realloc \
	%D%/api/test_regions \
	%D%/api/test_release \
	%D%/api/test_slab_api \
	%D%/api/test_walk

misuse_programs = \
	%D%/misuse/test_misuse_address \
	%D%/misuse/test_misuse_buddy \
	%D%/misuse/test_misuse_freed \
	%D%/misuse/test_misuse_limits \
	%D%/misuse/test_misuse_request \
	%D%/misuse/test_misuse_slab

stress_programs = \
	%D%/stress/test_model_heap \
	%D%/stress/test_model_slab \
	%D%/stress/test_nth_page \
	%D%/stress/test_threads \
	%D%/stress/test_threads_caches \
	%D%/stress/test_threads_control \
	%D%/stress/test_threads_races \
	%D%/stress/test_threads_layers \
	%D%/stress/test_threads_realloc \
	%D%/stress/test_threads_regions

malloc_programs = \
	%D%/malloc/test_malloc_calls \
	%D%/malloc/test_malloc_ids \
	%D%/malloc/test_malloc_mappings \
	%D%/malloc/test_malloc_misuse \
	%D%/malloc/test_malloc_system \
	%D%/malloc/test_malloc_threads

cli_programs = \
	%D%/cli/test_arguments \
	%D%/cli/test_batches \
	%D%/cli/test_clock \
	%D%/cli/test_export \
	%D%/cli/test_footprint \
	%D%/cli/test_import_kernel \
	%D%/cli/test_import_user \
	%D%/cli/test_lowmem \
	%D%/cli/test_order \
	%D%/cli/test_metrics \
	%D%/cli/test_native \
	%D%/cli/test_native_bombs \
	%D%/cli/test_native_damage \
	%D%/cli/test_native_output \
	%D%/cli/test_native_recent \
	%D%/cli/test_native_short \
	%D%/cli/test_pack \
	%D%/cli/test_recorded \
	%D%/cli/test_regions \
	%D%/cli/test_replay \
	%D%/cli/test_resolve \
	%D%/cli/test_replay_caches \
	%D%/cli/test_replay_execute \
	%D%/cli/test_report \
	%D%/cli/test_schedule \
	%D%/cli/test_tool \
	%D%/cli/test_trace \
	%D%/cli/test_trace_identity \
	%D%/cli/test_trace_input \
	%D%/cli/test_unseen \
	%D%/cli/test_tune

# They need what bsa-record --kernel needs, too.
kernel_programs = \
	%D%/cli/test_kernel_decode

check_scripts = \
	%D%/check-exports.sh \
	%D%/check-format.sh \
	%D%/check-freestanding.sh \
	%D%/check-headers.sh \
	%D%/check-includes.sh \
	%D%/check-manpages.sh \
	%D%/check-pkgconfig.sh \
	%D%/check-quickstart.sh
malloc_check_scripts = \
	%D%/malloc/check-malloc.sh
cli_check_scripts = \
	%D%/cli/check-backends.sh \
	%D%/cli/check-caches.sh \
	%D%/cli/check-corpus.sh \
	%D%/cli/check-kernel.sh \
	%D%/cli/check-native.sh \
	%D%/cli/check-record.sh \
	%D%/cli/check-replay.sh \
	%D%/cli/check-report.sh \
	%D%/cli/check-help.sh \
	%D%/cli/check-sweep.sh \
	%D%/cli/check-trace-tool.sh \
	%D%/cli/check-tune.sh

# Shared by the programs; tests/support.h says what is in it.
test_support = %D%/libsupport.la
%C%_libsupport_la_SOURCES = %D%/support.c %D%/support.h

library_programs = $(unit_programs) $(api_programs) $(misuse_programs) $(stress_programs)
test_programs = $(library_programs)
if MALLOC
test_programs += $(malloc_programs)
endif
if CLI
test_programs += $(cli_programs)
endif
if KERNEL_RECORDING
test_programs += $(kernel_programs)
endif

if HAVE_CHECK
check_LTLIBRARIES += $(test_support)
check_PROGRAMS += $(test_programs)
TESTS += $(test_programs)
endif
TESTS += $(check_scripts)
if MALLOC
TESTS += $(malloc_check_scripts)
endif
if CLI
TESTS += $(cli_check_scripts)
endif

# Programs have their source from their name, and the libraries of their kind from these
# target-specific variables (GNU make): a line for each program is spared.
LDADD = $(test_support) lib/libbuddyslab.la $(CHECK_LIBS) -lpthread
AM_CPPFLAGS += $(CHECK_CFLAGS) $(GLIB_CFLAGS) $(JSON_GLIB_CFLAGS) $(ZSTD_CFLAGS) $(XXHASH_CFLAGS) $(TRACEFS_CFLAGS)

$(unit_programs): LDADD = $(test_support) lib/libbuddyslab-core.la $(CHECK_LIBS) -lpthread
$(unit_programs): lib/libbuddyslab-core.la
$(malloc_programs): LDADD = $(test_support) malloc/libbuddyslab-malloc.la lib/libbuddyslab.la $(CHECK_LIBS) -lpthread
$(malloc_programs): malloc/libbuddyslab-malloc.la
# A compiler may leave out calls of malloc whose result it can tell, as clang does.
%C%_malloc_test_malloc_calls_CFLAGS = $(AM_CFLAGS) -fno-builtin
%C%_malloc_test_malloc_ids_CFLAGS = $(AM_CFLAGS) -fno-builtin
%C%_malloc_test_malloc_mappings_CFLAGS = $(AM_CFLAGS) -fno-builtin
%C%_malloc_test_malloc_misuse_CFLAGS = $(AM_CFLAGS) -fno-builtin
%C%_malloc_test_malloc_system_CFLAGS = $(AM_CFLAGS) -fno-builtin
%C%_malloc_test_malloc_threads_CFLAGS = $(AM_CFLAGS) -fno-builtin
$(cli_programs): LDADD = $(test_support) cli/libcli.la lib/libbuddyslab.la $(cli_libs) $(CHECK_LIBS)
$(cli_programs): cli/libcli.la
$(kernel_programs): LDADD = $(test_support) cli/record/libkernel.la cli/libcli.la lib/libbuddyslab.la $(TRACEFS_LIBS) $(cli_libs) $(CHECK_LIBS)
$(kernel_programs): cli/record/libkernel.la cli/libcli.la

# What check-record.sh compares with; its targets are compiled there.
if CLI
check_PROGRAMS += %D%/record/show
endif
%C%_record_show_LDADD = cli/libcli.la $(cli_libs)
EXTRA_DIST += %D%/record/any_malloc.c %D%/record/borders.c %D%/record/calls.c \
	%D%/record/calls.expected %D%/record/ends.c %D%/record/execs.c %D%/record/forks.c %D%/record/handler.c %D%/record/jumps.c %D%/record/jumps_malloc.c \
	%D%/record/late.c %D%/record/nested.c %D%/record/operators.cc %D%/record/own-new.cc %D%/record/plugin.c %D%/record/saved.c \
	%D%/record/slow.c \
	%D%/record/threads.c %D%/record/torn.c

# TAP, a line for each test case. Sanitizers and valgrind are slow: ten times the patience.
TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
# Not $(SHELL), which configure takes from those that know more than POSIX asks for.
SH_LOG_COMPILER = /bin/sh

AM_TESTS_ENVIRONMENT = \
	CK_DEFAULT_TIMEOUT=240; export CK_DEFAULT_TIMEOUT; \
	CK_VERBOSITY=silent; export CK_VERBOSITY; \
	CK_TAP_LOG_FILE_NAME=-; export CK_TAP_LOG_FILE_NAME; \
	BSA_SRCDIR='$(abs_top_srcdir)'; export BSA_SRCDIR; \
	BSA_BUILDDIR='$(abs_top_builddir)'; export BSA_BUILDDIR; \
	BSA_INSTRUMENT='$(BSA_INSTRUMENT)'; export BSA_INSTRUMENT; \
	CC='$(CC)'; export CC; \
	NM='$(NM)'; export NM; \
	MAKE='$(MAKE)'; export MAKE;
if SANITIZE
AM_TESTS_ENVIRONMENT += CK_TIMEOUT_MULTIPLIER=10; export CK_TIMEOUT_MULTIPLIER;
endif
if CLI
AM_TESTS_ENVIRONMENT += BSA_REPLAY='$(abs_top_builddir)/cli/bsa-replay'; export BSA_REPLAY; \
	BSA_TRACE='$(abs_top_builddir)/cli/bsa-trace'; export BSA_TRACE;
endif

include %D%/fuzz/local.mk

# Headers that tests share, and the texts that they read.
noinst_HEADERS = \
	%D%/cli/native_support.h \
	%D%/cli/replay_support.h \
	%D%/cli/seed.h \
	%D%/api/buddies.h \
	%D%/api/caches.h \
	%D%/api/cpus.h \
	%D%/api/failures.h \
	%D%/api/machine.h \
	%D%/api/slabs.h \
	%D%/malloc/preloaded.h \
	%D%/misuse/bed.h \
	%D%/stress/heap_model.h \
	%D%/stress/heap_world.h \
	%D%/stress/stress.h \
	%D%/stress/threads.h \
	%D%/unit/slab_bed.h \
	%D%/misuse/case.h \
	%D%/cli/trace_support.h
EXTRA_DIST += %D%/cli/data %D%/cli/read-native.py $(malloc_check_scripts) %D%/malloc/host.c %D%/malloc/operators.cc \
	%D%/malloc/plugin.c %D%/cli/bad_malloc.c

EXTRA_DIST += $(check_scripts) %D%/mutants.sh $(cli_check_scripts) %D%/check-lib.sh %D%/cli/replay-lib.sh %D%/exports.txt %D%/include-rules.txt \
	%D%/freestanding/kernel.c \
	%D%/freestanding/kernel.h \
	%D%/freestanding/platform.h

# The same programs, with twenty times the operations.
.PHONY: check-stress
check-stress:
	$(MAKE) $(AM_MAKEFLAGS) check BSA_TEST_SCALE=20 \
		TESTS='$(misuse_programs) $(api_programs) $(stress_programs)'

# Mistakes built into the library one at a time: the programs above must find each. MUTANTS='NAME ...'
# chooses some.
.PHONY: check-mutants
check-mutants:
	CC='$(CC)' AR='$(AR)' CHECK_CFLAGS='$(CHECK_CFLAGS)' CHECK_LIBS='$(CHECK_LIBS)' \
		BSA_SRCDIR='$(abs_top_srcdir)' $(SHELL) $(top_srcdir)/%D%/mutants.sh $(MUTANTS)

# Real programs on libbuddyslab-malloc.so: that they work. What they take is bench/programs'.
if MALLOC
check_PROGRAMS += %D%/programs/measure
endif
%C%_programs_measure_CPPFLAGS = -D_GNU_SOURCE
%C%_programs_measure_LDADD =
EXTRA_DIST += %D%/check-programs.sh %D%/programs/load.js %D%/programs/load.pl %D%/programs/load.py \
	%D%/programs/load.rb %D%/programs/load.sql %D%/programs/loads.sh %D%/programs/threads.cc

.PHONY: check-programs
check-programs: all %D%/programs/measure
	BSA_SRCDIR='$(abs_top_srcdir)' BSA_BUILDDIR='$(abs_top_builddir)' \
		$(SHELL) $(top_srcdir)/%D%/check-programs.sh

.PHONY: coverage
coverage:
if COVERAGE
	find lib -name '*.gcda' -exec rm -f {} +
	$(MAKE) $(AM_MAKEFLAGS) check
	GCOV='$(GCOV)' $(SHELL) $(top_srcdir)/build-aux/coverage.sh '$(abs_top_srcdir)' 95
else
	@echo 'make coverage: configure with --enable-coverage first' >&2; exit 1
endif

if !HAVE_CHECK
check-local:
	@echo 'make check: libcheck was not here when this was configured, so that no test program' >&2
	@echo 'was built. Install it (on Debian: apt-get install check) and configure again.' >&2
	@exit 1
endif
