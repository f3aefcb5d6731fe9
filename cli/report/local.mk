# SPDX-License-Identifier: Apache-2.0

cli_report_sources = \
	%D%/csv.c \
	%D%/format.c \
	%D%/json.c \
	%D%/metrics.c \
	%D%/metrics.h \
	%D%/output.c \
	%D%/plot.c \
	%D%/report.h \
	%D%/sampler.c \
	%D%/sampler.h \
	%D%/text.c \
	%D%/text_memory.c \
	%D%/text_tables.c
