# SPDX-License-Identifier: Apache-2.0
#
# The allocator, bottom-up. One file a line; tests/check-freestanding.sh compares the list with the
# folders, so that nothing is left out.

bsa_core_sources = \
	%D%/base/arith.h \
	%D%/base/atomic.h \
	%D%/base/call.h \
	%D%/base/config.h \
	%D%/base/lock.c \
	%D%/base/lock.h \
	%D%/base/status.c \
	%D%/page/page.h \
	%D%/section/lookup.c \
	%D%/section/lookup.h \
	%D%/section/section.c \
	%D%/section/section.h \
	%D%/buddy/alloc.c \
	%D%/buddy/api.c \
	%D%/buddy/blocks.h \
	%D%/buddy/free.c \
	%D%/buddy/internal.h \
	%D%/buddy/owner.c \
	%D%/buddy/query.c \
	%D%/buddy/range.c \
	%D%/buddy/rows.c \
	%D%/buddy/region.c \
	%D%/buddy/release.c \
	%D%/buddy/reserve.c \
	%D%/buddy/room.c \
	%D%/buddy/room.h \
	%D%/buddy/roster.c \
	%D%/buddy/roster.h \
	%D%/buddy/search.c \
	%D%/buddy/tree.c \
	%D%/buddy/tree.h \
	%D%/buddy/upper.c \
	%D%/buddy/validate.c \
	%D%/slab/cache.c \
	%D%/slab/cache.h \
	%D%/slab/classes.c \
	%D%/slab/classes.h \
	%D%/slab/object.c \
	%D%/slab/object.h \
	%D%/slab/records.c \
	%D%/slab/records.h \
	%D%/slab/slab.c \
	%D%/slab/standalone.c \
	%D%/slab/standalone.h \
	%D%/slab/storage.c \
	%D%/slab/tables.c \
	%D%/cpu/cpu.h \
	%D%/cpu/depot.c \
	%D%/cpu/depot.h \
	%D%/cpu/magazine.c \
	%D%/cpu/page_list.c \
	%D%/cpu/page_list.h \
	%D%/cpu/state.c \
	%D%/heap/bulk.c \
	%D%/heap/c_api.c \
	%D%/heap/cpus.c \
	%D%/heap/fast.h \
	%D%/heap/fast_blocks.h \
	%D%/heap/heap.h \
	%D%/heap/init.c \
	%D%/heap/named.c \
	%D%/heap/named_objects.c \
	%D%/heap/objects.c \
	%D%/heap/pages.c \
	%D%/heap/pressure.c \
	%D%/heap/regions.c \
	%D%/heap/realloc.c \
	%D%/heap/figures.c \
	%D%/heap/snapshot.c \
	%D%/heap/walk.c

# The objects of both targets: the public library with its filtered names, and the tests that look
# inside. Per-target flags replace AM_CFLAGS, so they repeat it.
noinst_LTLIBRARIES += %D%/libbuddyslab-core.la
%C%_libbuddyslab_core_la_SOURCES = $(bsa_core_sources)
%C%_libbuddyslab_core_la_CPPFLAGS = -I$(top_srcdir)/include -I$(top_srcdir)/lib \
	-DBSA_CHECKS=$(BSA_CHECKS)
%C%_libbuddyslab_core_la_CFLAGS = $(AM_CFLAGS) $(BSA_ALIGNMENT) -ffreestanding -fvisibility=hidden

# -version-info current:revision:age, which has nothing to do with the release number:
#   only the inside changed:            revision + 1
#   functions were added:               current + 1, revision 0, age + 1
#   functions were removed or changed:  current + 1, revision 0, age 0
# From left to right, at each release, for everything since the last one.
lib_LTLIBRARIES += %D%/libbuddyslab.la
%C%_libbuddyslab_la_SOURCES =
%C%_libbuddyslab_la_LIBADD = %D%/libbuddyslab-core.la
%C%_libbuddyslab_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-export-symbols-regex '^bsa_'
