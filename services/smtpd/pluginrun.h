#ifndef SERVICES_SMTPD_PLUGINRUN_H
#define SERVICES_SMTPD_PLUGINRUN_H

#include <skalibs/stralloc.h>

#include "operations.h"

#define PLUGIN_OUTPUT_MAX (64ul << 10) /* what it writes beyond that is lost */

/*
 * Runs a line of the plugins' file: a path, or behind a colon a command for /bin/sh, with descriptor 0
 * closed and 1 read into output. Returns when the plugin itself has ended, whoever else still holds its
 * output open; after timeout ms it and its process group are killed.
 */
extern plugin_end plugin_run(char const *command, stralloc const *vars, stralloc *output,
                             unsigned int timeout);

#endif
