# SPDX-License-Identifier: Apache-2.0
#
# The programs. Their parts are a library of their own, so that tests can call them.

include %D%/common/local.mk
include %D%/trace/local.mk
include %D%/record/local.mk
include %D%/tool/local.mk
include %D%/replay/local.mk
include %D%/report/local.mk
include %D%/tune/local.mk
include %D%/view/local.mk
include %D%/sweep/local.mk

cli_cppflags = -I$(top_srcdir)/include -I$(top_srcdir)/cli -D_GNU_SOURCE \
	$(GLIB_CFLAGS) $(JSON_GLIB_CFLAGS) $(ZSTD_CFLAGS) $(XXHASH_CFLAGS)
cli_libs = $(GLIB_LIBS) $(JSON_GLIB_LIBS) $(ZSTD_LIBS) -lm

if CLI
noinst_LTLIBRARIES += %D%/libcli.la
bin_PROGRAMS += %D%/bsa-record %D%/bsa-replay %D%/bsa-trace
dist_pkgdata_DATA += %D%/report/report.schema.json %D%/sweep/sweep.schema.json \
	%D%/tune/tune.schema.json
endif

%C%_libcli_la_SOURCES = $(cli_common_sources) $(cli_trace_sources) \
	$(cli_record_sources) $(cli_replay_sources) $(cli_report_sources) \
	$(cli_tool_sources) $(cli_tune_sources) $(cli_view_sources) \
	$(cli_sweep_sources)
%C%_libcli_la_CPPFLAGS = $(cli_cppflags) -DRECORD_LIBRARY_DIRECTORY='"$(pkglibdir)"' \
	-DRECORD_LIBRARY='"libbuddyslab-record.so"'
%C%_libcli_la_LIBADD = $(cli_libs)

%C%_bsa_replay_SOURCES = %D%/bsa-replay.c
%C%_bsa_replay_CPPFLAGS = $(cli_cppflags)
%C%_bsa_replay_LDADD = %D%/libcli.la lib/libbuddyslab.la $(cli_libs)

%C%_bsa_record_SOURCES = %D%/bsa-record.c
%C%_bsa_record_CPPFLAGS = $(cli_cppflags)
%C%_bsa_record_LDADD = %D%/record/libkernel.la %D%/libcli.la $(cli_libs)

%C%_bsa_trace_SOURCES = %D%/bsa-trace.c
%C%_bsa_trace_CPPFLAGS = $(cli_cppflags)
%C%_bsa_trace_LDADD = %D%/libcli.la $(cli_libs)
