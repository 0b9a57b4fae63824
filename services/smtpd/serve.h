#ifndef SERVICES_SMTPD_SERVE_H
#define SERVICES_SMTPD_SERVE_H

#include <runlib/tcp/places.h>

#include "host.h"

/*
 * Serves the client on descriptors 0 and 1 until the session ends. file: of control/, that cannot be read (0: all is
 * there): the client is told, errno says why. mark: set once the client has logged in, or sent a recipient; until then
 * its time is short. hurried: shorter still. Signals and descriptors must be as child_init wants them, w opened.
 * Returns the exit status.
 */
extern int serve(options *o, control const *c, char const *file, host *w, place_mark *mark, int hurried);

#endif
