#ifndef SERVICES_POLICY_REQUEST_H
#define SERVICES_POLICY_REQUEST_H

#include <stddef.h>

/*
 * A question of the Postfix policy delegation protocol: lines `name=value` and an empty line. Others' names
 * are passed over.
 */

#define REQUEST_MAX 16384 /* bytes of one */

typedef struct request_s request;
struct request_s
{
  char const *request, *protocol_state, *helo_name, *sender, *recipient, *client_address, *server_address,
      *instance, *sasl_username, *policy_context, *command; /* "" where it is missing; command: mailctl's */
};

/* Returns the length of the first whole request among len bytes, or 0. */
extern size_t request_length(char const *s, size_t len);
/* Reads it in place: its newlines become NULs. Returns 0, or what is wrong (static). */
extern char const *request_read(request *r, char *s, size_t len);

#endif
