# SPDX-License-Identifier: Apache-2.0

cli_report_sources = \
	%D%/csv.c \
	%D%/curve.c \
	%D%/curve.h \
	%D%/json.c \
	%D%/metrics.c \
	%D%/metrics.h \
	%D%/observed.c \
	%D%/observed.h \
	%D%/output.c \
	%D%/plot.c \
	%D%/report.h \
	%D%/sampler.c \
	%D%/sampler.h \
	%D%/text.c \
	%D%/text_memory.c \
	%D%/text_regions.c \
	%D%/text_tables.c
