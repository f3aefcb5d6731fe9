#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mutants.sh [NAME...]: are the tests worth anything? Each mutant below is the library with one mistake
# built in; the test programs must find it. All of them, or those named, each a line:
#
#   killed    NAME  by the program that failed (or crashed, or hung)
#   SURVIVED  NAME  all programs passed
#   STALE     NAME  the library has changed and the edit changes nothing, or does not compile
#
# Exit status 1 if a mutant is not killed. Run it with `make check-mutants`, or by hand: it needs a C
# compiler, make and libcheck, and works in a folder of its own. BSA_MUTANT_JOBS: compilers at once.
set -eu
LC_ALL=C
export LC_ALL

source=${BSA_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
jobs=${BSA_MUTANT_JOBS:-2}
work=$(mktemp -d "${TMPDIR:-/tmp}/buddyslab-mutants.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if [ -z "${CHECK_LIBS:-}" ]; then
    CHECK_LIBS=$(pkg-config --libs check) || {
        echo "mutants.sh: libcheck is not here; install it (on Debian: apt-get install check)" >&2
        exit 1
    }
fi

# The library and the tests as they are, built once; a mutant is a copy in which make builds what the
# edit touches. Invariants are asserted, as in the builds that developers test.
mkdir "$work/base"
cp -R "$source/include" "$source/lib" "$source/tests" "$work/base"
cat >"$work/base/Makefile" <<'END'
lib := $(patsubst %.c,%.o,$(shell find lib -name '*.c'))
programs := $(patsubst %.c,%,$(wildcard tests/*/test_*.c))
programs := $(filter-out tests/cli/% tests/malloc/%,$(programs))
headers := $(shell find include lib tests -name '*.h')
checks = 1
flags = -std=c11 -O1 -DBSA_CHECKS=$(checks) -Iinclude -Ilib

all: $(programs)
lib/%.o: lib/%.c $(headers)
	$(CC) $(flags) -ffreestanding -c $< -o $@
tests/support.o: tests/support.c
	$(CC) $(flags) $(CHECK_CFLAGS) -D_GNU_SOURCE -Itests -c $< -o $@
libmutant.a: $(lib)
	rm -f $@
	$(AR) rc $@ $(lib)
tests/%.o: tests/%.c
	$(CC) $(flags) $(CHECK_CFLAGS) -D_GNU_SOURCE -Itests -c $< -o $@
tests/unit/%.o: tests/unit/%.c $(headers)
	$(CC) $(flags) $(CHECK_CFLAGS) -D_GNU_SOURCE -Itests -c $< -o $@
$(programs): %: %.o tests/support.o libmutant.a
	$(CC) $< tests/support.o libmutant.a -o $@ $(CHECK_LIBS) -lpthread -lm
.PRECIOUS: tests/%.o
END

checks=1

build() { # FOLDER TARGET...
    folder=$1
    shift
    make -s -C "$folder" -j"$jobs" CC="${CC:-cc}" AR="${AR:-ar}" CHECK_CFLAGS="${CHECK_CFLAGS:-}" \
        CHECK_LIBS="$CHECK_LIBS" checks="$checks" "$@" >"$folder/build.log" 2>&1
}

CK_VERBOSITY=silent
CK_DEFAULT_TIMEOUT=60
export CK_VERBOSITY CK_DEFAULT_TIMEOUT

# The quick ones first.
programs() {
    (cd "$work/base" && printf '%s\n' tests/misuse/test_*.c tests/api/test_*.c tests/unit/test_*.c \
        tests/stress/test_*.c) | sed 's/\.c$//'
}

# Fails when a program of FOLDER does; says which.
run() { # FOLDER
    for program in $(programs); do
        build "$1" "$program" || {
            echo "$program does not build"
            return 2
        }
        (cd "$1" && timeout 120 "$program") >"$1/out.log" 2>&1 || {
            echo "$program: $(grep -m 1 '^not ok' "$1/out.log" | sed 's/.*:\([a-z_0-9]*\): /\1: /' | cut -c 1-90)"
            return 1
        }
    done
}

failed=0
wanted=" $* "
mutants=0

mutant() { # NAME FILE SED-EXPRESSION
    case $wanted in
    '  ' | *" $1 "*) ;;
    *) return 0 ;;
    esac
    mutants=$((mutants + 1))
    rm -rf "$work/mutant"
    cp -Rp "$work/base" "$work/mutant"
    [ "$checks" -eq 1 ] || find "$work/mutant" -name '*.o' -exec rm {} +
    sed "$3" "$work/base/$2" >"$work/mutant/$2"
    if cmp -s "$work/base/$2" "$work/mutant/$2"; then
        echo "STALE     $1: the edit of $2 changes nothing"
        failed=1
    elif ! build "$work/mutant" libmutant.a; then
        echo "STALE     $1: $2 does not compile: $(grep -m 1 error "$work/mutant/build.log")"
        failed=1
    elif by=$(run "$work/mutant"); then
        echo "SURVIVED  $1"
        failed=1
    else
        echo "killed    $1 by $by"
    fi
}

# The same without asserted invariants: with them no call takes the fast paths.
fast_mutant() {
    checks=0
    mutant "$@"
    checks=1
}

if ! build "$work/base" all; then
    tail -n 20 "$work/base/build.log" >&2
    echo "mutants.sh: the library as it is does not build" >&2
    exit 1
fi
if ! by=$(run "$work/base"); then
    echo "mutants.sh: the library as it is fails $by" >&2
    exit 1
fi
echo "# the library as it is passes $(programs | wc -l) programs"

# Pages ------------------------------------------------------------------------------------------------

# The buddy of a block is another one.
mutant swapped-buddy lib/buddy/upper.c 's/+ head) ^ (size_t)1 << order)/+ head) + ((size_t)1 << order))/'
# Blocks of different orders are merged.
mutant unequal-buddies lib/buddy/upper.c 's/s->trees\[buddy\]\.order != order/false/'
# What is freed is not counted.
mutant uncounted-free lib/buddy/free.c 's/s->free_pages += n;/;/'
# Blocks of eight pages may begin at a multiple of four.
mutant wrong-mask lib/buddy/tree.c 's/UINT64_C(0x0101010101010101)/UINT64_C(0x1111111111111111)/'
# A range ends a page too late.
mutant range-too-long lib/buddy/tree.c 's/~UINT64_C(0) >> (w \* 64 + 64 - end)/~UINT64_C(0) >> (w * 64 + 63 - end)/'
# The alignment that was asked for is forgotten.
mutant forgotten-alignment lib/buddy/alloc.c 's/shift > b->page_shift ? shift - b->page_shift : 0/0/'
# Low memory is not kept for those who need it.
mutant low-unreserved lib/buddy/alloc.c 's/return free >= n && free - n >= bsai_peek(&b->low_reserve);/return free >= n;/'
# A request for low memory is served from high memory.
mutant high-for-low lib/buddy/alloc.c 's/if (!low && bsai_buddy_has_high(b))/if (bsai_buddy_has_high(b))/'
# Withdrawn pages need not be free.
mutant reserve-live lib/buddy/reserve.c 's/bool all_free = true;/bool all_free = true; if (all_free) n = n;/; s/all_free = all_free && /all_free = true || /'
# A whole tree is broken while there are broken ones that serve another use.
mutant wasted-trees lib/buddy/search.c 's/: take_broken(b, s, other, n, order)/: BSAI_NO_PAGE/'
# What is freed is not found as a row.
mutant short-rows lib/buddy/rows.c 's/if (row > s->trees\[index\]\.row)/if (false)/'
# A region leaves with pages that are in use.
mutant leaves-in-use lib/buddy/region.c 's/s->free_pages != s->total_pages/false/'
# Calls in progress are not waited for when a region leaves.
mutant unquiesced lib/buddy/api.c 's/if (b->platform.quiesce != NULL)/if (false)/'
# A region counts as zero bytes although nobody said so.
mutant zero-by-belief lib/buddy/region.c 's/b->zeroed = .*/b->zeroed = true;/'
# What lay in memory before stands for the words of pages.
mutant dirty-words lib/buddy/range.c 's/bool valid = .*/bool valid = true;/'
# A region that left is found.
mutant found-after-all lib/buddy/region.c 's/bsai_lookup_leave(&b->lookup, s);/;/'
# A search in the table of regions ends where one has left.
mutant gap-in-table lib/section/lookup.c 's/set_place(&table->slot\[gap\], &table->slot\[i\]);/break;/'
# The count of pages is not compared.
mutant any-count lib/heap/objects.c 's/pages != 0 \&\& pages != bsai_word_count(word)/pages == SIZE_MAX/'

# Objects ----------------------------------------------------------------------------------------------

# A slab whose first object came back is not listed: its memory is lost.
mutant lost-slab lib/slab/cache.c 's/return slab->list == BSAI_LIST_NONE || /return /'
# A free is served by a slot that tells of a slab that is gone.
fast_mutant stale-slot lib/cpu/cpu.h 's/BSAI_LIKELY(m->epoch == bsai_consume(m->now));/BSAI_LIKELY(m->now != NULL);/'
# The same of one whose home is another CPU now.
fast_mutant stale-home lib/slab/cache.c 's/if (slab->list == BSAI_LIST_EMPTY && slab->home != cpu)/if (false)/'
# What is freed away is handed out again next.
mutant kept-away lib/cpu/cpu.h 's/bsai_magazine_push_away(m, slot);/bsai_magazine_push(m, slot);/'
# A busy CPU's magazines may have all memory.
mutant greedy-magazine lib/cpu/magazine.c 's/bytes <= most - used/true/'
# What they all may have cannot be changed.
mutant unrationed-magazines lib/cpu/magazine.c 's/bsai_poke(&growth->most, most);/(void)growth, (void)most;/'
# A CPU that is alone keeps what it swings by as well.
mutant lone-swing lib/slab/cache.c 's/shelf->crowded = .*/shelf->crowded = true;/'
# Beside others it swings for good.
mutant swings-for-good lib/cpu/magazine.c 's/if (swings && shelf->crowded.*/if (false)/'
# All CPUs take their records from one end of a chunk.
mutant one-end lib/slab/records.c 's/bool last = .*/bool last = false;/'
# What a bulk call frees away stays.
mutant piled-up lib/heap/bulk.c 's/if (!home \&\& bsai_magazine_is_due(m))/if (false)/'
# What it frees away does not sink below what is handed out next.
mutant afloat lib/cpu/magazine.c 's/for (unsigned left = n; left != 0 /for (unsigned left = n; left > 1 /'
# There is always room for a refill above what was freed away.
mutant never-tight lib/cpu/magazine.c 's/return m->away != 0 \&\& (unsigned).*/return m->away == UINT16_MAX;/'
# A batch in the depot is anybody's.
mutant anybodys-batch lib/cpu/depot.c 's/if (home == BSAI_ANY_HOME ||/if (true ||/'
# What is freed away waits until the magazine is full.
mutant never-due lib/cpu/cpu.h 's/return m->away != 0 && 2u .*/return m->away == UINT16_MAX;/'
# The slot that comes down into a gap is another.
mutant lost-in-gap lib/cpu/magazine.c 's/bsai_memcpy(from, top - moved, moved \* sizeof(\*from));/;/'
# What an offline CPU's slabs get back waits for it.
mutant kept-shelf lib/slab/cache.c 's/ || slab->shelf->closed ?/ ?/'
# A slab changes its home while its objects are out.
mutant moved-home lib/slab/cache.c 's/bool idle = .*/bool idle = true;/'
# The end of a slab, too short for an object, is taken for one.
mutant dropped-bound lib/slab/cache.h 's/ && \*index < slab->capacity;/;/'
# A cache is small for good.
mutant always-small lib/slab/cache.h 's/ < (size_t)BSAI_SMALL_PART .*/ < SIZE_MAX/'
# Empty small slabs are kept one by one.
mutant kept-by-count lib/slab/cache.c 's/cache->empty_pages > (uint64_t)keep .*/cache->empty_slabs > keep;/'
# A large slab or none.
mutant large-or-none lib/heap/objects.c 's/slab == NULL && small->slab_pages < g->slab_pages/slab == NULL \&\& small == NULL/'
# Figures of a cache more than there is room for.
mutant one-too-many lib/heap/named.c 's/if (n < room) {/if (n <= room) {/'
# There are more objects than a slab has room for.
mutant too-many-objects lib/slab/slab.c 's/return objects < BSAI_WORD_BITS ? .*/return objects == 0 ? 0 : ~(bsai_word)0;/'
# The pages of a slab that is gone still say that they are a slab's.
mutant stale-pages lib/slab/slab.c 's/bsai_poke(&map->\(hot\|cold\)\[page + i\], .*/(void)i;/'
# A dead object may be freed.
mutant double-free lib/slab/object.h 's/if (BSAI_UNLIKELY(((here ^ bsai_peek(&states->away)) \& bit) != bit))/if (false)/'
# The same by another CPU.
mutant double-free-away lib/slab/object.h 's/if (BSAI_UNLIKELY(((bsai_peek(&states->here) ^ old) & bit) != (live ? bit : 0)))/if (bit == 0 \&\& live)/'
# In shared mode a home CPU frees plainly what others free too.
mutant exposed-plainly lib/slab/object.h 's/BSAI_UNLIKELY(bsai_slab_is_exposed(slab)) ||/BSAI_UNLIKELY(slab == NULL) ||/'
# What was found before a free waited for locks is not looked at again.
mutant exposed-in-good-faith lib/heap/objects.c 's/(exposes && !expose(cpu, call, &slot))/(exposes \&\& !expose(cpu, call, \&slot) \&\& slab == NULL)/'
# Others free what its home CPU frees plainly.
mutant private-away lib/slab/object.h 's/BSAI_UNLIKELY((version \& 1) == 0) ||/BSAI_UNLIKELY(slab == NULL) ||/'
# Remote frees are not counted apart.
mutant unseen-remote lib/slab/cache.c 's/slab->remote = (uint16_t)(slab->remote + run);/;/'
# One object of a run was freed twice, and none of the others goes home.
mutant lost-run lib/slab/cache.c 's/^            run = 1;/            ;/'
# A run that goes home takes its slab past the border of what is anybody's.
mutant missed-turn lib/slab/cache.c 's/past < more;/past == 0;/'
# Every idle chunk of records is kept.
mutant kept-chunks lib/slab/records.c 's/++pool->idle > 1)/++pool->idle > 100000)/'

# CPUs -------------------------------------------------------------------------------------------------

# A CPU's lock is not taken.
mutant dropped-lock lib/heap/cpus.c 's/cpu->locked = !heap->exclusive;/cpu->locked = 0;/'
# Whoever frees a block second is not told.
mutant no-claim lib/cpu/page_list.h 's/return bsai_word_claim(at, &word, kept);/{ bsai_poke(at, kept); return true; }/'
# What two CPUs have freed at once is sent home by both.
mutant home-twice lib/cpu/page_list.c 's/if (word == list->kept || word == .*/if (word != BSAI_PAGE_NONE)/'
# The same is handed out by both.
fast_mutant out-twice lib/page/page.h '/bool bsai_word_is(/,/^}/s/ \&\&$/;/; s/^ *BSAI_LIKELY(bsai_peek(bsai_word_upper(word)).*/;/'
# A block is freed by any address within its first page.
fast_mutant inside-the-page lib/heap/fast_blocks.h '/bool bsai_fast_begins(/,/^}/s/return .*/return cpu != NULL \&\& p != NULL;/'
# Whether a block is live, and of so many pages, is not looked at.
fast_mutant word-unseen lib/heap/fast_blocks.h 's/BSAI_UNLIKELY(bsai_peek(at) != list->lent))/false)/'
# What was handed out last is taken back although its region has left.
fast_mutant stale-region lib/heap/regions.c 's/bsai_poke(&cpu->lists.fast, 0);/(void)cpu;/'
# Page lists hold as much as they have slots.
mutant unbounded-lists lib/cpu/page_list.c 's/while (!bsai_page_lists_have_room(lists, pages + debt))/while (false)/'
# Lists that have more than their share are filled.
mutant filled-beyond lib/cpu/page_list.c 's/lists->most > lists->listed ? //; s/ - lists->listed : 0;/ - lists->listed;/'
# What a CPU's page lists have on loan they keep.
mutant loans-are-kept lib/cpu/page_list.c 's/size_t overdrawn = .*;/size_t overdrawn = 0;/'
# Memory is said to be missing while other CPUs have it.
mutant selfish lib/heap/pressure.c 's/pressure->everybody && (other/false \&\& (other/'
# Memory is said to be missing while another CPU makes a slab of it, or takes a slab apart.
mutant unseen-slabs lib/buddy/alloc.c 's/bsai_count(&b->taken, (size_t)1);/bsai_count(\&b->taken, (size_t)(r->kind != BSAI_PAGE_META));/'
mutant unseen-retired lib/slab/cache.c 's/bsai_count(&cache->taken, (size_t)1);/;/'
# Others go on for ever with what one sends home.
mutant never-alone lib/heap/pressure.c 's/        if (heap->exclusive)$/        if (heap != NULL)/'
# What moved from CPU to CPU behind the one that asks them in turn is not looked for.
mutant taken-in-turn lib/heap/pressure.c 's/        if (heap->exclusive)$/        if (heap->exclusive || vain)/'
# What there is none of at all is asked for everywhere.
mutant low-in-vain lib/heap/pages.c 's/(low ? bsai_peek(&buddy->total_pages\[BSAI_ZONE_LOW\]) :/(false ? (size_t)0 :/'
# They go on while one looks for the last time.
mutant alone-in-name lib/heap/pressure.c '/^static void stop_the_others/,/^}/s/bsai_heap_lock_cpus(heap, call);/bsai_cpu_own(cpu, call);/'
# Pages for a slab are taken although there is none for its record, so that all are asked again and again.
mutant slab-in-vain lib/heap/objects.c 's/< g->slab_pages + more/< g->slab_pages/'
# A call that has migrated uses the CPU that it came from.
mutant homesick lib/heap/pressure.c '/^static struct bsa_cpu \*whereabouts/,/^}/s/if (!call->by_hook/if (true || !call->by_hook/'
# The same where there is no enter and leave.
fast_mutant homesick-inside lib/heap/init.c 's/caller->stays = .*/caller->stays = caller->plain;/'
# CPUs behind a gap in the ids are not found.
mutant skipped-cpus lib/heap/cpus.c 's/\*id |= BSAI_LEAF_CPUS - 1;/*id = top - 1;/'
# Page lists stay when a CPU is drained.
mutant kept-lists lib/heap/pressure.c 's/size_t moved = bsai_page_lists_drain(&cpu->lists, call, &heap->buddy);/size_t moved = 0;/'
# Validation and statistics meet memory that is on its way.
mutant moving-snapshot lib/heap/pressure.c '/^static size_t release_shared/,/^}/s/bsai_lock_\(take\|drop\)(&heap->common->lock, BSAI_RANK_CPU, call);/;/'
# A walk takes any page of a slab for its first.
mutant half-slab lib/heap/walk.c 's/if (bsai_word_is_slab(word))/if (bsai_word_kind(word) == BSAI_PAGE_SLAB)/'
# The word of an object's own pages does not tell how many they are.
mutant large-count lib/slab/slab.c 's/count = slab->pages - marks + 1;/count = 1;/'
# Further pages of an object of its own are taken for no one's.
mutant large-inside lib/buddy/owner.c 's/return further ? 1 : bsai_word_count(word);/return bsai_word_kind(word) == BSAI_PAGE_SLAB ? 1 : bsai_word_count(word);/'
# What can never be had asks everybody for memory.
mutant never-had lib/heap/objects.c 's/cache->small.slab_pages > bsai_buddy_total_pages(&cpu->heap->buddy)/false/'
# Pools of records that no named cache has any more are not given to others.
mutant kept-pools lib/heap/named.c 's/pool->record_bytes = 0;/;/'
# An object that is freed twice in one call is taken back once more.
mutant twice-in-bulk lib/heap/bulk.c 's/(count != 0 \&\& own != states) || (bits & bit) != 0/count != 0 \&\& own != states/'
# A named cache takes any object.
mutant any-cache lib/heap/named_objects.c 's/ \&\& slab->cache == cache->number//'
# A named cache ends while objects of it are live.
mutant ended-in-use lib/heap/named.c '/^static size_t close/,/^}/s/if (live != 0)/if (false)/'
# What a named cache holds ready stays where it is.
mutant kept-named lib/heap/pressure.c '/^size_t bsai_heap_drain_owned/,/^}/s/heap->cache_count/heap->classes.count/'
# A block that is cut keeps its tail.
mutant kept-tail lib/buddy/free.c 's/bsai_range_release(section, page + kept, less);/;/'
# Listed blocks go home although something else is in the way of a block that is to grow.
mutant needless-home lib/heap/realloc.c "s/return \*listed ? pages : bsai_word_kind(word) == BSAI_PAGE_NONE ? 1 : 0;/return *listed ? pages : 1;/"
# What a block grows into stays on its list, too.
mutant grown-and-listed lib/cpu/page_list.c 's/set_top(lists, list, list->top - n);/set_top(lists, list, list->top - (n > 1));/'
# A block is resized that is not aligned as asked.
mutant misaligned-resize lib/heap/realloc.c 's/((uintptr_t)\*p & (align - 1)) == 0/true/'
# A copy of more than there is.
mutant long-copy lib/heap/realloc.c 's/size < usable ? size : usable/usable/'

[ "$mutants" -gt 0 ] || {
    echo "mutants.sh: no mutant of that name; see the end of tests/mutants.sh" >&2
    exit 2
}
exit "$failed"
