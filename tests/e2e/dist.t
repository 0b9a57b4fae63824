#!/bin/sh
# make dist: a tarball that builds and lints without git.
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.." || exit 111
git rev-parse --verify -q HEAD >/dev/null 2>&1 || skip_all "no git here"

export MAKEFLAGS=''
try "it is made" make -s dist B="$T/made"
tar -xzf "$T"/made/*.tar.gz -C "$T" || exit 111
cd "$T"/mailctl-* || exit 111
export GIT_CEILING_DIRECTORIES="$T"
is "$(ls)" "$(printf '%s\n' CHANGELOG.md CONTRIBUTING.md GNUmakefile LICENSE README.md SECURITY.md compile_flags.txt ctl doc examples runlib services tests)" \
  "what one expects at its root"
sources=$(tests/tools/sources.sh c h)
like "$(echo "$sources" | wc -l)" '^[0-9]{3,}$' "its sources are found without git"
try "who includes whom is looked at" make -s includes
try "it builds" make -s B="$T/b" CFLAGS=-O0 "$T/b/libexec/mailctl/started" "$T/b/libexec/mailctl/smtpd" "$T/b/tests/unit/utf8"
try "and tests" "$T/b/tests/unit/utf8"
finish
