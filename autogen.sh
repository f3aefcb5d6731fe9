#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes configure and Makefile.in in a checkout; a release tarball has them.
set -e
cd "$(dirname "$0")"
for tool in autoconf automake libtoolize pkg-config; do
    if ! command -v $tool >/dev/null 2>&1; then
        echo "autogen.sh: $tool is not here. On Debian:" >&2
        echo "    apt-get install autoconf automake libtool pkg-config" >&2
        exit 1
    fi
done
autoreconf --install --force
