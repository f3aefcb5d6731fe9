#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317 # functions that are called by the names of programs
#
# Real programs work on libbuddyslab-malloc.so: they end well, and say what they say with libc's malloc.
# `make check-programs` runs it; not part of make check, as it takes programs that may not be there and
# half a minute. What they take is a matter of bench/programs/.
#
#   ONLY='...'    some of: redis sqlite gcc g++ clang python perl git threads python_tests ruby node
#
# Exit status 1 when one fails. What is missing is left out by name.
srcdir=${BSA_SRCDIR:?run it by make check-programs}
builddir=${BSA_BUILDDIR:?run it by make check-programs}
# shellcheck source=tests/programs/loads.sh
. "$srcdir/tests/programs/loads.sh"

# Its own tests of what allocates most.
python_test_modules=sys,test.libregrtest,test.test_dict,test.test_json
need_python_tests() {
    [ -n "$(python_with "$python_test_modules")" ] ||
        echo "no python3 with its own tests (on Debian: libpython3-testsuite)"
}
run_python_tests() {
    PYTHONMALLOC=malloc PYTHONHASHSEED=1 measured "$(python_with "$python_test_modules")" -m test -q \
        test_dict test_list test_json test_threading >"$work/run/log" 2>&1 ||
        { cat "$work/run/log" >&2; return 1; }
    grep 'Tests result: ' "$work/run/log" | tail -n 1
}

# Forks in the middle, and a collector that compacts.
need_ruby() {
    have ruby || echo "no ruby (on Debian: ruby)"
}
run_ruby() {
    RUBYOPT='' measured ruby --disable=gems "$loads/load.rb"
}

# Code that is compiled at run time, and threads with heaps of their own.
need_node() {
    have node || echo "no node (on Debian: nodejs)"
}
run_node() {
    measured node "$loads/load.js"
}

failed=0
all="$programs python_tests ruby node"
for program in ${ONLY:-$all}; do
    case " $all " in
    *" $program "*) ;;
    *)
        echo "check-programs: ONLY: unknown program '$program'; there are: $all" >&2
        exit 2
        ;;
    esac
    prepare "$program" || continue
    if once "$program" "buddyslab=$ours"; then
        echo "works: $program"
    else
        failed=1
    fi
done
exit $failed
