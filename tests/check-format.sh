#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tree looks as .clang-format says. To make it so:
#   find include lib malloc cli tests bench -name '*.[ch]' | xargs clang-format -i
. "$(dirname "$0")/check-lib.sh"

# Other versions lay out some lines differently.
formatter=
for candidate in clang-format-14 clang-format; do
    if have "$candidate" && "$candidate" --version | grep -q 'version 14\.'; then
        formatter=$candidate
        break
    fi
done

for folder in include lib malloc cli tests bench; do
    (cd "$srcdir" && find "$folder" -name '*.[ch]' | sort) >"$work/files"
    if [ ! -s "$work/files" ]; then
        continue
    fi
    if [ -z "$formatter" ]; then
        skip "$folder is laid out as .clang-format says" "no clang-format 14"
        continue
    fi
    : >"$work/log"
    if ! (cd "$srcdir" && xargs "$formatter" --style=file --dry-run -Werror <"$work/files") \
        >"$work/all" 2>&1; then
        # The places alone, if that is what it says; the lines themselves are in the files.
        grep ' error: ' "$work/all" >"$work/log" || cp "$work/all" "$work/log"
    fi
    nothing "$folder is laid out as .clang-format says" "$work/log"
done

(cd "$srcdir" && find include lib malloc cli tests bench -name '*.[ch]' -exec grep -L \
    '^/\* SPDX-License-Identifier: Apache-2\.0 \*/' {} +) >"$work/log"
nothing "every source names its licence" "$work/log"

done_testing
