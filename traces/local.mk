# SPDX-License-Identifier: Apache-2.0

EXTRA_DIST += %D%/README.md %D%/kernel-phases.perf-script.zst %D%/record-kernel.sh
