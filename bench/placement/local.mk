# SPDX-License-Identifier: Apache-2.0
#
# bsa-replay with other placement policies. A policy's object is linked before the library's, and
# takes the place of lib/buddy/search.c: see policy.h.

placement_cppflags = $(cli_cppflags) -I$(top_srcdir)/lib
# Frees have to pass the policy that keeps an order among them.
placement_lifo_ldflags = $(AM_LDFLAGS) -Wl,--wrap=bsai_range_release

EXTRA_PROGRAMS += %D%/replay-lifo %D%/replay-worst
%C%_replay_lifo_SOURCES = cli/bsa-replay.c %D%/lifo.c %D%/policy.h
%C%_replay_lifo_CPPFLAGS = $(placement_cppflags)
%C%_replay_lifo_LDADD = cli/libcli.la lib/libbuddyslab-core.la $(cli_libs)
%C%_replay_lifo_LDFLAGS = $(placement_lifo_ldflags)
%C%_replay_worst_SOURCES = cli/bsa-replay.c %D%/worst.c %D%/policy.h
%C%_replay_worst_CPPFLAGS = $(placement_cppflags)
%C%_replay_worst_LDADD = cli/libcli.la lib/libbuddyslab-core.la $(cli_libs)

# The policies do what they are meant to.
if HAVE_CHECK
check_PROGRAMS += %D%/test_lifo %D%/test_worst
TESTS += %D%/test_lifo %D%/test_worst
endif
placement_test_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/include -I$(top_srcdir)/lib -I$(top_srcdir)/tests
placement_test_libs = $(test_support) lib/libbuddyslab-core.la $(CHECK_LIBS) -lpthread
%C%_test_lifo_SOURCES = tests/unit/test_placement.c %D%/lifo.c %D%/policy.h
%C%_test_lifo_CPPFLAGS = $(placement_test_cppflags) -DPOLICY_LIFO
%C%_test_lifo_LDADD = $(placement_test_libs)
%C%_test_lifo_LDFLAGS = $(placement_lifo_ldflags)
%C%_test_worst_SOURCES = tests/unit/test_placement.c %D%/worst.c %D%/policy.h
%C%_test_worst_CPPFLAGS = $(placement_test_cppflags) -DPOLICY_WORST
%C%_test_worst_LDADD = $(placement_test_libs)

CLEANFILES += %D%/placement.tsv %D%/placement.png %D%/placement.svg
