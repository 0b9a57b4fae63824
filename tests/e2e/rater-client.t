#!/bin/sh
# The short form of a million questions under valgrind (tests/soak/rater-client.sh).
SOAK_SHORT=1
export SOAK_SHORT
exec "$(dirname "$0")/../soak/rater-client.sh"
