#!/bin/sh
# doc/architecture.md is the map: each file that it names is there, and each source of ctl/ is on it.
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 111
map=doc/architecture.md

# Names as they stand there: ctl/live.c, snapshot*.c, services/*/service.c
grep -oE '[A-Za-z0-9_*/-]+\.(c|h|md|txt|sh)([^a-z]|$)' "$map" | sed 's/[^a-z]$//' | sort -u >"$T/names"
is "$(test "$(wc -l <"$T/names")" -gt 40 && echo many)" many "the map has names"
set --
while read -r name; do
  case $name in
    *NAME* | *-internal.h) continue ;; # which stand for others
  esac
  found=
  for i in "$name" "ctl/$name" "services/$name" "doc/$name" "examples/$name" services/*/"$name" "tests/$name"; do
    for j in $i; do test -e "$j" && found=1; done
  done
  test "$found" || set -- "$@" "$name"
done <"$T/names"
is "$*" "" "each of them is there"

set --
for file in ctl/*.c; do
  known=
  while read -r name; do
    # shellcheck disable=SC2254 # it is a pattern
    case ${file#ctl/} in ${name#ctl/}) known=1 ;; esac
  done <"$T/names"
  test "$known" || set -- "$@" "$file"
done
is "$*" "" "each source of ctl/ is on it"

set --
for folder in tests/*/; do
  name=${folder#tests/}
  grep -Fq "$name" "$map" || set -- "$@" "$folder"
done
is "$*" "" "and each folder of tests/"

set --
for i in $(grep -ohE '(^|[ (`])(doc|examples)/[a-z0-9/-]+\.[a-z]+' README.md doc/operating.md doc/plugins.md | tr -d ' (`' | sort -u); do
  test -e "$i" || set -- "$@" "$i"
done
is "$*" "" "the files that the other guides name are there"
finish
