# SPDX-License-Identifier: Apache-2.0
#
# A harness is fuzz_NAME.c and a folder corpus-NAME: one line in fuzz_harnesses, and its sources.
# make check runs it over its corpus, make fuzz lets libFuzzer change what is in there.

fuzz_harnesses = \
	%D%/fuzz_import \
	%D%/fuzz_native

fuzz_common = %D%/fuzz.h %D%/events.c %D%/file.c

%C%_fuzz_import_SOURCES = %D%/fuzz_import.c %D%/driver.c $(fuzz_common)
%C%_fuzz_native_SOURCES = %D%/fuzz_native.c %D%/driver.c $(fuzz_common)

if CLI
check_PROGRAMS += $(fuzz_harnesses)
TESTS += $(fuzz_harnesses)
endif
$(fuzz_harnesses): LDADD = cli/libcli.la lib/libbuddyslab.la $(cli_libs)
$(fuzz_harnesses): cli/libcli.la

EXTRA_DIST += %D%/README.md %D%/libfuzzer.c %D%/run.sh %D%/corpus-import %D%/corpus-native

.PHONY: fuzz
fuzz:
	FUZZ_CFLAGS='-I$(top_srcdir)/cli -D_GNU_SOURCE $(GLIB_CFLAGS) $(JSON_GLIB_CFLAGS) $(ZSTD_CFLAGS) $(XXHASH_CFLAGS)' \
		FUZZ_LIBS='$(cli_libs)' BSA_SRCDIR='$(abs_top_srcdir)' \
		$(SHELL) $(top_srcdir)/%D%/run.sh $(fuzz_harnesses)
