#!/bin/sh
# Whether programs have the protections that doc/security.md says they have: hardening.sh FLAGS PROGRAM...
# FLAGS: what gcc was told for each source file; its debug information (-g) repeats that beside the language, which is
# C11 in our sources alone. Each protection that a program lacks is a line, and 1 the exit status.
set -eu
flags=$1
shift
bad=0
lacks() {
  echo "$program: $1"
  bad=1
}
for program; do
  head=$(readelf -hldW "$program")
  has() { printf '%s\n' "$head" | grep -Eq "$1"; }
  # musl has neither RELRO for static programs nor FORTIFY (GNUmakefile)
  if has 'INTERP' || grep -q GLIBC_TUNABLES "$program"; then musl=false; else musl=true; fi

  has 'FLAGS_1.* PIE' || lacks "not position-independent"
  has 'GNU_STACK.* RW ' || lacks "an executable stack"
  ! has 'LOAD.* RWE ' || lacks "a segment that is writable and executable"
  ! has '\((RPATH|RUNPATH)\)' || lacks "libraries from a path of its own"
  if ! $musl; then
    has 'GNU_RELRO' || lacks "no RELRO"
    has 'FLAGS.* (BIND_NOW|NOW)' || lacks "no immediate binding"
    # glibc linked statically brings those of memory along
    nm "$program" | grep -E ' __[a-z_]+_chk(@|$)' | grep -Evq ' __(mem|stack)' || lacks "no FORTIFY"
  fi
  nm "$program" | grep -q '__stack_chk_fail' || lacks "no stack protector"
  ours=$(readelf -p .debug_str "$program" 2>/dev/null | grep ' GNU C11 ') || lacks "no word of gcc's of how it was compiled"
  for flag in $flags; do
    ! printf '%s\n' "$ours" | grep -v -e " $flag " | grep -q . || lacks "a part of it was compiled without $flag"
  done
done
exit $bad
