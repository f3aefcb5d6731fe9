/* SPDX-License-Identifier: Apache-2.0 */
/* libbuddyslab: a buddy page allocator, per-CPU slab caches and a heap, without an operating
 * system. */
#ifndef BUDDYSLAB_H
#define BUDDYSLAB_H

#include <buddyslab/version.h>
#include <buddyslab/types.h>
#include <buddyslab/platform.h>
#include <buddyslab/buddy.h>
#include <buddyslab/slab.h>
#include <buddyslab/heap.h>
#include <buddyslab/stats.h>
#include <buddyslab/cache.h>
#include <buddyslab/debug.h>

#endif
