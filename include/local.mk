# SPDX-License-Identifier: Apache-2.0
#
# Every public header; tests/check-headers.sh compares this with the folder.

include_HEADERS = %D%/buddyslab.h

buddyslabincludedir = $(includedir)/buddyslab
buddyslabinclude_HEADERS = \
	%D%/buddyslab/buddy.h \
	%D%/buddyslab/cache.h \
	%D%/buddyslab/debug.h \
	%D%/buddyslab/heap.h \
	%D%/buddyslab/platform.h \
	%D%/buddyslab/slab.h \
	%D%/buddyslab/stats.h \
	%D%/buddyslab/types.h \
	%D%/buddyslab/version.h
