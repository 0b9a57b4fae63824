#!/bin/sh
# Prints the packages of the shared libraries that the programs below a directory need, with commas between.
set -eu
find "$1/usr/bin" "$1/usr/libexec" -type f -exec sh -c '
  for i; do ldd "$i" 2>/dev/null; done' sh {} + | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | sort -u | while read -r library; do
  dpkg-query -S "$(readlink -f "$library")" 2>/dev/null || dpkg-query -S "$(readlink -f "$library" | sed 's,^/usr,,')"
done | cut -d : -f 1 | sort -u | paste -sd , | sed 's/,/, /g'
