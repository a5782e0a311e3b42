#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs into .cache/schemas what the tests hold citations and data packages
# to, at the versions of paper/schemas/package-lock.json: 36 MB. Does nothing
# where that is there. With --check it only says whether it is.
set -eu
cd "$(dirname "$0")/.."
at=.cache/schemas
if cmp -s paper/schemas/package-lock.json $at/package-lock.json && [ -e $at/whole ]; then exit 0; fi
if [ "${1:-}" = --check ]; then exit 1; fi
mkdir -p $at
rm -f $at/whole
cp paper/schemas/package.json paper/schemas/package-lock.json $at/
(cd $at && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
touch $at/whole
