# SPDX-License-Identifier: Apache-2.0

cli_tune_sources = \
	%D%/export.c \
	%D%/trials.c \
	%D%/trials.h \
	%D%/tune.c \
	%D%/tune.h \
	%D%/write.c
