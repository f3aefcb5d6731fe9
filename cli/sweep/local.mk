# SPDX-License-Identifier: Apache-2.0

cli_sweep_sources = \
	%D%/collect.c \
	%D%/collect.h \
	%D%/grid.c \
	%D%/grid.h \
	%D%/pool.c \
	%D%/pool.h \
	%D%/sweep.c \
	%D%/sweep.h
