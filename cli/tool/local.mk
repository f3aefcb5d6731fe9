# SPDX-License-Identifier: Apache-2.0

cli_tool_sources = \
	%D%/check.c \
	%D%/check.h \
	%D%/check_events.c \
	%D%/check_file.c \
	%D%/convert.c \
	%D%/cut.c \
	%D%/dump.c \
	%D%/info.c \
	%D%/merge.c \
	%D%/output.c \
	%D%/output.h \
	%D%/result.c \
	%D%/result.h \
	%D%/stats.c \
	%D%/stats.h \
	%D%/stats_collect.c \
	%D%/stats_json.c \
	%D%/stats_text.c \
	%D%/tool.c \
	%D%/tool.h
