#ifndef SERVICES_SMTPD_PACKET_H
#define SERVICES_SMTPD_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * The packets of the milter protocol, versions 2 to 6, as Sendmail's libmilter (mfdef.h) and Postfix speak it: a length
 * of four bytes, most significant first, which counts a letter and its data. Pure: bytes in, bytes out.
 */

#define PACKET_MAX   (128u << 10) /* bytes of a filter's packet; libmilter makes none of more than 65536 */
#define PACKET_CHUNK 65535u       /* bytes of body in a packet */

/* What a filter may want to do at the end of a message. */
#define ACTION_ADD_HEADERS    0x1u
#define ACTION_BODY           0x2u
#define ACTION_ADD_RECIPIENTS 0x4u
#define ACTION_DELETE         0x8u /* recipients */
#define ACTION_HEADERS        0x10u
#define ACTION_QUARANTINE     0x20u
#define ACTION_SENDER         0x40u
#define ACTION_ADD_PARAMETERS 0x80u  /* recipients, with ESMTP parameters */
#define ACTION_MACROS         0x100u /* say which macros it wants */
#define ACTIONS               0x1ffu

/* Steps that it does not want to hear of (NO) or does not answer (NR), and other ways to speak. */
#define STEP_NO_CONNECT 0x1u
#define STEP_NO_HELO    0x2u
#define STEP_NO_MAIL    0x4u
#define STEP_NO_RCPT    0x8u
#define STEP_NO_BODY    0x10u
#define STEP_NO_HEADERS 0x20u
#define STEP_NO_EOH     0x40u
#define STEP_NR_HEADER  0x80u
#define STEP_NO_UNKNOWN 0x100u
#define STEP_NO_DATA    0x200u
#define STEP_SKIP       0x400u /* it may want no more of the body */
#define STEP_REJECTED   0x800u /* it hears of recipients that were refused */
#define STEP_NR_CONNECT 0x1000u
#define STEP_NR_HELO    0x2000u
#define STEP_NR_MAIL    0x4000u
#define STEP_NR_RCPT    0x8000u
#define STEP_NR_DATA    0x10000u
#define STEP_NR_UNKNOWN 0x20000u
#define STEP_NR_EOH     0x40000u
#define STEP_NR_BODY    0x80000u
#define STEP_SPACE      0x100000u /* values of fields keep the blank behind the colon */
#define STEPS           0x1fffffu

/* Where macros are sent: the protocol's numbers. */
#define STAGES       7u /* connect, helo, mail, rcpt, data, end of message, end of header */
#define STAGE_MACROS 512u

/* --- to a filter ----------------------------------------------------------------------------------- */

/* Each returns 0, or -1 for ENOMEM. */
extern int packet_add(stralloc *sa, char what, char const *data, size_t len);
/* The same in pieces: the bytes that are appended to sa between the two. at: where it began. */
extern int packet_begin(stralloc *sa, char what, size_t *at);
extern void packet_end(stralloc *sa, size_t at);

/* What both sides have agreed on. */
typedef struct agreed_s agreed;
struct agreed_s
{
  uint32_t version;
  uint32_t actions;
  uint32_t steps;
  unsigned int listed;               /* bits: the stages whose macros it named */
  char macros[STAGES][STAGE_MACROS]; /* blanks between them */
};

extern int packet_offer(stralloc *sa, uint32_t actions, uint32_t steps);

/* --- from a filter --------------------------------------------------------------------------------- */

typedef struct packet_s packet;
struct packet_s
{
  char what;
  char const *data; /* in the bytes that were scanned */
  size_t len;
};

/* Reads the packet that s begins with. Returns its bytes; 0: more must come; -1: it can be none, or is too long. */
extern long packet_scan(packet *p, char const *s, size_t len);

/* Reads the answer to an offer. Returns 0; -1: it is none, or wants what was not offered. */
extern int packet_agree(agreed *a, packet const *p, uint32_t actions, uint32_t steps);

/* An answer. Texts end with a NUL and lie in the packet. */
#define ANSWER_CONTINUE      'c'
#define ANSWER_ACCEPT        'a'
#define ANSWER_REJECT        'r'
#define ANSWER_TEMPFAIL      't'
#define ANSWER_DISCARD       'd'
#define ANSWER_REPLY         'y' /* text: the reply */
#define ANSWER_SKIP          's'
#define ANSWER_PROGRESS      'p'
#define ANSWER_SHUTDOWN      '4'
#define ANSWER_CONN_FAIL     'f'
#define ANSWER_ADD_HEADER    'h' /* text, value */
#define ANSWER_INSERT_HEADER 'i' /* index, text, value */
#define ANSWER_CHANGE_HEADER 'm' /* index, text, value; empty: it goes */
#define ANSWER_SENDER        'e' /* text; parameters are left out, as in the next two */
#define ANSWER_ADD           '+' /* text */
#define ANSWER_ADD_PARAMETER '2' /* text */
#define ANSWER_DELETE        '-' /* text */
#define ANSWER_BODY          'b' /* data */
#define ANSWER_QUARANTINE    'q' /* text: why */

typedef struct milter_answer_s milter_answer;
struct milter_answer_s
{
  char what;
  uint32_t action; /* the ACTION_ that it must have been allowed; 0: none */
  uint32_t index;
  char const *text;
  char const *value;
  char const *data;
  size_t len;
};

/* Returns 0; -1: it is none. */
extern int packet_answer(milter_answer *a, packet const *p);

/*
 * Checks the reply code that a filter sends, of one line or several, and writes what a client may be told, without
 * the last end of line: all lines with the first one's code of class 4 or 5, printable ASCII, `%%` for a percent sign
 * as libmilter has it. Returns 0; 1: it is no such reply; or -1 for ENOMEM.
 */
extern int packet_reply(stralloc *sa, char const *text);

#endif
