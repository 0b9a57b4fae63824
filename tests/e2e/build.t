#!/bin/sh
# The build says what it misses, and does nothing when there is nothing to do.
. "$(dirname "$0")/lib.sh"

cd "$(dirname "$0")/../.." || exit 111
builds() { MAKEFLAGS='' make -s B="$T/build" "$@"; }

exits 2 "a missing header stops it" builds needs HEADERS='no-such.h:libnothing-dev stdio.h:libc6-dev'
is "$(grep -c . "$T/err")" 2 "with one line, and make's own"
like "$(cat "$T/err")" '^missing header no-such.h: install the package libnothing-dev' "that names the package"
exits 2 "a missing compiler stops it" builds needs CC=no-such-cc
like "$(cat "$T/err")" '^missing program no-such-cc: install the package' "and is named"
exits 0 "headers elsewhere are found by the compiler" builds needs include-folders=
exits 0 "make help" builds help
for target in $(sed -n "s/.*echo 'make \([a-z-]*\)  .*/\1/p" GNUmakefile); do
  grep -Eq "^(\.PHONY:.* )?$target( |:|\$)" GNUmakefile
  ok $? "make $target, which help shows, exists"
done
is "$(find "$T" -path "$T/build/*" | wc -l)" 0 "none of it built anything"
finish
