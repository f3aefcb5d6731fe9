# SPDX-License-Identifier: Apache-2.0

cli_replay_sources = \
	%D%/account.c \
	%D%/account.h \
	%D%/backend.c \
	%D%/backend.h \
	%D%/batch.c \
	%D%/books.c \
	%D%/books.h \
	%D%/clock.h \
	%D%/crew.c \
	%D%/crew.h \
	%D%/backend_buddyslab.c \
	%D%/error.h \
	%D%/execute.c \
	%D%/execute.h \
	%D%/jobs.c \
	%D%/jobs.h \
	%D%/latency.c \
	%D%/latency.h \
	%D%/minimum.c \
	%D%/minimum.h \
	%D%/op.h \
	%D%/options.c \
	%D%/options.h \
	%D%/perform.c \
	%D%/perform.h \
	%D%/regions.c \
	%D%/regions.h \
	%D%/schedule.c \
	%D%/schedule.h \
	%D%/session.c \
	%D%/session.h \
	%D%/threads.c \
	%D%/verify.c \
	%D%/verify.h
