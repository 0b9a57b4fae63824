#ifndef SERVICES_REMOTE_SETTINGS_H
#define SERVICES_REMOTE_SETTINGS_H

#include <skalibs/stralloc.h>

/* What the administrator says: qmail-remote's control files, and options for what these have no words for. */

typedef enum tls_level_e
{
  TLS_NONE,
  TLS_MAY,     /* where it is offered, with whatever certificate */
  TLS_ENCRYPT, /* with whatever certificate, or not at all */
  TLS_VERIFY   /* with a certificate of the exchanger's name that a known authority signed, or not at all */
} tls_level;

#define SETTINGS_RULES 1000

typedef struct settings_s settings;
struct settings_s
{
  char const *control;   /* the directory */
  char const *servers;   /* of the DNS; 0: those of the system */
  char const *passwords; /* the file with those for relays; 0: none */
  char const *sts;       /* the socket that knows MTA-STS policies; 0: none */
  char const *signer;    /* the socket of who signs; 0: nobody */
  int unsigned_too;      /* while he is away */
  int probe;             /* no message follows: only whether recipients would be taken */
  char const *cafile;    /* certificates of authorities; 0: the system's */
  unsigned int nrules;
  char const *rules[SETTINGS_RULES]; /* `DOMAIN LEVEL`, checked */
  stralloc me;                       /* these three end in a NUL */
  stralloc helo;
  stralloc routes;          /* lines */
  unsigned int connect_max; /* seconds */
  unsigned int reply_max;
};
#define SETTINGS_ZERO                                                                                        \
  {                                                                                                          \
    .control = "control", .me = STRALLOC_ZERO, .helo = STRALLOC_ZERO, .routes = STRALLOC_ZERO,               \
    .connect_max = 60, .reply_max = 1200                                                                     \
  }

/* Reads helohost, me, smtproutes, timeoutconnect and timeoutremote. Returns 0; or -1, errno, and *file: which one. */
extern int settings_load(settings *s, char const **file);

/* Whether a rule or a route for pattern covers domain: itself, `.example.org` for all below, `*` or nothing for all. */
extern int pattern_covers(char const *pattern, size_t len, char const *domain);
/* The level in a rule's second word; -1: it is none. */
extern int rule_level(char const *rule);
/* The level for domain: of the most exact rule; fallback where there is none. */
extern tls_level settings_tls(settings const *s, char const *domain, tls_level fallback);

typedef struct route_s route;
struct route_s
{
  stralloc relay; /* ends in a NUL; empty: by MX */
  unsigned int port;
};
/*
 * Finds the route of domain in smtproutes: `DOMAIN:RELAY[:PORT]`, of the most exact DOMAIN. Returns 1, 0 where there is
 * none, or -1 and errno: EINVAL, a port that is no number; ENOMEM.
 */
extern int route_find(route *r, stralloc const *routes, char const *domain);

/*
 * Finds the user and password for relay: a line `RELAY USER PASSWORD` of the file, both NUL-terminated in text. Returns
 * 1, 0 where there is none, or -1 and errno: EACCES when others may read the file.
 */
extern int password_find(char const *file, char const *relay, stralloc *text, char const **user,
                         char const **password);

#endif
