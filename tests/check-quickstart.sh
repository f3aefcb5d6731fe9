#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ./quickstart, in a tree and on a machine that are made up: what it installs, runs and says, and that a
# second run goes on where the first one ended. Nothing is installed or built.
# shellcheck disable=SC2016 # what stands in single quotes is for the commands that are made up
BSA_SRCDIR=${BSA_SRCDIR:-$(cd "$(dirname "$0")/.." && pwd)}
. "$BSA_SRCDIR/tests/check-lib.sh"

tree=$work/tree
bin=$work/bin       # all that there is in PATH
store=$work/store   # commands that are installed when apt-get is asked for them
did=$work/did       # what was run
modules=$work/modules
export did modules bin store tree
unset CC # quickstart would look for this one

# program FOLDER NAME: a command, from standard input, that notes its call.
program() {
    {
        printf '#!%s\n' "$(command -v sh)"
        printf 'echo "%s $*" >>"$did"\n' "$2"
        cat
    } >"$1/$2"
    chmod +x "$1/$2"
}

# machine: one with a base system, a network and nothing else. Its user is root.
machine() {
    rm -rf "$bin" "$store" "$modules"
    mkdir "$bin" "$store"
    : >"$modules"
    for name in cat chmod dirname env grep mkdir rm sh touch; do
        ln -s "$(command -v $name)" "$bin/$name"
    done
    echo 'echo 0' | program "$bin" id
    echo 'echo 3' | program "$bin" getconf
    # What was installed into /usr/lib.
    echo 'grep -F "$4" "$modules"' | program "$bin" find
    program "$bin" apt-get <<'END'
case $* in *update) exit "${update_status:-0}" ;; esac
[ -z "${broken_packages:-}" ] || exit 100
shift 6
for package; do
    case $package in
    gcc) set -- cc ;;
    libc6-dev) echo stdio.h >>"$modules" ;;
    make | autoconf | automake | pkg-config) set -- $package ;;
    libtool) set -- libtoolize ;;
    gnuplot-nox) set -- gnuplot ;;
    check) echo check >>"$modules" ;;
    libglib2.0-dev) echo gio-2.0 >>"$modules" ;;
    libjson-glib-dev) echo json-glib-1.0 >>"$modules" ;;
    libtcmalloc-minimal4) echo libtcmalloc_minimal.so.4 >>"$modules" ;;
    libjemalloc2) echo libjemalloc.so.2 >>"$modules" ;;
    libmimalloc-dev) echo 'libmimalloc.so.[23]' >>"$modules" ;;
    lib*-dev) package=${package#lib} && echo "lib${package%-dev}" >>"$modules" ;;
    *) exit 100 ;;
    esac
    if [ -e "$store/$1" ] && [ "$1" != "${withheld:-}" ]; then
        cat "$store/$1" >"$bin/$1" && chmod +x "$bin/$1"
    fi
done
END
    echo 'grep -q stdio.h "$modules"' | program "$store" cc
    echo '[ "$1" = --exists ] && grep -qx -e "$2" "$modules"' | program "$store" pkg-config
    for name in autoconf automake libtoolize gnuplot; do
        : | program "$store" $name
    done
    program "$store" make <<'END'
mkdir -p "$tree/build/cli"
if [ -z "${without_replay:-}" ]; then
    cat "$store/bsa-replay" >"$tree/build/cli/bsa-replay" && chmod +x "$tree/build/cli/bsa-replay"
fi
case $* in *check | *bench) exit "${make_status:-0}" ;; esac
END
    program "$store" bsa-replay <<'END'
mkdir -p "$tree/build/quickstart-report"
[ -n "${without_pictures:-}" ] || touch "$tree/build/quickstart-report/occupancy.png"
END
}

# checkout: a tree as a clone has it.
checkout() {
    rm -rf "$tree"
    mkdir -p "$tree/traces"
    cp "$srcdir/quickstart" "$tree/quickstart"
    : >"$tree/traces/one.zst"
    program "$tree" autogen.sh <<'END'
cat "$store/configure" >configure && chmod +x configure && touch Makefile.in
END
    echo 'touch libtool' | program "$store" configure
}

# quick STATUS WORDS NAME [WORD...]: a run with nothing to be asked, and what it says.
quick() {
    quick_status=$1
    quick_words=$2
    quick_name=$3
    shift 3
    : >"$did"
    says "$quick_status" "$quick_words" "$quick_name" env PATH="$bin" "$tree/quickstart" "$@"
}

# ran NAME: what the last run has run, but for questions, is what standard input has.
ran() {
    cat >"$work/expected"
    grep -v -e '^pkg-config ' -e '^id ' -e '^getconf ' -e '^find ' -e '^cc ' "$did" >"$work/ran"
    same "$1" "$work/ran" "$work/expected"
}

# Words -------------------------------------------------------------------------------------------

