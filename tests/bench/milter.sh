#!/bin/sh
# What a milter that does nothing adds to a message: our smtpd and Postfix's smtpd with cleanup, the same milter for both; and
# whether sessions wait for one another's milter. See smtp.sh, which it is.
MILTER=1 exec sh "$(dirname "$0")/smtp.sh"
