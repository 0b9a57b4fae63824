#!/bin/sh
# End-to-end tests with daemons in valgrind:
#
#   tests/tools/memcheck.sh BUILD PROGRAM[,PROGRAM]... TEST...
#
# BUILD is one that links dynamically and confines no process by system calls (make memcheck has it made). Each
# PROGRAM of libexec/mailctl becomes a script there that runs it in valgrind; what valgrind says of any process of
# theirs is shown, and is a failure. Leaks are the units' matter: these programs end without freeing.
set -eu
build=$(cd "$1" && pwd)
programs=$(echo "$2" | tr , ' ')
shift 2
prefix=$(mktemp -d /tmp/mailctl-memcheck.XXXXXX)
trap 'rm -rf "$prefix"' EXIT
trap 'exit 130' HUP INT PIPE TERM
chmod 755 "$prefix"
mkdir "$prefix/reports" "$prefix/real"
chmod 1777 "$prefix/reports"
cp -a "$build/bin" "$build/libexec" "$build/tests" "$prefix"

for i in $programs; do
  mv "$prefix/libexec/mailctl/$i" "$prefix/real/$i"
  cat >"$prefix/libexec/mailctl/$i" <<END
#!/bin/sh
exec valgrind -q --vgdb=no --child-silent-after-fork=no --log-fd=9 $prefix/real/$i "\$@" 9>$prefix/reports/$i.\$\$
END
  chmod 755 "$prefix/libexec/mailctl/$i"
done

status=0
MEMCHECK=1 PATIENCE=10 MAILCTL_BUILD=$prefix prove --timer "$@" || status=1
find "$prefix/reports" -type f | grep -q . || { echo "nothing ran in valgrind: $programs" >&2; status=1; }
find "$prefix/reports" -type f -size +0 -exec cat {} + | grep . && status=1
exit "$status"
