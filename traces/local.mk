# SPDX-License-Identifier: Apache-2.0

EXTRA_DIST += \
	%D%/README.md \
	%D%/kernel-phases.perf-script.zst \
	%D%/pictures/occupancy.png \
	%D%/record-kernel.sh
