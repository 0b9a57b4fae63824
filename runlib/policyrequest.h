#ifndef RUNLIB_POLICYREQUEST_H
#define RUNLIB_POLICYREQUEST_H

#include <stddef.h>

/*
 * A question of the Postfix policy delegation protocol (SMTPD_POLICY_README): lines `name=value` and an empty line.
 * Names of others are passed over.
 */

#define POLICY_REQUEST_MAX 16384 /* bytes of one */

typedef struct policy_request_s policy_request;
struct policy_request_s
{
  char const *request, *protocol_state, *helo_name, *sender, *recipient, *recipient_count, *client_address,
      *client_name, *server_address, *instance, *sasl_username, *size, *policy_context,
      *command; /* "" where it is missing; command: mailctl's */
};

/* Returns the length of the first whole request among len bytes, or 0. */
extern size_t policy_request_length(char const *s, size_t len);
/* Reads it in place: its newlines become NULs. Returns 0, or what is wrong (static). */
extern char const *policy_request_read(policy_request *r, char *s, size_t len);
/* Where r has the value that is called so (n bytes), or 0: such a name is passed over. */
extern char const **policy_request_value(policy_request *r, char const *name, size_t n);

#endif
