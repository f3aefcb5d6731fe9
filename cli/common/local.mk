# SPDX-License-Identifier: Apache-2.0

cli_common_sources = \
	%D%/arguments.c \
	%D%/arguments.h \
	%D%/child.c \
	%D%/child.h \
	%D%/files.c \
	%D%/files.h \
	%D%/figures.c \
	%D%/figures.h \
	%D%/json.c \
	%D%/json.h \
	%D%/progress.c \
	%D%/progress.h \
	%D%/schema.h \
	%D%/standard_output.c \
	%D%/standard_output.h
