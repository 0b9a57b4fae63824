#!/bin/sh
# A few switches of tests/soak/switch.sh.
SWITCHES=${SWITCHES:-4} SEED=${SEED:-1} exec "$(dirname "$0")/../soak/switch.sh"
