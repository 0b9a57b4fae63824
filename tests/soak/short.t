#!/bin/sh
# A few seconds of soak.sh.
SECONDS=${SOAK_SECONDS:-8} SEED=${SEED:-1} CLIENTS=3 exec "$(dirname "$0")/soak.sh"
