#!/bin/sh
# examples/home.conf from nothing: a domain, three people, who send to each other and read it with real mail programs;
# what goes out is signed. Then many people, and processes that are killed while they read.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/bundle.sh"
. "$(dirname "$0")/policy-lib.sh"
test -x /usr/sbin/dovecot || skip_all "no dovecot: make deps-test installs it"
USERS=${HOME_USERS:-20} # tests/soak says more

dns_start
example=$(cd "$(dirname "$0")/../../examples" && pwd)/home.conf
new_bundle "$T/b" || exit 111
C=$T/b/mailctl.conf
MAIL=$T/b/mail
# The example's users are not on this machine, its ports not ours, and its DNS is not the world's.
sed -E "s/\*:([0-9]{2})\b/$IP:40\1/g; s/\*:([0-9]{3})\b/$IP:4\1/g; s/^user = .*//; s/^\[(policy|remote)\]/&\nresolver = $DNS/" "$example" >"$C"
test "$(id -u)" -ne 0 || sed -i 's/^\[bundle\]/&\nuser = nobody/' "$C"
sed -i '/^\[remote\]/,/^\[/ s/^resolver = .*//' "$C"
echo mail.example.org >"$T/b/control/me"
rm -f "$T/b/control/locals"
echo example.test >"$T/b/control/rcpthosts"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=mail.example.org \
  -addext "subjectAltName=DNS:mail.example.org,DNS:$IP,IP:$IP" -keyout "$T/key.pem" -out "$T/cert.pem" 2>/dev/null
cat "$T/key.pem" >"$T/b/state/tls/key.pem"
cat "$T/cert.pem" >"$T/b/state/tls/cert.pem"
exits 0 "check" m check
exits 0 "up" m up
test "$got" -eq 0 || finish
m domain add example.org >"$T/out" 2>&1
like "$(cat "$T/out")" '_domainkey\.example\.org' "a domain, with the records of its keys"
for i in ann bob carl; do echo "secret-$i" | m user add "$i" --quota 10M >/dev/null; done
m alias add family ann bob carl
is "$(m user list | grep -c '	yes	10M')" 3 "three people"

# --- what their mail programs find
mkdir "$T/www"
exits 0 "autoconfig" m autoconfig "$T/www"
cat >"$T/autoconfig.py" <<'END'
import plistlib, sys, xml.etree.ElementTree as xml
t = xml.parse(sys.argv[1] + "/config-v1.1.xml").getroot()
for s in t.findall(".//incomingServer") + t.findall(".//outgoingServer"):
    print(s.get("type"), s.find("hostname").text, s.find("port").text, s.find("socketType").text)
p = plistlib.load(open(sys.argv[1] + "/mail.mobileconfig", "rb"))["PayloadContent"][0]
print(p["IncomingMailServerHostName"], p["IncomingMailServerPortNumber"], p["OutgoingMailServerPortNumber"])
END
is "$(python3 "$T/autoconfig.py" "$T/www/example.org")" "imap mail.example.org 4993 SSL
smtp mail.example.org 4465 SSL
mail.example.org 4993 4465" "names host and ports, to Thunderbird and to Apple"
before=$(stat -c %Z "$T/www/example.org/mail.mobileconfig")
m autoconfig "$T/www" >/dev/null
is "$(stat -c %Z "$T/www/example.org/mail.mobileconfig")" "$before" "what has not changed stays"

# --- one writes with s-nail or swaks, the others read
submit() { # FROM TO SUBJECT
  swaks --silent 2 --server "$IP:4587" --tls --auth PLAIN --auth-user "$1" --auth-password "secret-$1" \
    --from "$1@example.org" --to "$2" --header "Subject: $3"
}
if command -v s-nail >/dev/null; then
  echo "a letter" | s-nail -:/ -Sv15-compat -Ssmtp-use-starttls -Stls-verify=ignore -Sfrom=ann@example.org \
    -Smta="smtp://ann:secret-ann@$IP:4587" -s letter family@example.org >"$T/snail" 2>&1
else
  submit ann family@example.org letter
