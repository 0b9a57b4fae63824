#!/bin/sh
# The soak's short form (tests/soak/rater.sh).
SOAK_SHORT=1
export SOAK_SHORT
exec "$(dirname "$0")/../soak/rater.sh"
