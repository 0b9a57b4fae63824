#ifndef RUNLIB_OVERLOAD_H
#define RUNLIB_OVERLOAD_H

#include <stddef.h>
#include <stdint.h>

/*
 * The overload flag, `control/overloaded`: what it says, and what to answer a client because of it.
 * The format of the flag is described in overload(8): lines `NAME VALUE`, of which readers need
 * `level`, `made`, `lifetime`, `until`, `since` and `reason`. A flag whose `made` line does not say
 * otherwise was made by a person, with touch perhaps: it means level 1, and never grows old.
 * Any bytes at all are a valid flag: its existence is what counts.
 */

#define OVERLOAD_REASON 255  /* a longer reason is cut */
#define OVERLOAD_FLAG   4096 /* bytes of a flag that are read; the rest is ignored */
#define OVERLOAD_REPLY  512  /* for overload_reply */

typedef enum overload_maker_e
{
  OVERLOAD_NOBODY,  /* there is no flag */
  OVERLOAD_MONITOR, /* the monitor measured */
  OVERLOAD_HELD,    /* `mailctl overload on` */
  OVERLOAD_HAND     /* anyone else */
} overload_maker;

typedef struct overload_s overload;
struct overload_s
{
  unsigned int level;  /* what to act upon: 0 clear, 1 overloaded, 2 severe */
  unsigned int stated; /* what the flag says, be it stale or not; 0: no flag */
  overload_maker maker;
  int stale;         /* 1: there is a flag, and it is ignored: no heartbeat, or held for long enough */
  uint64_t since;    /* wall clock, seconds; 0: not said */
  uint64_t until;    /* when the hold ends; 0: never */
  uint64_t beat;     /* the flag's modification time: the last heartbeat */
  uint64_t lifetime; /* the monitor's flag is stale this many seconds after the last heartbeat */
  char reason[OVERLOAD_REASON + 1]; /* one line, printable; may be empty */
};
#define OVERLOAD_ZERO                                                                                        \
  {                                                                                                          \
    .level = 0, .stated = 0, .maker = OVERLOAD_NOBODY, .stale = 0, .reason = ""                              \
  }

/*
 * Reads the flag at path (absolute, or relative to the qmail home). now: wall clock, seconds.
 * Returns o->level (0, 1 or 2); a path that does not exist, or a link that leads nowhere, is 0.
 * A flag that exists and cannot be read is one made by hand: level 1.
 * Returns -1 and errno where even its existence is unknown (EACCES on a directory, EMFILE, EIO).
 * Clear costs one system call.
 */
extern int overload_read(overload *o, char const *path, uint64_t now);

/* The same for bytes in memory. beat: the file's modification time, seconds. Never fails. */
extern void overload_parse(overload *o, char const *bytes, size_t len, uint64_t beat, uint64_t now);

typedef struct overload_client_s overload_client;
struct overload_client_s
{
  int early;          /* 1: neither MAIL nor AUTH has been said: it may still authenticate */
  char const *user;   /* $SMTPAUTHUSER; 0 or empty: not authenticated */
  char const *relay;  /* $RELAYCLIENT; 0: not set */
  char const *exempt; /* $OVERLOADRELAY; set, even to nothing: a client with $RELAYCLIENT is no stranger */
  char const *log_in; /* $OVERLOADLOGIN; set: clients here log in before MAIL, so none is refused earlier */
};

/* A variable of the session, as getenv: 0 if it is not set. */
typedef char const *overload_variable(void const *data, char const *name);
extern overload_client overload_client_of(overload_variable *get, void const *data);

/*
 * Whether the client is turned away: 0 no, else the level to answer with. Level 1 spares whoever is
 * early; level 2 does not, but where clients log in.
 */
extern unsigned int overload_refuses(unsigned int level, overload_client const *client);

/*
 * Writes what a qmail-spp plugin prints for that: `R451 4.3.2 TEXT` or `R421 4.3.2 TEXT`, no newline, NUL-terminated,
 * into s (OVERLOAD_REPLY bytes); s + 1 is the SMTP reply, after which the connection is closed.
 * text: $OVERLOADTEXT; 0 or empty: `Temporary Failure: Server overload`, as the original. Control
 * characters become `?`, and an over-long text is cut. Returns its length.
 */
extern size_t overload_reply(char *s, unsigned int refuses, char const *text);
/* The original's line for the log of such a reply, with its newline: `overload: PID TEXT`. Same size of s. */
extern size_t overload_log(char *s, char const *reply, long session);

/*
 * All of the above, as the plugin and smtpd's builtin form do it: reads the flag, asks for the session's
 * variables, writes the reply. now: wall clock, seconds. Returns its length; 0: nothing is to be said.
 */
extern size_t overload_answer(char *s, char const *path, uint64_t now, overload_variable *get,
                              void const *data);

#endif
