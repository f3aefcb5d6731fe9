#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The report: its schema, its page, what it finds, that it can be made again, and comparisons.
# shellcheck disable=SC2317 # functions that run through expect
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
. "$BSA_SRCDIR/tests/cli/replay-lib.sh"

lost=$srcdir/tests/cli/data/good-lost.txt
schema=$srcdir/cli/report/report.schema.json

# --- Small traces ----------------------------------------------------------------------------

# alloc ADDRESS BYTES and so on: lines as perf script prints them.
us=0
line() {
    us=$((us + 1))
    printf 'worker 7 [000] 1.%06d: kmem:%s\n' "$us" "$1"
}
alloc() {
    line "kmalloc: call_site=f+0x1 ptr=0x$1 bytes_req=$2 bytes_alloc=$2 gfp_flags=GFP_KERNEL node=-1 accounted=false"
}
free() {
    line "kfree: call_site=f+0x1 ptr=0x$1"
}
pages() {
    line "mm_page_alloc: page=0x$1 pfn=0x$1 order=$2 migratetype=0 gfp_flags=GFP_KERNEL"
}
free_pages() {
    line "mm_page_free: page=0x$1 pfn=0x$1 order=$2"
}

{
    alloc 1000 64
    free 1000
} >"$work/one.txt"
{
    alloc 1000 64
} >"$work/kept.txt"
{
    pages 10 0
    pages 20 3
    free_pages 10 0
} >"$work/pages.txt"
{
    for i in 1 2 3 4 5 6 7 8 9; do alloc "${i}000" "${i}00"; done
    for i in 1 3 5 7; do free "${i}000"; done
} >"$work/slabs.txt"
free 1000 >"$work/frees.txt"
# 500 objects of one size, of which every hundredth stays.
{
    for i in $(seq 100 599); do alloc "${i}000" 1000; done
    for i in $(seq 100 599); do [ $((i % 100)) -eq 0 ] || free "${i}000"; done
    for i in $(seq 1 40); do alloc "f${i}00" 16 && free "f${i}00"; done
} >"$work/pins.txt"

for name in one kept pages slabs pins; do
    case $name in
    pages) layer=page ;;
    one | slabs) layer=slab ;;
    *) layer=both ;;
    esac
    expect "replay of $name" run "$name" --layer=$layer "$work/$name.txt"
    sed -n '/^Findings/,/^The run/p' "$work/$name/report.txt" >"$work/findings"
    expect "  it finds something" grep -q '^1\. ' "$work/findings"
    grep -n -i -E 'nan|inf |inf$|-?[0-9]+e[0-9]|null|\(\)|  [a-z].*  [a-z]| ,|\.\.|^[0-9]\. *$' \
        "$work/findings" >"$work/log"
    nothing "  in sentences without holes" "$work/log"
    awk 'length > 80 { print FILENAME ": " length ": " $0 }' "$work/$name/report.txt" >"$work/log"
    nothing "  in 80 columns" "$work/log"
done
expect "nothing is said to stand out of one object" \
    grep -q "of the pages in use at peak" "$work/one/report.txt"
tr -s ' \n' ' ' <"$work/pins/report.txt" >"$work/flat"
expect "pins: the class is named" grep -q "1024-byte class" "$work/flat"
expect "pins: 5 objects of one thread keep slabs" grep -q "5 objects from f+0x1, of one thread" \
    "$work/flat"
expect "a trace without allocations" run frees "$work/frees.txt"
expect "  it asks for nothing, and that is said" \
    grep -qx "1. The trace asks for no memory." "$work/frees/report.txt"

# A region in which requests fail, and a replay that ends there.
run failing --region=128K --layer=page "$trace"
expect "failures come first" grep -q '^1\. [0-9]* requests failed, for ' "$work/failing/report.txt"
awk 'length > 80 { print FILENAME ": " length ": " $0 }' "$work/failing/report.txt" >"$work/log"
nothing "  in 80 columns" "$work/log"
run stopped --region=128K --layer=page --on-failure=stop "$trace" 2>"$work/log"
expect "a part of the trace is called so in the first line" \
    sh -c 'head -1 "$1" | grep -q "PARTIAL: it ends after event [0-9]* of [0-9]*$"' - \
    "$work/stopped/report.txt"
expect "  and on the page" grep -q 'class="partial">Partial' "$work/stopped/report.html"

# --- The schema ------------------------------------------------------------------------------

