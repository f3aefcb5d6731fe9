# SPDX-License-Identifier: Apache-2.0

cli_view_sources = \
	%D%/command.h \
	%D%/command_diff.c \
	%D%/command_show.c \
	%D%/diff.c \
	%D%/diff.h \
	%D%/diff_text.c \
	%D%/draw.c \
	%D%/draw.h \
	%D%/error.h \
	%D%/findings.c \
	%D%/findings.h \
	%D%/measured.c \
	%D%/measured.h \
	%D%/model.c \
	%D%/model.h \
	%D%/page.c \
	%D%/page.h \
	%D%/page_tables.c \
	%D%/parts.c \
	%D%/parts.h \
	%D%/plot.c \
	%D%/plot.h \
	%D%/plot_cpus.c \
	%D%/plot_fragmentation.c \
	%D%/plot_histograms.c \
	%D%/plot_measured.c \
	%D%/plot_memory.c \
	%D%/plot_tune.c \
	%D%/plot_recorded.c \
	%D%/plot_sweep.c \
	%D%/sweep.c \
	%D%/sweep.h \
	%D%/text.c \
	%D%/text.h \
	%D%/text_memory.c \
	%D%/text_objects.c \
	%D%/text_recorded.c \
	%D%/text_regions.c \
	%D%/text_sweep.c \
	%D%/text_tables.c \
	%D%/text_tune.c \
	%D%/text_unseen.c \
	%D%/write.c \
	%D%/write.h
