#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The traces that come along: each is whole, small, described by traces/README.md, and replayed.
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/check-lib.sh"

tool=${BSA_TRACE:-$builddir/cli/bsa-trace}
replay=${BSA_REPLAY:-$builddir/cli/bsa-replay}

# info NAME FILE: what bsa-trace info says under a name, a number.
info() {
    "$tool" info "$2" | sed -n "s/^$1  *\([0-9.]*\).*/\1/p" | head -n 1
}

for file in "$srcdir"/traces/*.bsat; do
    name=${file##*/}
    expect "$name: bsa-trace check" "$tool" check -q "$file"
    events=$(info events "$file")
    listed=$(sed -n "s/^| $name | [^|]* | \([0-9 ]*\) |.*/\1/p" "$srcdir/traces/README.md" | tr -d ' ')
    expect "$name: it has events" test "${events:-0}" -gt 0
    expect "$name: as many as traces/README.md says" test "$events" = "$listed"
    bytes=$(wc -c <"$file")
    expect "$name: at most 3 bytes an event" test "$bytes" -le $((3 * events))
    expect "$name: at most 3 MB" test "$bytes" -le 3000000
    expect "$name: bsa-replay" "$replay" -q --no-plots -o "$work/report" "$file"
    expect "$name: all requests are served" grep -q '^Failed requests  *0$' "$work/report/report.txt"
done

done_testing