run whole --curve --find-min-region --cpus=3 --cpu-map=hash "$trace"
run small --region=128K --layer=page "$trace"
run lossy "$lost"
{
    cat "$srcdir/tests/cli/data/good-tracefs-hashed.txt"
    echo 'CPU:1 [LOST EVENTS]'
} >"$work/uncounted.txt"
run uncounted --layer=slab "$work/uncounted.txt"
expect "findings say that losses were not counted" \
    grep -q "Events were lost .* nobody counted" "$work/uncounted/report.txt"
run causal --schedule=causal --migrate=0.1 "$trace"
run older --prelude=3 --implicit=early --low=1M --reclaim-every=100 "$trace"
run placed --prelude=1 "$work/frees.txt"
expect "findings say that an object is older" grep -q "object from before$" "$work/placed/report.txt"
run beside --against=recorded --rounds=1 "$trace"
run own --backend=recorded "$trace"
run counted --backend=recorded "$srcdir/traces/kernel-walk.bsat"
if has_jsonschema; then
    for name in one kept pages slabs pins frees failing stopped whole small lossy causal beside older; do
        expect "report.json of $name is as the schema says" follows_schema "$schema" \
            "$work/$name/report.json"
    done
    for name in own counted; do
        expect "recorded.json of $name is as the schema says" python3 - "$schema" \
            "$work/$name/recorded.json" <<'PYTHON'
import json, sys
from jsonschema import Draft202012Validator as Validator
schema = json.load(open(sys.argv[1]))
part = dict(schema["properties"]["recorded"])
part["$defs"] = schema["$defs"]
errors = list(Validator(part).iter_errors(json.load(open(sys.argv[2]))["recorded"]))
for error in errors:
    print("/".join(map(str, error.path)), error.message[:300])
sys.exit(1 if errors else 0)
PYTHON
    done
    expect "every member is described" describes_all "$schema"
else
    skip "report.json is as the schema says" "no python3 with jsonschema"
fi

# --- The recorded allocator ------------------------------------------------------------------

for name in beside own counted; do
    awk 'length > 80 { print FILENAME ": " length ": " $0 }' "$work/$name/report.txt" >"$work/log"
    nothing "$name: report.txt is in 80 columns" "$work/log"
done
expect "beside: the report has both" grep -q '^recorded, pages  *[0-9]' "$work/beside/report.txt"
expect "beside: so has the page" grep -q 'replayed, pages  *[0-9]' "$work/beside/report.html"
expect "beside: the picture of memory says what the recorded line counts" \
    grep -q 'set title .*as the system counts it; recorded: pages by addresses' "$work/beside/memory.gp"
expect "both ways tell the same" python3 - "$work/beside/report.json" "$work/own/recorded.json" \
    <<'PYTHON'
import json, sys
beside, own = (json.load(open(name))["recorded"] for name in sys.argv[1:])
for part in (beside, own):
    del part["samples"] # alone there are as many as events of all layers call for
sys.exit(beside != own)
PYTHON
# Addresses that were kept in a file, and what brings objects to page frames.
"$builddir/cli/bsa-trace" convert --quiet --addresses -o "$work/kept.bsat" "$trace"
run kept-addresses --backend=recorded "$work/kept.bsat"
same "a converted trace that keeps addresses tells the same" "$work/own/recorded.csv" \
    "$work/kept-addresses/recorded.csv"
mtrace=$srcdir/tests/cli/data/good-mtrace.txt
"$builddir/cli/bsa-trace" merge --quiet --addresses -o "$work/merged.bsat" "$mtrace" "$mtrace"
says 1 "several traces in one" "addresses of two programs in one trace" \
    run merged --backend=recorded "$work/merged.bsat"
# The kernel's count from the trace's own metadata, in pages.
pages_of() {
    "$builddir/cli/bsa-trace" info --meta="buddyinfo.$1" "$srcdir/traces/kernel-walk.bsat" |
        awk '{ for (i = 5; i <= NF; i++) pages += $i * 2 ^ (i - 5) } END { print pages }'
}
expect "buddyinfo's free pages, counted by others" \
    grep -q "^buddyinfo at end  *$(pages_of end)\$" "$work/counted/report.txt"
expect "  and how they changed" grep -q -e \
    "^change by buddyinfo  *$(($(pages_of end) - $(pages_of start)))\$" "$work/counted/report.txt"
expect "a report of the recorded allocator alone is drawn again" sh -c \
    'cp -r "$1/own" "$1/retold" && rm "$1/retold/report.txt" &&
    "$2" show --no-plots "$1/retold" && cmp "$1/own/report.txt" "$1/retold/report.txt"' - \
    "$work" "$replay"

