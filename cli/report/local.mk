# SPDX-License-Identifier: Apache-2.0

cli_report_sources =