machine
checkout
quick 0 "usage: ./quickstart" "--help" --help
quick 2 "unknown word 'chekc'" "an unknown word" chekc
quick 2 "one word at most, and there is 'bench' after 'check'" "two words" check bench
ran "and nothing is done" </dev/null

# From nothing to pictures ------------------------------------------------------------------------

packages="gcc libc6-dev make autoconf automake libtool pkg-config check libglib2.0-dev libjson-glib-dev"
packages="$packages libzstd-dev libxxhash-dev libtracefs-dev libtraceevent-dev gnuplot-nox"
apt="apt-get -o DPkg::Lock::Timeout=600 -q"
build_and_replay="make -C build -j3
bsa-replay --cpus=4 --cpu-map=thread --find-min-region --curve -o build/quickstart-report traces/one.zst"

quick 0 "build/quickstart-report/occupancy.png" "a base system: the pictures are named"
ran "all is installed, configured, built and run" <<END
$apt update
$apt install -y --no-install-recommends $packages
autogen.sh 
configure 
$build_and_replay
END
quick 0 "Everything that is needed is here" "a second run"
ran "only builds what has changed, and runs" <<END
$build_and_replay
END
rm "$bin/gnuplot"
quick 0 "Installing gnuplot-nox" "something went missing"
ran "it is installed, and configure looks again" <<END
$apt update
$apt install -y --no-install-recommends gnuplot-nox
configure 
$build_and_replay
END

# A run that was cut off
rm "$tree/build/libtool" "$tree/Makefile.in"
quick 0 "Making configure" "after a run that was cut off"
ran "what is not whole is made again" <<END
autogen.sh 
configure 
$build_and_replay
END

# Other words -------------------------------------------------------------------------------------

quick 0 "Testing" "check" check
ran "the tests are run" <<END
make -C build -j3
make -C build -j3 check
END
make_status=2
export make_status
quick 1 "tests failed; build/test-suite.log has" "tests that fail" check
unset make_status
quick 0 "Installing libtcmalloc-minimal4 libjemalloc2 libmimalloc-dev" "bench" bench
ran "other allocators are installed, and all measured" <<END
$apt update
$apt install -y --no-install-recommends libtcmalloc-minimal4 libjemalloc2 libmimalloc-dev
configure 
make -C build -j3
make -C build bench
END

# A release has configure -------------------------------------------------------------------------

machine
checkout
(cd "$tree" && did=/dev/null ./autogen.sh)
quick 0 "occupancy.png" "a release"
ran "needs no autotools" <<END
$apt update
$apt install -y --no-install-recommends $(echo "$packages" | sed 's/autoconf automake libtool //')
configure 
$build_and_replay
END

# Where it cannot install -------------------------------------------------------------------------

machine
checkout
echo 'echo 1000' | program "$bin" id
quick 1 "Ask somebody who is root to run" "neither root nor sudo"
cp "$work/log" "$work/said"
ran "nothing is tried" </dev/null
says 0 "    apt-get install $packages" "the packages are named" cat "$work/said"
echo 'shift && exec "$@"' | program "$bin" sudo
quick 0 "occupancy.png" "sudo without a terminal"
grep '^sudo' "$did" >"$work/sudo"
says 0 "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get -o" "asks for no password" cat "$work/sudo"

machine
checkout
rm "$bin/apt-get"
quick 1 "There is no apt-get here: install what corresponds to them" "no apt-get"
cp "$work/log" "$work/said"
says 0 "packages are missing: $packages" "the packages are named" cat "$work/said"

machine
checkout
update_status=100
export update_status
quick 0 "apt-get update failed; trying with the package lists that are here" "no update"
unset update_status

machine
checkout
broken_packages=yes
export broken_packages
quick 1 "apt-get could not install $packages" "packages that cannot be installed"
unset broken_packages
quick 0 "Installing $packages" "the next run tries again"

machine
checkout
withheld=libtoolize
export withheld
quick 1 "but this is still missing: libtool" "installed, and still missing"
unset withheld

# A tree or build that is not whole ---------------------------------------------------------------

machine
checkout
quick 0 "occupancy.png" "a tree"
rm "$tree/build/quickstart-report/occupancy.png"
without_pictures=yes
export without_pictures
quick 1 "no picture in build/quickstart-report" "no picture"
unset without_pictures
rm "$tree/traces/one.zst"
quick 1 "no trace in ./traces: is this checkout complete?" "no trace"
rm "$tree/build/cli/bsa-replay"
without_replay=yes
export without_replay
quick 1 "configured without bsa-replay; remove that folder" "a build without programs"
unset without_replay
chmod -w "$tree"
if [ -w "$tree" ]; then
    skip "status 1: a folder that cannot be written" "this user may write everywhere"
else
    quick 1 "cannot be written, and ./build is to be made there" "a folder that cannot be written"
fi
chmod +w "$tree"

done_testing
