# SPDX-License-Identifier: Apache-2.0
#
# Real programs, tests/programs/loads.sh, on the mallocs that are here.

if MALLOC
TESTS += %D%/check-compare.sh
endif
EXTRA_DIST += %D%/check-compare.sh %D%/compare.sh %D%/table.awk
CLEANFILES += %D%/programs.tsv

.PHONY: bench-programs
bench-programs:
if MALLOC
	$(MAKE) $(AM_MAKEFLAGS) malloc/libbuddyslab-malloc.la tests/programs/measure$(EXEEXT)
	@$(MKDIR_P) %D%
	@BSA_SRCDIR='$(abs_top_srcdir)' BSA_BUILDDIR='$(abs_top_builddir)' \
		BSA_COMPILER="$$($(CC) --version | head -n 1), flags $(CFLAGS)" \
		$(SHELL) $(top_srcdir)/%D%/compare.sh --tsv=%D%/programs.tsv $(BENCH_FLAGS)
	@echo && echo "Every measurement: %D%/programs.tsv"
else
	@echo 'make bench-programs: configured with --disable-malloc' >&2; exit 1
endif
