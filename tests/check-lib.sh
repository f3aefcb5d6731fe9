# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034 # variables are for the scripts that source this
# Sourced by the check-*.sh: TAP lines, and where the tree is. They run by make check, or by hand.

set -u
LC_ALL=C
export LC_ALL

srcdir=${BSA_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
builddir=${BSA_BUILDDIR:-}
CC=${CC:-cc}
NM=${NM:-nm}
tap_count=0
tap_failed=0

# A folder of this run's own, gone when it ends.
work=$(mktemp -d "${TMPDIR:-/tmp}/buddyslab-check.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

have() {
    command -v "$1" >/dev/null 2>&1
}

ok() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1"
}

# not_ok NAME [FILE]: the file says why.
not_ok() {
    tap_count=$((tap_count + 1))
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
    if [ $# -gt 1 ]; then
        sed 's/^/# /' "$2"
    fi
}

skip() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

# expect NAME COMMAND...: the command succeeds; what it printed says why not.
expect() {
    expect_name=$1
    shift
    if "$@" >"$work/expect.log" 2>&1; then
        ok "$expect_name"
    else
        not_ok "$expect_name" "$work/expect.log"
    fi
}

# same NAME FILE FILE: the two lists are equal.
same() {
    expect "$1" diff -u "$2" "$3"
}

# nothing NAME FILE: the list of complaints is empty.
nothing() {
    if [ -s "$2" ]; then
        not_ok "$1" "$2"
    else
        ok "$1"
    fi
}

# Can follows_schema be asked?
has_jsonschema() {
    have python3 && python3 -c 'import jsonschema' 2>/dev/null
}

# follows_schema SCHEMA FILE: is the JSON file as the schema says? For python3 with jsonschema.
follows_schema() {
    python3 - "$1" "$2" <<'PYTHON'
import json, sys
from jsonschema import Draft202012Validator as Validator
schema = json.load(open(sys.argv[1]))
Validator.check_schema(schema)
errors = list(Validator(schema).iter_errors(json.load(open(sys.argv[2]))))
for error in errors:
    print("/".join(map(str, error.path)), error.message[:300])
sys.exit(1 if errors else 0)
PYTHON
}

# describes_all SCHEMA: does it say of each member what it is?
describes_all() {
    python3 - "$1" <<'PYTHON'
import json, sys
bare = []
def look(node, path):
    for name, value in node.get("properties", {}).items():
        if "description" not in value and "$ref" not in value:
            bare.append(path + "/" + name)
        look(value, path + "/" + name)
    if isinstance(node.get("items"), dict):
        look(node["items"], path)
schema = json.load(open(sys.argv[1]))
look(schema, "")
for name, value in schema["$defs"].items():
    if "description" not in value:
        bare.append(name)
    look(value, name)
print("\n".join(bare))
sys.exit(1 if bare else 0)
PYTHON
}

# says STATUS WORDS NAME COMMAND...: ends with the status and prints the words, to $work/log.
says() {
    says_status=$1
    says_words=$2
    says_name=$3
    shift 3
    "$@" >"$work/log" 2>&1 </dev/null
    says_got=$?
    if [ "$says_got" -eq "$says_status" ] &&
        { [ -z "$says_words" ] || grep -qF -- "$says_words" "$work/log"; }; then
        ok "status $says_status: $says_name"
    else
        echo "status $says_got, wanted $says_status and '$says_words'" >>"$work/log"
        not_ok "status $says_status: $says_name" "$work/log"
    fi
}

done_testing() {
    echo "1..$tap_count"
    [ "$tap_failed" -eq 0 ]
    exit
}

# Names of the functions that the public headers declare with BSA_API, one a line, sorted. A
# declaration may go over lines; comments and the macro's own definition are left out.
declared_functions() {
    cat "$srcdir"/include/buddyslab/*.h |
        sed -e '/^#/d' -e 's,/\*.*\*/,,' |
        awk '/\/\*/ { comment = 1 }
             !comment { text = text " " $0 }
             /\*\// { comment = 0 }
             END { print text }' |
        tr ';' '\n' |
        sed -n 's/.*BSA_API[^(]*[^a-z0-9_(]\(bsa_[a-z0-9_]*\)(.*/\1/p' |
        sort -u
}

# Sources of lib/, relative to the tree, sorted.
lib_sources() {
    (cd "$srcdir" && find lib -name '*.c' | sort)
}
