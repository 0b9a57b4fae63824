#!/bin/sh
# Names the project's files with these endings, below this directory: as git knows them, or, in an unpacked tarball, all
# that are there but what was built.
set -eu
for i in "$@"; do
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1 && git ls-files --error-unmatch GNUmakefile >/dev/null 2>&1; then
    git ls-files "*.$i"
  else
    find . -path ./build -prune -o -name "*.$i" -type f -print | sed 's,^\./,,'
  fi
done
