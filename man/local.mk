# SPDX-License-Identifier: Apache-2.0

dist_man_MANS += \
	%D%/bsa_buddy.3 \
	%D%/bsa_cache.3 \
	%D%/bsa_cpu.3 \
	%D%/bsa_debug.3 \
	%D%/bsa_heap.3 \
	%D%/bsa_malloc.3 \
	%D%/bsa_platform.3 \
	%D%/bsa_slab.3 \
	%D%/bsa_stats.3 \
	%D%/libbuddyslab.3
if MALLOC
dist_man_MANS += %D%/libbuddyslab-malloc.3
else
EXTRA_DIST += %D%/libbuddyslab-malloc.3
endif
cli_pages = \
	%D%/bsa-record.1 \
	%D%/bsa-replay.1 \
	%D%/bsa-trace-import.5 \
	%D%/bsa-trace.1 \
	%D%/bsa-trace.5
if CLI
dist_man_MANS += $(cli_pages)
else
EXTRA_DIST += $(cli_pages)
endif
EXTRA_DIST += %D%/links.txt

# A page for every function, which names the page of its group.
install-data-hook: install-man-links
uninstall-hook: uninstall-man-links
.PHONY: install-man-links uninstall-man-links
install-man-links:
	$(AM_V_at)sed '/^#/d' $(srcdir)/%D%/links.txt | while read name page; do \
		printf '.so man3/%s.3\n' "$$page" > "$(DESTDIR)$(man3dir)/$$name.3" || exit 1; \
	done
uninstall-man-links:
	$(AM_V_at)sed '/^#/d' $(srcdir)/%D%/links.txt | while read name page; do \
		rm -f "$(DESTDIR)$(man3dir)/$$name.3"; \
	done
