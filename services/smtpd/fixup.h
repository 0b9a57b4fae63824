#ifndef SERVICES_SMTPD_FIXUP_H
#define SERVICES_SMTPD_FIXUP_H

#include <stddef.h>
#include <time.h>

#include <skalibs/stralloc.h>

/*
 * What a submission server does for a message from a mail program (RFC 6409 section 8; mess822's ofmipd):
 * adds Date, Message-ID and From where missing, completes addresses in From, To, Cc and their like, takes
 * out Bcc, Resent-Bcc and Return-Path. Everything else stays byte for byte. Lines end in LF.
 *
 * Completing is: `joe` becomes joe@DOMAIN, `joe@host` becomes joe@host.DOMAIN. A field that is no list of
 * addresses (RFC 5322, with what is obsolete in it) stays as it is from the fault on.
 */

#define FIXUP_NAME_MAX  998 /* bytes of a field's name: a line that is no field by then begins the body */
#define FIXUP_FIELD_MAX (256 * 1024) /* bytes of a field that is looked into; a longer one stays as it is */

typedef struct fixup_info_s fixup_info;
struct fixup_info_s
{
  time_t now;
  char const *host;   /* the right side of a Message-ID, and of an empty sender's From */
  char const *domain; /* completes addresses; empty: they stay as they are */
  char const *sender; /* of the envelope, without quotes; empty: the null sender */
  char const *id;     /* the left side of a Message-ID: unique, of letters, digits and dots */
};

typedef enum fixup_state_e
{
  FIXUP_START, /* of a line of the header */
  FIXUP_NAME,
  FIXUP_VALUE,
  FIXUP_BODY
} fixup_state;

typedef enum fixup_use_e
{
  FIXUP_NONE, /* no field has begun */
  FIXUP_PASS,
  FIXUP_DROP,
  FIXUP_ADDRESSES /* kept in held until it ends */
} fixup_use;

typedef struct fixup_s fixup;
struct fixup_s
{
  fixup_info info;
  fixup_state state;
  fixup_use use;     /* of the field that this line is in */
  int first;         /* this line is the message's first */
  unsigned int seen; /* 1 Date, 2 Message-ID, 4 From */
  stralloc held;     /* no more than FIXUP_FIELD_MAX */
};
#define FIXUP_ZERO                                                                                           \
  {                                                                                                          \
    .state = FIXUP_START, .use = FIXUP_NONE, .seen = 0, .held = STRALLOC_ZERO                                \
  }

/* Begins a message. The texts in info must live as long as f is fed. */
extern void fixup_init(fixup *f, fixup_info const *info);
/* The next len bytes of the message; what is known of the result is appended to out. 0, or -1 (ENOMEM). */
extern int fixup_feed(fixup *f, char const *s, size_t len, stralloc *out);
/* The message has ended. */
extern int fixup_end(fixup *f, stralloc *out);
extern void fixup_free(fixup *f);

#endif