# --- Tables ----------------------------------------------------------------------------------

# column FILE NAME: the sum of a column.
column() {
    awk -F, -v name="$2" '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next }
        { sum += $at }
        END { print sum + 0 }' "$1"
}
for name in whole pages pins; do
    dir=$work/$name
    expect "$name: sizes and powers of two count the same allocations" \
        test "$(column "$dir/sizes.csv" allocs)" -eq "$(column "$dir/sizes-by-power.csv" allocs)"
    freed=$(($(column "$dir/lifetimes.csv" freed) + $(column "$dir/lifetimes.csv" censored)))
    expect "$name: each object has one lifetime" \
        test "$freed" -eq "$(column "$dir/sizes.csv" allocs)"
    for table in "$dir"/*.csv; do
        grep -v '^#' "$table" | awk -F'","|",|,"|,' 'NR == 1 { n = NF } NF != n { print NR; exit 1 }' \
            >"$work/log" 2>&1
        nothing "  $(basename "$table") has as many fields in each line" "$work/log"
    done
done

# Of these, and no more, the picture has parts: what is older has no lifetime.
older=$work/older
expect "older: something has no lifetime" test "$(column "$older/sizes.csv" allocs)" -gt \
    $(($(column "$older/lifetimes.csv" freed) + $(column "$older/lifetimes.csv" censored)))
for name in whole older; do
    for part in objects bytes; do
        suffix=${part#objects}
        suffix=${suffix:+_$suffix}
        expect "$name: the $part of lifetimes.gp are 100 %" grep -qx "$part = $((
            $(column "$work/$name/lifetimes.csv" "freed$suffix") +
            $(column "$work/$name/lifetimes.csv" "censored$suffix"))).0 / 100" \
            "$work/$name/lifetimes.gp"
    done
done

# The kernel's text has microseconds.
expect "lifetimes below a clock's tick have a bar of their own" sh -c \
    'grep -q "clock_tick_ns. : 1000,$" "$1/report.json" && grep -q "\"< 1.0 us\" 8," "$1/lifetimes.gp" &&
    grep -q "^The trace.s clock ticks every 1.0 us" "$1/report.txt"' - "$work/whole"
run untimed "$mtrace"
expect "where a trace has no times, lifetimes are numbers of records" sh -c \
    'grep -q "untimed. : true,$" "$1/report.json" && grep -q "^Events .* without times, " "$1/report.txt" &&
    grep -q "gone after [0-9]* records, or when" "$1/report.txt" &&
    grep -q "lifetime in records" "$1/lifetimes.gp" && ! grep -q " [nu]s\"" "$1/lifetimes.gp"' - "$work/untimed"
expect "free blocks of all orders are listed" grep -q 'order_9,.*order_20$' "$work/whole/free-blocks.csv"
run wide --region=64M "$trace"
expect "  and those that occur are drawn" grep -q '"13 (32 MiB)" 13' "$work/wide/free-blocks.gp"

# --- The page --------------------------------------------------------------------------------

if have gnuplot; then
    "$replay" -q --curve -o "$work/drawn" "$trace"
else
    cp -R "$work/whole" "$work/drawn"
fi
page=$work/drawn/report.html
expect "report.html" grep -q '</html>' "$page"
# Names of formats are no addresses to be loaded.
sed 's,http://www.w3.org/[a-zA-Z0-9/]*,,g' "$page" |
    grep -n -o -i -E '(src|href|action|data)=.?[^#"'"' ]"'[^ ]*|https?://[^ ]*|url\([^#][^)]*|@import|<script' |
    grep -v -i "href=.data:image/png;base64" >"$work/log"
nothing "it refers to nothing outside itself" "$work/log"
if have python3; then
    expect "it is well formed, and no name stands twice" python3 - "$page" <<'PYTHON'
import sys
from html.parser import HTMLParser
EMPTY = {"meta", "br", "link", "img"}
class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.names, self.bad = [], set(), []
    def handle_starttag(self, tag, attrs):
        if tag not in EMPTY:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                if value in self.names:
                    self.bad.append("twice: " + value)
                self.names.add(value)
    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.open.pop()
    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.bad.append("at %s: </%s>" % (self.getpos(), tag))
page = Page()
page.feed(open(sys.argv[1], encoding="utf-8").read())
print(page.bad[:10], page.open)
sys.exit(1 if page.bad or page.open else 0)
PYTHON
else
    skip "it is well formed" "no python3"
fi
browser=
for name in chromium chromium-browser google-chrome; do
    if have $name; then browser=$name; fi
done
if [ -n "$browser" ] && HOME=$work timeout 120 "$browser" --headless --no-sandbox --disable-gpu \
    --dump-dom "file://$page" >"$work/dom" 2>/dev/null && [ -s "$work/dom" ]; then
    expect "a browser shows it from a file" grep -q '<ol class="findings">' "$work/dom"
else
    skip "a browser shows it from a file" "no Chromium that runs here"
fi
cp "$trace" "$work/a<b>&\"c.txt"
run awkward "$work/a<b>&\"c.txt"
expect "names are taken literally" grep -q '<h1>a&lt;b&gt;&amp;&quot;c.txt</h1>' \
    "$work/awkward/report.html"

# --- Made again ------------------------------------------------------------------------------

cp -R "$work/whole" "$work/again"
rm "$work/again/report.txt" "$work/again/report.html" "$work/again"/*.gp
expect "show" "$replay" show --no-plots "$work/again"
for file in report.txt report.html occupancy.gp page-map.gp curve.gp; do
    same "  $file is what it was" "$work/whole/$file" "$work/again/$file"
done
if have gnuplot; then
    expect "show --format=svg" "$replay" show --format=svg "$work/again"
    expect "  draws what it says" test -s "$work/again/page-map.svg" -a ! -e "$work/again/page-map.png"
    says 0 "pages in use" "show --term=dumb" "$replay" show --term=dumb "$work/again"
    says 0 "pages in use" "--term=dumb" "$replay" --no-plots --term=dumb -o "$work/again" "$trace"
    for name in one kept pages slabs pins frees placed; do
        says 0 "" "pictures of $name" "$replay" show "$work/$name"
        nothing "  gnuplot has nothing to say" "$work/log"
    done
else
    skip "pictures made again" "no gnuplot"
fi
says 2 "give the folder of one report" "show of nothing" "$replay" show
says 2 "give png, svg or png,svg" "show --format=jpeg" "$replay" show --format=jpeg "$work/again"
says 2 "give dumb" "show --term=sixel" "$replay" show --term=sixel "$work/again"
says 2 "give png, svg or png,svg" "--format=" "$replay" --format= -o "$work/bad" "$trace"
says 2 "auto or json" "--progress=bar" "$replay" --progress=bar -o "$work/bad" "$trace"
says 1 "name a folder that bsa-replay wrote" "show of a folder without a report" \
    "$replay" show "$srcdir"
echo '{"program": "other"}' >"$work/other.json"
says 1 "is not a report of bsa-replay" "show of other JSON" "$replay" show "$work/other.json"
echo '{' >"$work/broken.json"
says 1 "is no JSON" "show of half a file" "$replay" show "$work/broken.json"
sed 's/"schema" : [0-9]*/"schema" : 1/' "$work/whole/report.json" >"$work/old.json"
says 1 "has layout 1" "show of an older layout" "$replay" show "$work/old.json"

