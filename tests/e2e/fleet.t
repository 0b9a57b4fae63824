#!/bin/sh
# Several machines in one view: status and overload with --host and --fleet. Each "machine" is a bundle here, or none.
# shellcheck disable=SC2317 # wait_for calls functions
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/bundle.sh
. "$(dirname "$0")/bundle.sh"

mail_bundle || exit 111
try "up" m up
mkdir "$T/ssh"
cat >"$T/ssh/ssh" <<END
#!/bin/sh
# as sshd does it: the last of the words are for a shell there
while :; do case \$1 in -o) shift 2 ;; *) break ;; esac; done
host=\$1
shift
echo "Warning: a word of ssh's" >&2
case \$host in
  mx1) PATH=$B/bin:\$PATH; export MAILCTL_CONF=$C; exec sh -c "\$*" ;;
  *) echo "ssh: connect to host \$host port 22: Connection refused" >&2; exit 255 ;;
esac
END
chmod +x "$T/ssh/ssh"
PATH=$T/ssh:$PATH
printf '%s\n' '[fleet]' "host = here mailctl -c $C status --json" 'host = gone echo no way there; false' 'host = odd echo {"health":' \
  'host = slow sleep 1000; :' >"$T/fleet.conf"
f() { mailctl -c "$T/fleet.conf" "$@"; }

exits 0 "a machine by ssh" f status --host mx1
like "$(cat "$T/out")" '^mx1 +well +([0-9]+)/\1 +clear +0 ' "is a line"
exits 1 "two, one of which is not there" f status --host mx1 --host mx9
like "$(cat "$T/out")" '^mx9 +away +ssh: connect to host mx9 port 22: Connection refused$' "which says so"
like "$(cat "$T/out")" '^mx1 +well ' "beside the other"
begin=$(date +%s)
exits 1 "all of [fleet], one of which never answers" f status --fleet
test $(($(date +%s) - begin)) -lt $((20 * PATIENCE))
ok $? "in ten seconds and a bit"
is "$(sed 's/  */ /g; s/^here well .*/here well/' "$T/out")" "MACHINE HEALTH READY OVERLOAD BACKLOG OLDEST MAIL/MIN OUT
here well
gone away no way there
odd away {health: status --json
slow away no answer in 10 seconds" "a line each"
unlike "$(pgrep -f 'sleep 1000; :')" . "nothing is left behind"
sed -i '/^host = slow/d' "$T/fleet.conf"
exits 1 "JSON" f status --fleet --json
is "$(python3 -c '
import json, sys
d = json.load(sys.stdin)["machines"]
print([(m["name"], m["reached"]) for m in d], d[0]["status"]["health"], d[1]["reason"])' <"$T/out")" \
  "[('here', True), ('gone', False), ('odd', False)] well no way there" "one document"

exits 0 "overload on one" f overload on -r "it's the disks" --host here
is "$(cat "$T/out" | cut -d: -f1 | sort -u)" here "says who speaks"
is "$(m status -o overload.level,overload.reason)" "1	it's the disks" "holds there, in the words that were said"
exits 1 "a table tells" f status --host here
like "$(cat "$T/out")" '^here +[a-z]+ +[0-9]+/[0-9]+ +[a-z]+' "how it is"
unlike "$(cat "$T/out")" ' clear ' "overloaded"
exits 1 "overload auto on all" f overload auto --fleet
like "$(cat "$T/out")" '^gone: no way there' "one of which is not there"
is "$(m status -o overload.maker)" "-" "and the other obeys"
exits 0 "overload, shown" f overload --host here
like "$(cat "$T/out")" '^here: ' "of the machine"

exits 100 "a name that is an option" f status --host -oProxyCommand=x
exits 100 "no name" f status --host
exits 100 "with a service" f status smtpd --host mx1
printf '[bundle]\n' >"$T/none.conf"
exits 100 "--fleet without [fleet]" mailctl -c "$T/none.conf" status --fleet
finish
