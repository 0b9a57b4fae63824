#!/bin/sh
# doc/architecture.md is the map: each file that it names is there, and each directory of ctl/ and tests/ is on it. The
# tests that doc/security.md names are there as well.
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 111
map=doc/architecture.md

# Names as they stand there: ctl/plan/plan.c, live.c, services/*/service.c
grep -oE '[A-Za-z0-9_*/-]+\.(c|h|md|txt|sh)([^a-z]|$)' "$map" | sed 's/[^a-z]$//' | sort -u >"$T/names"
is "$(test "$(wc -l <"$T/names")" -gt 25 && echo many)" many "the map has names"
set --
while read -r name; do
  case $name in
    *NAME* | *-internal.h) continue ;; # which stand for others
  esac
  found=
  for i in "$name" "ctl/$name" ctl/*/"$name" "services/$name" "doc/$name" "examples/$name" services/*/"$name" "tests/$name"; do
    for j in $i; do test -e "$j" && found=1; done
  done
  test "$found" || set -- "$@" "$name"
done <"$T/names"
is "$*" "" "each of them is there"

set --
for directory in ctl/*/; do
  grep -Fq "$directory" "$map" || set -- "$@" "$directory"
done
for directory in tests/*/; do
  grep -Fq "${directory#tests/}" "$map" || set -- "$@" "$directory"
done
is "$*" "" "and each directory of ctl/ and tests/"

set --
for i in $(grep -ohE '(^|[ (`])(doc|examples)/[a-z0-9/-]+\.[a-z]+' README.md doc/operating.md doc/plugins.md | tr -d ' (`' | sort -u); do
  test -e "$i" || set -- "$@" "$i"
done
is "$*" "" "the files that the other guides name are there"

# doc/security.md: its first table, a row for each who may be taken over; its last column names the tests
sed -n '/^| taken over/,/^$/p' doc/security.md | sed '1,2d; /^$/d' >"$T/rows"
test "$(grep -c . "$T/rows")" -gt 10
ok $? "the table of who may be taken over has rows"
is "$(awk -F ' *[|] *' 'NF != 7 || $6 !~ /\.t/' "$T/rows")" "" "each names its tests"
set --
for i in $(grep -oE '[a-z-]+\.t( |,)' "$T/rows" | tr -d ' ,' | sort -u); do test -e "tests/e2e/$i" || set -- "$@" "$i"; done
is "$*" "" "which are there"
finish
