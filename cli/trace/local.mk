# SPDX-License-Identifier: Apache-2.0

cli_trace_sources =
