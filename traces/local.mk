# SPDX-License-Identifier: Apache-2.0

recorded_programs = sqlite python gcc git perl redis nginx pbzip2 orders make
recorded_kernels = kernel-walk kernel-network kernel-processes kernel-waves

EXTRA_DIST += \
	%D%/README.md \
	%D%/kernel-phases.perf-script.zst \
	%D%/pictures/occupancy.png \
	%D%/pictures/page-map.png \
	%D%/pages-compile.perf-script.zst \
	%D%/pages-files.perf-script.zst \
	%D%/pages-processes.perf-script.zst \
	$(recorded_programs:%=%D%/%.bsat) \
	$(recorded_kernels:%=%D%/%.bsat) \
	%D%/record.sh \
	%D%/record-kernel.sh \
	%D%/record-pages.sh
