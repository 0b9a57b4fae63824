#!/bin/sh
# shellcheck disable=SC2015,SC2119
# The client as a library: the example of rater(3), built as its manual says, against what the build would install.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rater-lib.sh"

command -v cc >/dev/null && command -v pkg-config >/dev/null || skip_all 'no cc or no pkg-config'
# A library for AddressSanitizer wants programs with its run-time, from the compiler that built it.
cc=cc
nm -D "$B/lib/librater.so.0" 2>/dev/null | grep -q __asan && cc='clang -fsanitize=address,undefined'
PKG_CONFIG_PATH=$B/lib/pkgconfig
export PKG_CONFIG_PATH

# From `#include <rater.h>` to the end of the literal block.
sed -n '/^#include <rater.h>/,/^\.Ed/p' "$(dirname "$0")/../../doc/rater.3" |
  sed "/^\.Ed/d; s/127\.0\.0\.1:1999/$A/; s/, 500, /, 60000, /" >"$T/example.c"
flags=$(pkg-config --cflags --libs rater)
# shellcheck disable=SC2086 # several flags
try 'the example builds' $cc -Wall -Wextra -Werror -o "$T/example" "$T/example.c" $flags
like "$(ldd "$T/example")" 'librater.so.0' 'with the shared library'
# shellcheck disable=SC2086
try 'and with the archive' $cc -o "$T/static" "$T/example.c" -I"$B/include" "$B/lib/librater.a"
is "$(nm -D --defined-only "$B/lib/librater.so.0" | awk '{ print $3 }' | grep -v '^_' | sort | tr '\n' ' ')" \
  'rater_ask rater_ask_kept rater_close rater_exchange rater_undo ' 'the library defines what the manual says'
is "$(readelf -d "$B/lib/librater.so.0" | grep -c NEEDED)" 1 'and needs the C library alone'

echo 'logins * 2/1h' >"$T/rules"
start
LD_LIBRARY_PATH=$B/lib
export LD_LIBRARY_PATH
exits 0 'fine' "$T/example"
exits 0 'fine again' "$T/static"
exits 1 'too often' "$T/example"
is "$(cat "$T/out")" 'too often' 'and says so'
stop
exits 0 'raterd is away' "$T/example"
like "$(cat "$T/err")" '^raterd: Connection refused' 'and it says so'
finish