fi
imap() { curl -sk --max-time $((20 * PATIENCE)) --user "$1:secret-$1" "imaps://$IP:4993/$2" ${3:+-X "$3"}; }
reads() { imap "$1" "INBOX;UID=1" | grep -q '^Subject: letter'; }
for i in ann bob carl; do try "$i reads it over IMAP" wait_for 20 reads $i; done
submit bob ann@example.org "as oneself"
is $? 0 "bob sends as himself"
swaks --server "$IP:4587" --tls --auth PLAIN --auth-user bob --auth-password secret-bob --from ann@example.org --to carl@example.org >"$T/out" 2>&1
like "$(cat "$T/out")" '553 5.7.1 you may not send' "and not as another"

if command -v mbsync >/dev/null; then
  mkdir "$T/copy"
  cat >"$T/mbsyncrc" <<END
IMAPAccount carl
Host $IP
Port 4993
User carl
Pass secret-carl
SSLType IMAPS
CertificateFile $T/b/state/tls/cert.pem

IMAPStore far
Account carl

MaildirStore near
Path $T/copy/
Inbox $T/copy/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
END
  HOME=$T mbsync -c "$T/mbsyncrc" -a >"$T/mbsync" 2>&1
  is $? 0 "mbsync copies a mailbox"
  copied=$(find "$T/copy/INBOX" -type f -path '*/new/*' -o -type f -path '*/cur/*' | head -n 1)
  like "$(cat "$copied")" '^Subject: letter' "with the message"
  mv "$copied" "$T/copy/INBOX/cur/$(basename "${copied%%:*}"):2,FS"
  HOME=$T mbsync -c "$T/mbsyncrc" -a >>"$T/mbsync" 2>&1
  like "$(imap carl INBOX 'FETCH 1 (FLAGS)')" 'Flagged.*Seen|Seen.*Flagged' "flags that were set there are here"
else
  echo "# no mbsync"
fi

# --- what goes out is signed, and a failure comes back
zone 'far.test MX 0 .'
submit ann nobody@far.test away
returned() { imap ann INBOX 'SEARCH HEADER Subject Undelivered' | grep -Eq '^\* SEARCH [0-9]'; }
try "what cannot go out comes back into the INBOX" wait_for 30 returned

# --- many
i=0
while test $i -lt "$USERS"; do
  echo "many$i:pw-$i"
  i=$((i + 1))
done >"$T/many"
exits 0 "$USERS users at a time" m user import plain "$T/many"
cat >"$T/load.py" <<'END'
# Sessions that read all the time, and begin again when they are cut off: load.py IP USERS UNTIL-FILE. Says what went wrong.
import imaplib, os, ssl, sys, threading, time

ip, users, until = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl._create_unverified_context()
done = [0] * users
end = time.time() + 300


def read(i):
    while not (os.path.exists(until) and done[i]) and time.time() < end:
        try:
            m = imaplib.IMAP4_SSL(ip, 4993, ssl_context=context, timeout=20)
            m.login("many%d" % i, "pw-%d" % i)
            while True:
                m.select("INBOX")
                m.append("INBOX", "", None, b"Subject: own\r\n\r\nx\r\n")
                done[i] += 1
                if os.path.exists(until) or time.time() > end:
                    break
                time.sleep(0.2)
            m.logout()
        except (OSError, imaplib.IMAP4.error, EOFError):
            time.sleep(0.2)


threads = [threading.Thread(target=read, args=(i,)) for i in range(0, users, max(1, users // 10))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("all read", sum(done))
END
python3 "$T/load.py" "$IP" "$USERS" "$T/until" >"$T/load" 2>&1 &
load=$!
on_exit "kill $load 2>/dev/null"
seen() { test "$(m status -o imap.sessions)" -ge "$1"; }
try "they read" wait_for 60 seen 5
pid=$(pid_of "$C" imap)
kill -9 "$pid"
again() { another imap "$pid"; }
try "Dovecot killed under load: it is back" wait_for 60 again
try "and they read again" wait_for 60 seen 5
kill -9 "$(s6-svstat -o pid "$T/b/run/servicedirs/smtpd")" "$(m status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["supervisor"]["pid"])')"
exits 0 "the supervisor killed: up" m up
: >"$T/until"
wait "$load"
like "$(cat "$T/load")" '^all read [1-9]' "everybody reads to the end"
submit ann bob@example.org after
after() { imap bob INBOX 'SEARCH HEADER Subject after' | grep -Eq '^\* SEARCH [0-9]'; }
try "and mail flows" wait_for 30 after
exits 0 "down" m down
is "$(processes | grep -v dnsodd)" "" "nothing of it stays"
finish
