# shellcheck shell=sh
# A terminal (tmux) and a bundle to look at: source it after lib.sh and bundle.sh.
#
#   start NAME COMMAND     a terminal of 80x24 that runs COMMAND
#   keys KEY...            as tmux send-keys names them
#   shows REGEX NAME       a test: the screen comes to match; lacks is its opposite
#   resize COLS ROWS
# $W is the terminal's name; $T/screen is the screen as it was looked at last. The bundle is that of filter-lib.sh.

command -v tmux >/dev/null || skip_all "no tmux"
TMUX_TMPDIR=$T
export TMUX_TMPDIR
unset TMUX TMUX_PANE NO_COLOR
TERM=screen-256color
export TERM
t() { tmux -L dash -f /dev/null "$@"; }
on_exit 't kill-server 2>/dev/null'
. "$(dirname "$0")/filter-lib.sh"

# The screen as it is now in $T/screen; with a pattern, as soon as it matches.
look() { t capture-pane -p -t "$W" >"$T/screen"; }
shows_now() { look && grep -Eq -e "$1" "$T/screen"; }
lacks_now() { look && ! grep -Eq -e "$1" "$T/screen"; }
# shows PATTERN NAME, lacks PATTERN NAME
shows() { if wait_for 30 shows_now "$1"; then ok 0 "$2"; else explain "$1" "$2"; fi; }
lacks() { if wait_for 30 lacks_now "$1"; then ok 0 "$2"; else explain "not $1" "$2"; fi; }
explain() {
  ok 1 "$2"
  printf '# wanted: %s\n' "$1"
  sed 's/^/# /' "$T/screen"
}
keys() { t send-keys -t "$W" "$@"; }
wide() { test "$(t display-message -p -t "$W" '#{pane_width}')" -eq "$1"; }
resize() { t resize-window -t "$W" -x "$1" -y "$2" && wait_for 20 wide "$1" && wait_for 30 shows_now "$(clock_at "$1")"; }
# The clock ends one column before the right edge.
clock_at() { printf '^.{%d}[0-9:]{8}$' $(($1 - 9)); }

start() {
  t new-session -d -s "$1" -x 80 -y 24 "$2"
  # shellcheck disable=SC2034 # for keys and the rest
  W=$1
}
