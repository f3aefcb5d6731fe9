# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034 # variables are for the scripts that source this
# Sourced by the check-*.sh of bsa-replay: the program, a trace, and a run.

. "$BSA_SRCDIR/tests/check-lib.sh"

replay=${BSA_REPLAY:-$builddir/cli/bsa-replay}
trace=$srcdir/tests/cli/data/good-kmem.txt
if [ ! -x "$replay" ]; then
    skip "bsa-replay" "not built; set BSA_REPLAY to try one"
    done_testing
fi

# run DIR OPTION...: a quiet replay without pictures.
run() {
    run_dir=$1
    shift
    "$replay" --quiet --no-plots -o "$work/$run_dir" "$@"
}

# ending_gnuplot SCRIPT: in $work/bin, one that draws, but sends SIGTERM to who has this one drawn.
ending_gnuplot() {
    mkdir -p "$work/bin"
    cat >"$work/bin/gnuplot" <<END
#!/bin/sh
case "\$*" in *$1) kill -TERM \$PPID ;; esac
exec $(command -v gnuplot) "\$@"
END
    chmod +x "$work/bin/gnuplot"
}
