# SPDX-License-Identifier: Apache-2.0

cli_report_sources = \
	%D%/backends.c \
	%D%/backends.h \
	%D%/backends_write.c \
	%D%/class_cost.c \
	%D%/class_cost.h \
	%D%/csv.c \
	%D%/csv.h \
	%D%/csv_curve.c \
	%D%/csv_objects.c \
	%D%/csv_failures.c \
	%D%/csv_tables.c \
	%D%/curve.c \
	%D%/curve.h \
	%D%/fit.c \
	%D%/fit.h \
	%D%/histogram.c \
	%D%/histogram.h \
	%D%/json.c \
	%D%/json_classes.c \
	%D%/json_fit.c \
	%D%/json_fit.h \
	%D%/json_objects.c \
	%D%/json_parts.h \
	%D%/measured.c \
	%D%/measured.h \
	%D%/metrics.c \
	%D%/metrics.h \
	%D%/objects.c \
	%D%/objects.h \
	%D%/observed.c \
	%D%/observed.h \
	%D%/optimum.c \
	%D%/optimum.h \
	%D%/output.c \
	%D%/page_map.c \
	%D%/page_map.h \
	%D%/pins.c \
	%D%/pins.h \
	%D%/report.h \
	%D%/sampler.c \
	%D%/sampler.h
