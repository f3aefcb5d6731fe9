# SPDX-License-Identifier: Apache-2.0

cli_report_sources = \
	%D%/csv.c \
	%D%/csv.h \
	%D%/csv_curve.c \
	%D%/csv_tables.c \
	%D%/curve.c \
	%D%/curve.h \
	%D%/json.c \
	%D%/metrics.c \
	%D%/metrics.h \
	%D%/observed.c \
	%D%/observed.h \
	%D%/output.c \
	%D%/report.h \
	%D%/sampler.c \
	%D%/sampler.h
