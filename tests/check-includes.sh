#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every include in the tree goes in a direction that tests/include-rules.txt allows.
. "$(dirname "$0")/check-lib.sh"

rules=$srcdir/tests/include-rules.txt

# FILE LINE TARGET for every include; the target is a path in the tree, or a header in <>.
(cd "$srcdir" && find include lib malloc cli tests bench -name '*.[ch]' | sort) >"$work/files"
while read -r file; do
    sed -n -E 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*(<[^>]*>|"[^"]*").*/\1/p' \
        "$srcdir/$file" | while read -r header; do
        name=${header#?}
        name=${name%?}
        target=$header
        case $header in
        \"*) roots="$(dirname "$file") lib cli tests bench bench/workloads include" ;;
        *) roots=include ;;
        esac
        for root in $roots; do
            if [ -e "$srcdir/$root/$name" ]; then
                # The path without its dots: folder and name.
                target=$(cd "$srcdir/$root/$(dirname "$name")" && pwd -P)/$(basename "$name")
                target=${target#"$(cd "$srcdir" && pwd -P)"/}
                break
            fi
        done
        echo "$file $target"
    done
done <"$work/files" >"$work/includes"

# One line for each rule that has files: RULE, then what breaks it.
awk '
    function rule_of(path,    best, folder) {
        best = ""
        for (folder in allowed)
            if (index(path, folder "/") == 1 && length(folder) > length(best))
                best = folder
        return best
    }
    function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }
    FILENAME == ARGV[1] {
        if (/^@[a-z]+ = /) { name = $1; sub(/^[^=]*= /, ""); set[name] = $0; next }
        if (/^#/ || !/:/) next
        folder = $1; sub(/:$/, "", folder)
        sub(/^[^:]*:/, "")
        for (name in set) gsub(name, set[name])
        allowed[folder] = " " $0 " "
        next
    }
    FILENAME == ARGV[2] {
        rule = rule_of($1)
        if (rule == "") print "none - " $1 ": no rule is for its folder"
        else if (!(rule in seen)) { seen[rule] = 1; print "rule " rule }
        next
    }
    {
        rule = rule_of($1)
        if (rule == "" || folder_of($1) == folder_of($2)) next
        if (substr($2, 1, 1) == "\"") { print "bad " rule " " $1 ": no such file " $2; next }
        if (substr($2, 1, 1) == "<")
            fine = index(allowed[rule], " <*> ") || index(allowed[rule], " " $2 " ")
        else
            fine = index(allowed[rule], " " folder_of($2) " ")
        if (!fine) print "bad " rule " " $1 ": may not include " $2
    }
' "$rules" "$work/files" "$work/includes" >"$work/verdict"

grep '^none ' "$work/verdict" >"$work/none"
nothing "every source has a rule" "$work/none"
sed -n 's/^rule //p' "$work/verdict" | sort >"$work/rules"
while read -r rule; do
    sed -n "s,^bad $rule ,,p" "$work/verdict" >"$work/bad"
    nothing "$rule includes what it may" "$work/bad"
done <"$work/rules"

done_testing