# --- Where other allocators were measured ----------------------------------------------------

expect "the null backend alone" run null --backend=null "$trace"
expect "  it has pictures of its own, and no report" test -s "$work/null/latency.gp" -a \
    -s "$work/null/memory.gp" -a ! -e "$work/null/report.txt" -a ! -e "$work/null/occupancy.gp"
expect "beside the library" run beside --schedule=causal --against=null "$trace"
expect "  both have pictures" test -s "$work/beside/latency.gp" -a -s "$work/beside/occupancy.gp"
expect "  the page has the table" grep -q "Beside other allocators" "$work/beside/report.html"
if have gnuplot; then
    for name in null beside; do
        says 0 "" "pictures of $name" "$replay" show "$work/$name"
        nothing "  gnuplot has nothing to say" "$work/log"
        expect "  latency.svg" grep -q "</svg>" "$work/$name/latency.svg"
    done
fi

# --- Comparisons -----------------------------------------------------------------------------

says 0 "nothing has changed" "diff of a report with itself" \
    "$replay" diff "$work/whole" "$work/whole/report.json"
run cpus --cpus=8 --cpu-map=round-robin "$trace"
says 0 "CPUs: A 3, B 8" "diff of two reports" "$replay" diff "$work/whole" "$work/cpus"
run fine --classes=fine --magazine=8 "$trace"
says 0 "size classes: A nine, B fine" "diff of two settings" "$replay" diff "$work/whole" "$work/fine"
"$replay" diff "$work/whole" "$work/fine" >"$work/said"
expect "  and both of them" grep -q "objects in a magazine: A default, B 8" "$work/said"
# An index near 0 may be a hundred times as much and still be nothing.
expect "  indices by their difference, to four places, bytes by their share" awk '
    /^  (unusable|internal|heap|max heap|mean heap)/ { ratios++; bad += $NF !~ /^[+-]?[0-9]+\.[0-9][0-9][0-9][0-9]$/
        difference = $(NF - 1) - $(NF - 2) - $NF; bad += difference > 0.0002 || difference < -0.0002 }
    /^  most bytes of pages/ { bytes += $NF == "%" }
    END { exit bad || ratios == 0 || bytes != 1 }' "$work/said"
