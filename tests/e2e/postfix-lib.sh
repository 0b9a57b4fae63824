# shellcheck shell=sh
# Debian's Postfix, unpacked and not installed: its master with smtpd and cleanup, and nothing that delivers.
#   postfix_can         whether it can be had, and run
#   postfix_make DIR    makes its directories and etc/, to which main.cf may be added: smtpd listens on port 2525 of all addresses
#   $POSTFIX_LIBRARIES  for LD_LIBRARY_PATH, with MAIL_CONFIG=DIR/etc: "$PEERS/usr/lib/postfix/sbin/master" -c DIR/etc -d
postfix_can() {
  id -u postfix >/dev/null 2>&1 && getent group postdrop >/dev/null && test "$(id -u)" -eq 0 && unshare -n true 2>/dev/null &&
    peers postfix libicu72 && POSTFIX_LIBRARIES=$PEERS/usr/lib/postfix:$PEERS/usr/lib/$(gcc -print-multiarch)
}
postfix_make() {
  mkdir -p "$1/etc" "$1/data"
  for d in active bounce corrupt defer deferred flush hold incoming maildrop pid private public saved trace; do
    mkdir -p "$1/spool/$d"
    chown postfix "$1/spool/$d"
  done
  chown root "$1/spool/pid"
  chown postfix "$1/data"
  cat >"$1/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $1/spool
data_directory = $1/data
daemon_directory = $PEERS/usr/lib/postfix/sbin
command_directory = $PEERS/usr/sbin
shlib_directory = $PEERS/usr/lib/postfix
meta_directory = $1/etc
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.here.test
mydestination = here.test
mynetworks = 198.51.100.0/24
inet_protocols = ipv4
local_recipient_maps =
alias_maps =
alias_database =
smtpd_peername_lookup = no
maillog_file = /dev/stdout
maillog_file_prefixes = /dev
import_environment = LD_LIBRARY_PATH=$POSTFIX_LIBRARIES MAIL_CONFIG=$1/etc PATH
export_environment = LD_LIBRARY_PATH MAIL_CONFIG PATH
END
  printf '%s\n' '2525 inet n - n - - smtpd' 'postlog unix-dgram n - n - 1 postlogd' 'rewrite unix - - n - - trivial-rewrite' \
    'proxymap unix - - n - - proxymap' 'anvil unix - - n - 1 anvil' 'cleanup unix n - n - 0 cleanup' >"$1/etc/master.cf"
}
