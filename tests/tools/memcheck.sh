#!/bin/sh
# End-to-end tests with every daemon, plugin and queue program in valgrind:
#
#   tests/tools/memcheck.sh BUILD TEST...
#
# BUILD is one that links dynamically and confines no process by system calls (make memcheck has it made). Each
# program of libexec/mailctl becomes a script there that runs it in valgrind; what
# valgrind says of any process of theirs is shown, and is a failure. Leaks are the units' matter, because most of these
# programs end without freeing; the dashboard, which frees, is looked at for them.
set -eu
build=$(cd "$1" && pwd)
shift
prefix=$(mktemp -d /tmp/mailctl-memcheck.XXXXXX)
trap 'rm -rf "$prefix"' EXIT
trap 'exit 130' HUP INT PIPE TERM
chmod 755 "$prefix"
mkdir "$prefix/reports" "$prefix/real"
chmod 1777 "$prefix/reports"
cp -a "$build/bin" "$build/libexec" "$build/tests" "$prefix"

# wrap PROGRAM PATTERN [OPTION...]: in valgrind, with these options more, where its first argument matches
wrap() {
  path=$1
  pattern=$2
  shift 2
  name=$(basename "$path")
  mv "$prefix/$path" "$prefix/real/$name"
  cat >"$prefix/$path" <<END
#!/bin/sh
case \${1-} in
  $pattern) ;;
  *) exec $prefix/real/\${0##*/} "\$@" ;;
esac
exec valgrind -q $* --vgdb=no --child-silent-after-fork=no --log-fd=9 $prefix/real/\${0##*/} "\$@" 9>$prefix/reports/$name.\$\$
END
  chmod 755 "$prefix/$path"
}

# started and finished are steps of every service, not daemons.
programs=$(cd "$prefix" && find libexec/mailctl -type f | grep -Ev '/(started|finished|dashboard)$' | sort)
for i in $programs; do wrap "$i" '*'; done
# ftrigr_end of libs6 forgets what each subscription kept; through libskarnet valgrind cannot see who asked for memory.
cat >"$prefix/suppressions" <<'END'
{
  ftrigr_end
  Memcheck:Leak
  fun:malloc
  fun:stralloc_ready_tuned
}
END
wrap libexec/mailctl/dashboard '*' --leak-check=full --show-leak-kinds=definite --suppressions="$prefix/suppressions"
find "$prefix/libexec" -type l -exec cp -a {} "$prefix/real" \; # programs that look at their name

status=0
MEMCHECK=1 PATIENCE=10 MAILCTL_BUILD=$prefix prove --timer --failures --comments -j"${JOBS:-1}" "$@" || status=1
for i in $programs dashboard; do
  find "$prefix/reports" -name "$(basename "$i").*" | grep -q . || { echo "never ran in valgrind: $i" >&2; status=1; }
done
# Its reports begin with ==PID==, with --PID-- what it says of itself: of a system call that it does not know.
find "$prefix/reports" -type f -size +0 -exec cat {} + | grep '^==' && status=1
exit "$status"