# occupied DIR: the figure itself.
occupied() {
    sed -n 's/.*"peak_occupied_bytes" : \([0-9]*\).*/\1/p' "$1/report.json" | head -1
}
a=$(occupied "$work/whole")
b=$(occupied "$work/cpus")
expect "  the two differ" test "$a" -lt "$b"
# holds STATUS CONDITION
holds() {
    says "$1" "" "diff --fail-if '$2'" "$replay" diff "$work/whole" "$work/cpus" --fail-if "$2"
}
holds 1 "peak_occupied>+0"
holds 0 "peak_occupied>+$((b - a))"
holds 1 "peak_occupied >= +$((b - a))"
holds 1 "peak_occupied=$b"
holds 0 "peak_occupied!=$b"
holds 1 "peak_occupied>100%"
holds 0 "peak_occupied<100%"
holds 0 "peak_occupied>+900%"
holds 0 "peak_occupied<-1K"
holds 0 "peak_occupied>1T"
holds 0 "failed>0"
holds 1 "failed<=0"
says 1 "failed<=0 holds" "the one of several that holds" \
    "$replay" diff "$work/whole" "$work/cpus" --fail-if "failed>0" --fail-if "failed<=0"
says 1 "report B has no smallest_region" "a figure that is not there" \
    "$replay" diff "$work/whole" "$work/cpus" --fail-if "smallest_region>+1%"
says 2 "is it peak_occupied, internal_peak or peak_requested?" "an unknown figure" \
    "$replay" diff "$work/whole" "$work/cpus" --fail-if "peak>+1%"
for condition in "peak_occupied" "peak_occupied+5%" "peak_occupied>" "peak_occupied>+" \
    "peak_occupied>>5" "peak_occupied=>5" "peak_occupied>5X" "peak_occupied>5%5" "peak_occupied<>1"; do
    says 2 "--fail-if '$condition'" "'$condition'" \
        "$replay" diff "$work/whole" "$work/cpus" --fail-if "$condition"
done
"$replay" diff --help >"$work/log" 2>&1
expect "diff --help: its own usage, and a line for each figure" test \
    "$(grep -c '^  peak_occupied  *most bytes of pages\|^  bsa-replay diff .OPTION' "$work/log")" -eq 2
says 1 "null has no report: it is of other allocators alone" "diff with a table of allocators" \
    "$replay" diff "$work/whole" "$work/null"
says 2 "give two reports" "diff of one" "$replay" diff "$work/whole"
says 1 "name a folder" "diff with nothing" "$replay" diff "$work/whole" "$work/missing"
if have python3; then
    "$replay" diff --json "$work/whole" "$work/cpus" --fail-if "failed>0" >"$work/diff.json" 2>&1
    expect "diff --json" python3 - "$work/diff.json" "$a" "$b" <<'PYTHON'
import json, sys
diff = json.load(open(sys.argv[1]))
weights = [figure["weight"] for figure in diff["figures"]]
occupied = [figure for figure in diff["figures"] if figure["key"] == "peak_occupied"][0]
assert weights == sorted(weights, reverse=True), weights
assert (occupied["a"], occupied["b"]) == (float(sys.argv[2]), float(sys.argv[3])), occupied
assert occupied["verdict"] == "worse", occupied
assert diff["conditions"] == [{"fail_if": "failed>0", "holds": False}], diff["conditions"]
PYTHON
else
    skip "diff --json" "no python3"
fi

# --- Progress --------------------------------------------------------------------------------

"$replay" --no-plots --progress=json -o "$work/progress" "$trace" >/dev/null 2>"$work/log"
if have python3; then
    expect "--progress=json is lines of JSON" python3 - "$work/log" <<'PYTHON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert [(line["stage"], line["state"]) for line in lines if line["state"] != "runs"] == [
    ("reading", "begins"), ("reading", "ends"), ("replaying", "begins"), ("replaying", "ends")], lines
PYTHON
else
    skip "--progress=json is lines of JSON" "no python3"
fi

done_testing
