#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <services/smtpd/senders.h>
#include <services/smtpd/base64.h>
#include <services/smtpd/path.h>

#include "smtpd-host.h"
#include "unit.h"

#define MAIL  "EHLO c\nMAIL FROM:<a@b.c>\n"
#define RCPT  MAIL "RCPT TO:<u@here.test>\n"
#define HELLO "\0c"

/* Dialogues: what the client says (\n stands for CRLF), and the codes of the replies. */
typedef struct dialogue_s dialogue;
struct dialogue_s
{
  char const *name;
  char const *says;
  char const *codes;
  void (*setup)(fake *f);
};

static void relay(fake *f)
{
  f->config.relayclient = "";
}
static void relay_local(fake *f)
{
  f->config.relayclient = "";
  f->config.local_only = 1;
}
static void no_rcpthosts(fake *f)
{
  stralloc_free(&f->control.rcpthosts);
}
static void small(fake *f)
{
  f->config.databytes = 100;
}
static void bad_from(fake *f)
{
  fake_list(&f->control.badmailfrom, "A@b.c\n@spam.test\n");
}
static void bad_to(fake *f)
{
  fake_list(&f->control.badrcptto, "u@here.test\n@x.sub.test\n");
}
static void two(fake *f)
{
  f->config.recipients = 2;
  f->config.messages = 1;
}
static void costly(fake *f)
{
  f->config.errors_max = 3;
}
static void submission(fake *f)
{
  f->config.submission = 1;
  f->config.auth = f->config.auth_plain = 1;
}
static void submission_tls(fake *f)
{
  f->config.submission = 1;
  f->config.auth = 1;
  f->config.starttls = STARTTLS_OFFER;
}
static void tls_required(fake *f)
{
  submission_tls(f);
  f->config.starttls = STARTTLS_REQUIRE;
}
static void tls_required_plain(fake *f)
{
  tls_required(f);
  f->config.auth_plain = 1;
}
static void submission_both(fake *f)
{
  submission(f);
  f->config.starttls = STARTTLS_OFFER;
}
static void auth_away(fake *f)
{
  submission(f);
  f->login = LOGIN_UNKNOWN;
}
static void auth_flood(fake *f)
{
  submission(f);
  f->throttled = 1;
}
static void submission_local(fake *f)
{
  submission(f);
  f->config.local_only = 1;
}
static void queue_31(fake *f)
{
  f->code = 31;
}
static void queue_53(fake *f)
{
  f->code = 53;
}
static void queue_words_d(fake *f)
{
  f->code = 82;
  f->words = "Dno such thing";
}
static void queue_words_z(fake *f)
{
  f->code = 82;
  f->words = "Zcome back";
}
static void queue_words_none(fake *f)
{
  f->code = 82;
}
static void queue_crash(fake *f)
{
  f->code = -1;
}
static void queue_closed(fake *f)
{
  f->open_fails = 1;
}

static void queue_full(fake *f)
{
  f->open_fails = ENOSPC;
}
static void plugin_crash(fake *f)
{
  fake_list(&f->control.plugins, "[mail]\ncrash\n");
}
static void plugin_plain(fake *f)
{
  fake_list(&f->control.plugins, "[mail]\nsay E451 not now\n");
}
static void plugin_hash(fake *f)
{
  fake_list(&f->control.plugins, "[mail]\nsay E553 go (#5.1.8)\n");
}
static void plugin_lines(fake *f)
{
  fake_list(&f->control.plugins, "[mail]\nsay P451-one|E451 4.2.0 two\n");
}
static void plugin_odd(fake *f)
{
  fake_list(&f->control.plugins, "[mail]\nsay E553 #5.x\n");
}

static dialogue const dialogues[] = {
    {"a message", RCPT "DATA\nSubject: x\n\nhi\n.\nQUIT\n", "220 250 250 250 354 250 221", 0},
    {"HELO", "HELO c\nMAIL FROM:<>\nRCPT TO:<u@here.test>\nDATA\n.\n", "220 250 250 250 354 250", 0},
    {"two messages", RCPT "DATA\n.\nMAIL FROM:<>\nRCPT TO:<u@here.test>\nDATA\n.\n",
     "220 250 250 250 354 250 250 250 354 250", 0},
    {"case", "ehLO c\nmail from:<a@b.c>\nRcpt To:<u@here.test>\n", "220 250 250 250", 0},
    {"blanks", "EHLO   c  \nMAIL FROM: <a@b.c>  \nRCPT TO: <u@here.test> \n", "220 250 250 250", 0},
    {"MAIL first", "MAIL FROM:<a@b.c>\n", "220 503", 0},
    {"RCPT first", "EHLO c\nRCPT TO:<u@here.test>\nDATA\n", "220 250 503 503", 0},
    {"no recipient", MAIL "DATA\n", "220 250 250 503", 0},
    {"MAIL twice", MAIL "MAIL FROM:<a@b.c>\n", "220 250 250 503", 0},
    {"RSET", RCPT "RSET\nRCPT TO:<u@here.test>\n", "220 250 250 250 250 503", 0},
    {"EHLO resets", RCPT "EHLO c\nDATA\n", "220 250 250 250 250 503", 0},
    {"HELO without name", "HELO\nEHLO \n", "220 501 501", 0},
    {"others", "NOOP\nNOOP x\nVRFY u\nVRFY\nHELP\nEXPN u\nBDAT 1 LAST\nFOO\nRSET\n\n",
     "220 250 250 252 501 214 502 502 500 250 500", 0},
    {"after QUIT", "QUIT\nNOOP\n", "220 221", 0},
    {"http", "GET / HTTP/1.0\nNOOP\n", "220 421", 0},
    {"control character", "NOOP \002\nEHLO c\rd\n", "220 500 500", 0},
    {"DATA with an argument", RCPT "DATA x\n", "220 250 250 250 501", 0},

    {"relaying",
     MAIL "RCPT TO:<u@far.test>\nRCPT TO:<u@sub.test>\nRCPT TO:<u@a.sub.test>\nRCPT TO:<u@HERE.test>\n",
     "220 250 250 553 553 250 250", 0},
    {"no rcpthosts",
     MAIL "RCPT TO:<u@here.test>\nRCPT TO:<u@far.test>\nRCPT TO:<u@mx.test>\nRCPT TO:<postmaster>\n",
     "220 250 250 553 553 250 250", no_rcpthosts},
    {"RELAYCLIENT", MAIL "RCPT TO:<u@far.test>\n", "220 250 250 250", relay},
    {"RELAYCLIENT, nothing but local delivery", MAIL "RCPT TO:<u@far.test>\nRCPT TO:<u@here.test>\n",
     "220 250 250 550 250", relay_local},
    {"badmailfrom",
     RCPT
     "RSET\nMAIL FROM:<x@SPAM.test>\nRCPT TO:<u@here.test>\nRSET\nMAIL FROM:<y@b.c>\nRCPT TO:<u@here.test>\n",
     "220 250 250 553 250 250 553 250 250 250", bad_from},
    {"badrcptto", RCPT "RCPT TO:<v@here.test>\nRCPT TO:<v@x.sub.test>\n", "220 250 250 553 250 553", bad_to},
    {"limits", RCPT "RCPT TO:<v@here.test>\nRCPT TO:<w@here.test>\nDATA\n.\nMAIL FROM:<>\nNOOP\n",
     "220 250 250 250 250 452 354 250 421", two},
    {"errors", "FOO\nFOO\nFOO\nNOOP\n", "220 500 500 500 421", costly},
    {"a message forgives errors",
     "EHLO c\nFOO\nFOO\nMAIL FROM:<>\nRCPT TO:<u@here.test>\nDATA\n.\nFOO\nFOO\nNOOP\n",
     "220 250 500 500 250 250 354 250 500 500 250", costly},

    {"SIZE too big", "EHLO c\nMAIL FROM:<a@b.c> SIZE=101\nMAIL FROM:<a@b.c> SIZE=99999999999999999999\n",
     "220 250 552 552", small},
    {"SIZE", "EHLO c\nMAIL FROM:<a@b.c> SIZE=100 BODY=8BITMIME SMTPUTF8\n", "220 250 250", small},
    {"SIZE, no number", "EHLO c\nMAIL FROM:<a@b.c> SIZE=1x\nMAIL FROM:<a@b.c> SIZE=\n", "220 250 501 555", 0},
    {"counted size",
     RCPT "DATA\n0123456789012345678901234567890123456789012345678901234567890123456789\n"
          "0123456789012345678901234567890123456789\n.\nNOOP\n",
     "220 250 250 250 354 552 250", small},
    {"parameters",
     "EHLO c\nMAIL FROM:<a@b.c> FOO=1\nMAIL FROM:<a@b.c> BODY=BINARYMIME\nMAIL FROM:<a@b.c>SIZE=1\n",
     "220 250 555 555 501", 0},
    {"parameters after HELO", "HELO c\nMAIL FROM:<a@b.c> SIZE=1\n", "220 250 555", 0},
    {"parameters of RCPT", MAIL "RCPT TO:<u@here.test> NOTIFY=NEVER\n", "220 250 250 555", 0},
    {"SMTPUTF8",
     "EHLO c\nMAIL FROM:<\xc3\xa9@b.c>\nMAIL FROM:<\xc3\xa9@b.c> SMTPUTF8\nRCPT TO:<\xc3\xa9@here.test>\n"
     "RCPT TO:<\xc3@here.test>\n",
     "220 250 553 250 250 553", 0},
    {"addresses that are none", MAIL "RCPT TO:<>\nRCPT TO:\nRCPT TO:<u@here.test\nRCPT <u@here.test>\n",
     "220 250 250 501 501 501 501", 0},

    {"bare LF at the end", RCPT "DATA\nx\r\n\x01.\nNOOP\n", "220 250 250 250 354 550", 0},
    {"queue: for good", RCPT "DATA\n.\nNOOP\n", "220 250 250 250 354 554 250", queue_31},
    {"queue: for now", RCPT "DATA\n.\nNOOP\n", "220 250 250 250 354 452 250", queue_53},
    {"queue: its own words, for good", RCPT "DATA\n.\nNOOP\n", "220 250 250 250 354 554 250", queue_words_d},
    {"queue: its own words, for now", RCPT "DATA\n.\nNOOP\n", "220 250 250 250 354 451 250", queue_words_z},
    {"queue: no words", RCPT "DATA\n.\nNOOP\n", "220 250 250 250 354 451 250", queue_words_none},
    {"queue: crash", RCPT "DATA\n.\nNOOP\n", "220 250 250 250 354 451 250", queue_crash},
    {"queue: not started", RCPT "DATA\nNOOP\n", "220 250 250 250 451 250", queue_closed},

    {"submission without AUTH", MAIL, "220 250 530", submission},
    {"AUTH PLAIN", "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nMAIL FROM:<a@b.c>\nRCPT TO:<u@far.test>\n",
     "220 250 235 250 250", submission},
    {"AUTH PLAIN, who it is for", "EHLO c\nAUTH PLAIN am9lAGpvZQBzZWNyZXQ=\n", "220 250 235", submission},
    {"AUTH PLAIN, for another", "EHLO c\nAUTH PLAIN YW5uAGpvZQBzZWNyZXQ=\n", "220 250 535", submission},
    {"AUTH PLAIN, asked", "EHLO c\nAUTH PLAIN\nAGpvZQBzZWNyZXQ=\n", "220 250 334 235", submission},
    {"AUTH PLAIN, malformed",
     "EHLO c\nAUTH PLAIN am9l\nAUTH PLAIN AGpvZQ==\nAUTH PLAIN AGpvZQBzZWNyZXQAeA==\nAUTH PLAIN =\n",
     "220 250 501 501 501 501", submission},
    {"AUTH PLAIN, with a domain of ours", "EHLO c\nAUTH PLAIN AGpvZUBoZXJlLnRlc3QAc2VjcmV0\n", "220 250 235",
     submission},
    {"AUTH PLAIN, with another's domain", "EHLO c\nAUTH PLAIN AGpvZUBmYXIudGVzdABzZWNyZXQ=\n", "220 250 535",
     submission},
    {"AUTH LOGIN", "EHLO c\nAUTH LOGIN\nam9l\nc2VjcmV0\n", "220 250 334 334 235", submission},
    {"AUTH LOGIN, initial", "EHLO c\nauth login am9l\nc2VjcmV0\n", "220 250 334 235", submission},
    {"AUTH LOGIN, wrong", "EHLO c\nAUTH LOGIN am9l\nd3Jvbmc=\nAUTH LOGIN am9l\nc2VjcmV0\n",
     "220 250 334 535 334 235", submission},
    {"AUTH cancelled", "EHLO c\nAUTH LOGIN\n*\nAUTH PLAIN\n*\nNOOP\n", "220 250 334 501 334 501 250",
     submission},
    {"AUTH, no base64",
     "EHLO c\nAUTH LOGIN\n!\nAUTH PLAIN x\nAUTH LOGIN\nYQ=\nAUTH LOGIN\nYR==\nAUTH LOGIN\n====\n",
     "220 250 334 501 501 334 501 334 501 334 501", submission},
    {"AUTH, none such", "EHLO c\nAUTH CRAM-MD5\nAUTH\nAUTH PLAINX x\n", "220 250 504 501 504", submission},
    {"AUTH, out of order",
     "HELO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nEHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nAUTH PLAIN "
     "AGpvZQBzZWNyZXQ=\n",
     "220 250 503 250 235 503", submission},
    {"AUTH not offered", "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\n", "220 250 502", 0},
    {"AUTH needs TLS", "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\n", "220 250 538", submission_tls},
    {"AUTH service away", "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nNOOP\n", "220 250 454 250", auth_away},
    {"AUTH too often", "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nNOOP\n", "220 250 421", auth_flood},
    {"submission, local delivery only",
     "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nMAIL FROM:<>\nRCPT TO:<u@far.test>\nRCPT TO:<u@here.test>\n",
     "220 250 235 250 550 250", submission_local},

    {"STARTTLS after AUTH", "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nSTARTTLS\nNOOP\n", "220 250 235 503 250",
     submission_both},
    {"an address that nobody can tell of", MAIL "RCPT TO:<u@[203.0.113.1]>\nNOOP\n", "220 250 250 421",
     relay},

    {"STARTTLS off", "EHLO c\nSTARTTLS\n", "220 250 502", 0},
    {"STARTTLS with an argument", "EHLO c\nSTARTTLS x\n", "220 250 501", submission_tls},
    {"STARTTLS required before AUTH", "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nSTARTTLS\n", "220 250 538",
     tls_required_plain},
    {"STARTTLS required", MAIL "NOOP\nRSET\nQUIT\n", "220 250 530 250 250 221", tls_required},
    {"plaintext behind STARTTLS", "EHLO c\nSTARTTLS\nNOOP\n", "220 250 554", submission_tls},
};

/* \n becomes CRLF, \1 a bare LF. Whole runs are copied: a test may be long, and slow under valgrind. */
static void wire(stralloc *sa, char const *s)
{
  while (*s)
  {
    size_t n = strcspn(s, "\n\x01");
    int crlf = s[n] == '\n' && !(n ? s[n - 1] == '\r' : sa->len && sa->s[sa->len - 1] == '\r');
    ck_assert(stralloc_catb(sa, s, n));
    s += n;
    if (*s) ck_assert(stralloc_cats(sa, crlf ? "\r\n" : "\n"));
    s += *s != 0;
  }
}

static void codes(stralloc *sa, stralloc const *out)
{
  for (size_t i = 0; i < out->len;)
  {
    char const *end = memchr(out->s + i, '\r', out->len - i);
    size_t n;
    ck_assert_ptr_nonnull(end);
    ck_assert_int_eq(end[1], '\n');
    n = (size_t)(end - out->s) - i;
    ck_assert_uint_ge(n, 3);
    ck_assert_msg(n < 512, "a reply of %u bytes", (unsigned int)n);
    if (n == 3 || out->s[i + 3] == ' ')
    {
      if (sa->len) ck_assert(stralloc_catb(sa, " ", 1));
      ck_assert(stralloc_catb(sa, out->s + i, 3));
    }
    i += n + 2;
  }
  ck_assert(stralloc_0(sa));
}

static void talk(fake *f, char const *says, size_t piece)
{
  stralloc in = STRALLOC_ZERO;

  wire(&in, says);
  fake_begin(f);
  fake_feed(f, in.s, in.len, piece);
  stralloc_free(&in);
}

START_TEST(golden)
{
  static size_t const pieces[] = {100000, 1, 7};
  dialogue const *d = &dialogues[_i];

  for (unsigned int i = 0; i < 3; i++)
  {
    fake f;
    stralloc got = STRALLOC_ZERO;
    /* What comes behind STARTTLS in a piece of its own is not injected. */
    if (i && !strcmp(d->name, "plaintext behind STARTTLS")) continue;
    fake_init(&f);
    if (d->setup) d->setup(&f);
    talk(&f, d->says, pieces[i]);
    codes(&got, &f.out);
    ck_assert_msg(!strcmp(got.s, d->codes), "%s (pieces of %u): got %s, wanted %s", d->name,
                  (unsigned int)pieces[i], got.s, d->codes);
    stralloc_free(&got);
    fake_free(&f);
  }
}
END_TEST

static int is(stralloc const *sa, char const *text, size_t len)
{
  return sa->len == len && !memcmp(sa->s, text, len);
}

static int has(stralloc *sa, char const *text)
{
  ck_assert(stralloc_0(sa));
  sa->len--;
  return strstr(sa->s, text) != 0;
}

START_TEST(message)
{
  static char const wanted[] = "Received: from unknown (HELO c) (192.0.2.1)\n"
                               "  by 192.0.2.9 with ESMTP; 14 Nov 2023 22:13:20 -0000\n"
                               "Subject: x\n\n.dot\n\nend\n";
  static char const envelope[] = "Fa@b.c\0Tu@here.test\0Tu v@a.sub.test\0";
  fake f;

  fake_init(&f);
  talk(&f, RCPT "RCPT TO:<\"u v\"@a.sub.test>\nDATA\nSubject: x\n\n..dot\n\nend\n.\n", 5);
  ck_assert(is(&f.message, wanted, sizeof wanted - 1));
  ck_assert(is(&f.envelope, envelope, sizeof envelope));
  ck_assert(has(&f.out, "250 2.0.0 ok 1700000000 qp 42\r\n"));
  ck_assert(has(&f.log,
                "accepted: client=192.0.2.1 helo=c from=a@b.c recipients=2 to=u@here.test,u\\x20v@a.sub.test "
                "size=22 queue=42 reply=\"250 2.0.0 ok 1700000000 qp 42\" seconds=0.000\n"));
  ck_assert_uint_eq(f.tallies[TALLY_ACCEPTED], 1);
  fake_free(&f);
}
END_TEST

/* What is printable stays, in UTF-8 too; all else is escaped, also the separators of the line and of its lists. */
START_TEST(log_escapes)
{
  fake f;

  fake_init(&f);
  talk(&f,
       "EHLO \xff\xc2\x9b\x9b\xc3\xa9\nMAIL FROM:<\"\\\"\"@b.c>\nRCPT TO:<\"a,b c\"@here.test>\nRCPT "
       "TO:<v@here.test>\n"
       "DATA\n.\n",
       100);
  ck_assert(has(&f.log, " helo=\\xff\\xc2\\x9b\\x9b\xc3\xa9 from=\\x22@b.c recipients=2 "
                        "to=a\\x2cb\\x20c@here.test,v@here.test size=0 "));
  fake_free(&f);
}
END_TEST

/* The date against the C library's, over leap days, centuries and their ends. */
START_TEST(dates)
{
  for (time_t t = 1; t < 8000000000; t += 86399 * 29 + 11)
  {
    fake f;
    struct tm tm;
    char wanted[64];

    fake_init(&f);
    f.now = (uint64_t)t * 1000000;
    talk(&f, RCPT "DATA\n", 100);
    gmtime_r(&t, &tm);
    strftime(wanted, sizeof wanted, "; %e %b %Y %H:%M:%S -0000\n", &tm);
    if (wanted[2] == ' ') memmove(wanted + 2, wanted + 3, strlen(wanted + 3) + 1);
    ck_assert_msg(has(&f.message, wanted), "%s, not %s", wanted, f.message.s);
    fake_free(&f);
  }
}
END_TEST

START_TEST(ehlo)
{
  fake f;

  fake_init(&f);
  submission_tls(&f);
  f.config.databytes = 4711;
  talk(&f, "EHLO c\n", 100);
  ck_assert(has(&f.out,
                "220 mx.test ESMTP\r\n250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
                "250-STARTTLS\r\n250-SIZE 4711\r\n250 ENHANCEDSTATUSCODES\r\n"));
  fake_feed(&f, "STARTTLS\r\n", 10, 100);
  f.out.len = 0;
  fake_feed(&f, "MAIL FROM:<a@b>\r\nEHLO d\r\n", 25, 100);
  ck_assert(
      has(&f.out,
          "503 5.5.1 EHLO or HELO first\r\n250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
          "250-AUTH PLAIN LOGIN\r\n250-SIZE 4711\r\n"));
  fake_free(&f);
}
END_TEST

/* All that was said before the handshake is forgotten, and the Received line tells of TLS and the user. */
START_TEST(secured)
{
  static char const says[] =
      "EHLO good\r\nAUTH PLAIN AGpvZQBzZWNyZXQ=\r\nMAIL FROM:<a>\r\nRCPT TO:<u@far.test>\r\n"
      "DATA\r\n.\r\n";
  fake f;

  fake_init(&f);
  submission_tls(&f);
  talk(&f, "EHLO evil\nSTARTTLS\n", 100);
  fake_feed(&f, says, sizeof says - 1, 100);
  ck_assert(has(&f.message, "Received: from unknown (HELO good) (joe@192.0.2.1)\n"
                            "  by 192.0.2.9 with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384); "));
  ck_assert(is(&f.envelope, "Fa@default.test\0Tu@far.test\0", 29));
  ck_assert(!has(&f.log, "evil"));
  ck_assert(!has(&f.log, "secret"));
  ck_assert(has(&f.log, "user=joe tls=TLSv1.3 "));
  fake_free(&f);
}
END_TEST

static char const *const smuggled[] = {"\n.\n",   "\n.\r\n", "\r\n.\n",     "\r.\r",
                                       "\r\n.\r", "\r.\r\n", "\r\n\r.\r\n", "a\nb",
                                       "a\rb",    "a\r\r\n", "\r\n.\r\r\n", "\r\n..\n"};

START_TEST(smuggling)
{
  for (size_t piece = 1; piece < 40; piece += 13)
  {
    fake f;
    stralloc in = STRALLOC_ZERO;

    fake_init(&f);
    wire(&in, RCPT "DATA\nSubject: x\n\n");
    ck_assert(stralloc_cats(&in, "text"));
    ck_assert(stralloc_cats(&in, smuggled[_i]));
    ck_assert(stralloc_cats(&in, "MAIL FROM:<evil@b.c>\r\n.\r\n"));
    fake_begin(&f);
    fake_feed(&f, in.s, in.len, piece);
    ck_assert_int_eq(f.session.want, SESSION_CLOSE);
    ck_assert(has(&f.out, "\r\n550 5.6.0 "));
    ck_assert_uint_eq(f.queued, 0);
    ck_assert_uint_eq(f.abandoned, 1);
    stralloc_free(&in);
    fake_free(&f);
  }
}
END_TEST

static unsigned int looped(unsigned int hops, char const *field)
{
  fake f;
  stralloc says = STRALLOC_ZERO;
  unsigned int queued;

  fake_init(&f);
  ck_assert(stralloc_cats(&says, RCPT "DATA\n"));
  for (unsigned int i = 0; i < hops; i++) ck_assert(stralloc_cats(&says, field));
  ck_assert(stralloc_cats(&says, "\nReceived: not a hop\n.\n") && stralloc_0(&says));
  talk(&f, says.s, 1000);
  queued = f.queued;
  ck_assert_int_eq(queued, !has(&f.out, "554 5.4.6 "));
  stralloc_free(&says);
  fake_free(&f);
  return queued;
}

START_TEST(loops)
{
  ck_assert_uint_eq(looped(100, "Received: x\n"), 1);
  ck_assert_uint_eq(looped(101, "receiVED: x\n"), 0);
  ck_assert_uint_eq(looped(101, "Delivered-To: x\n"), 0);
  ck_assert_uint_eq(looped(101, "delivered-to \t: x\n"), 0);
  ck_assert_uint_eq(looped(200, "X-Received: x\n"), 1);
  ck_assert_uint_eq(looped(200, "Received-SPF: pass\n"), 1);
  ck_assert_uint_eq(looped(200, "Delivered-By: x\n"), 1);
}
END_TEST

START_TEST(vanishing)
{
  fake f;

  fake_init(&f);
  talk(&f, RCPT "DATA\nhalf a", 100);
  ck_assert(f.is_open);
  session_end(&f.session, "451 4.4.2 timeout");
  ck_assert(!f.is_open);
  ck_assert_uint_eq(f.queued, 0);
  fake_free(&f);
}
END_TEST

/* The first line: no part of it was ever kept. */
START_TEST(overlong_first)
{
  static char says[20000];
  fake f;

  memset(says, 'x', sizeof says);
  memcpy(says + sizeof says - 9, "\r\nQUIT\r\n", 9);
  fake_init(&f);
  fake_begin(&f);
  fake_feed(&f, says, sizeof says, sizeof says);
  ck_assert(has(&f.out, "\r\n500 5.5.2 line too long\r\n221 "));
  fake_free(&f);
}
END_TEST

/* The command, n times x, and the end of the line. */
static void long_line(stralloc *sa, char const *command, char x, size_t n)
{
  ck_assert(stralloc_cats(sa, command) && stralloc_readyplus(sa, n));
  memset(sa->s + sa->len, x, n);
  sa->len += n;
  ck_assert(stralloc_cats(sa, "\n"));
}

START_TEST(overlong)
{
  fake f;
  stralloc says = STRALLOC_ZERO;
  stralloc got = STRALLOC_ZERO;

  fake_init(&f);
  submission(&f);
  ck_assert(stralloc_cats(&says, "EHLO c\n"));
  long_line(&says, "NOOP ", 'x', 4097);
  ck_assert(stralloc_cats(&says, "NOOP\n"));
  long_line(&says, "NOOP ", 'x', 40000);
  ck_assert(stralloc_cats(&says, "NOOP\nAUTH PLAIN\n"));
  long_line(&says, "", 'A', 20000);
  long_line(&says, "AUTH PLAIN ", 'A', 8000);
  ck_assert(stralloc_cats(&says, "NOOP\n") && stralloc_0(&says));
  talk(&f, says.s, 4096);
  codes(&got, &f.out);
  ck_assert_str_eq(got.s, "220 250 500 250 500 250 334 500 501 250");
  stralloc_free(&got);
  stralloc_free(&says);
  fake_free(&f);
}
END_TEST

/* n recipients where five are allowed and three errors end the session, then a message. */
static void crowd(fake *f, unsigned int n)
{
  stralloc says = STRALLOC_ZERO;

  fake_init(f);
  f->config.recipients = 5;
  f->config.errors_max = 3;
  ck_assert(stralloc_cats(&says, MAIL));
  for (unsigned int i = 0; i < n; i++) ck_assert(stralloc_cats(&says, "RCPT TO:<u@here.test>\n"));
  ck_assert(stralloc_cats(&says, "DATA\n.\n") && stralloc_0(&says));
  talk(f, says.s, 4096);
  stralloc_free(&says);
}

/* The client will send the rest in a second message: the first must not be lost. But there is an end to it. */
START_TEST(recipients)
{
  fake f;

  crowd(&f, 1005);
  ck_assert_uint_eq(f.queued, 1);
  ck_assert_uint_eq(f.tallies[TALLY_REFUSED_RCPT], 1000);
  fake_free(&f);
  crowd(&f, 1008);
  ck_assert_uint_eq(f.queued, 0);
  ck_assert(has(&f.out, "421 4.7.0 too many errors"));
  fake_free(&f);
}
END_TEST

START_TEST(delays)
{
  fake f;

  fake_init(&f);
  f.config.errors_delay = 2;
  f.config.error_delay = 700;
  fake_begin(&f);
  fake_feed(&f, "FOO\r\n", 5, 5);
  ck_assert_uint_eq(f.pauses, 0);
  fake_feed(&f, "FOO\r\nNOOP\r\n", 11, 11);
  ck_assert_uint_eq(f.pauses, 1);
  fake_feed(&f, "FOO\r\n", 5, 5);
  ck_assert_uint_eq(f.pauses, 2);
  fake_free(&f);
}
END_TEST

/* A failed login costs one pause, at once, also when errors would cost one by themselves. */
START_TEST(login_delays)
{
  static char const says[] = "EHLO c\nAUTH PLAIN AGpvZQB4\nNOOP\nAUTH LOGIN\nam9l\nd3Jvbmc=\nNOOP\n";
  fake f;

  for (unsigned int errors = 0; errors < 3; errors++)
  {
    fake_init(&f);
    submission(&f);
    f.config.errors_delay = errors;
    f.config.error_delay = 700;
    talk(&f, says, 100);
    ck_assert_uint_eq(f.pauses, 2);
    ck_assert_uint_eq(f.session.errors, 2);
    fake_free(&f);
  }
}
END_TEST

/* Recipients that are one get one copy. */
START_TEST(same_recipients)
{
  static char const envelope[] = "Fa@b.c\0Tu@here.test\0Tv@here.test\0";
  fake f;

  fake_init(&f);
  talk(&f,
       RCPT "RCPT TO:<v@here.test>\nRCPT TO:<u@here.test>\nRCPT TO:<u@here.test>\nDATA\n.\n"
            "MAIL FROM:<a@b.c>\nRCPT TO:<u@here.test>\nRCPT TO:<v@here.test>\nDATA\n.\n",
       100);
  ck_assert(has(&f.out, "250 2.1.5 ok\r\n354 "));
  ck_assert_uint_eq(f.queued, 2);
  ck_assert(is(&f.envelope, envelope, sizeof envelope));
  fake_free(&f);
}
END_TEST

/* What a client can do without end costs it the session. */
START_TEST(idle)
{
  stralloc says = STRALLOC_ZERO;
  fake f;

  fake_init(&f);
  fake_list(&f.control.plugins, "[helo]\nsay x\n");
  for (unsigned int i = 0; i < 200; i++) ck_assert(stralloc_cats(&says, "HELO c\n"));
  ck_assert(stralloc_0(&says));
  talk(&f, says.s, 100);
  ck_assert(has(&f.out, "421 4.7.0 too many commands without a message\r\n"));
  ck_assert_uint_eq(f.plugins_run.len, 100 * sizeof "say x");
  stralloc_free(&says);
  fake_free(&f);
}
END_TEST

START_TEST(plugin_runs)
{
  stralloc says = STRALLOC_ZERO;
  fake f;

  fake_init(&f);
  f.config.recipients = 0;
  fake_list(&f.control.plugins, "[rcpt]\nsay x\n");
  ck_assert(stralloc_cats(&says, MAIL));
  for (unsigned int i = 0; i < 11000; i++) ck_assert(stralloc_cats(&says, "RCPT TO:<u@here.test>\n"));
  ck_assert(stralloc_0(&says));
  talk(&f, says.s, 4096);
  ck_assert(has(&f.out, "421 4.7.0 too many commands without a message\r\n"));
  ck_assert_uint_eq(f.plugins_run.len, 10000 * sizeof "say x");
  stralloc_free(&says);
  fake_free(&f);
}
END_TEST

/* RSET does not give a client another thousand free refusals, and the log of a session has a bound. */
START_TEST(log_budget)
{
  stralloc says = STRALLOC_ZERO;
  fake f;

  fake_init(&f);
  f.config.recipients = 1;
  f.config.errors_max = 20;
  ck_assert(stralloc_cats(&says, "EHLO c\n"));
  for (unsigned int i = 0; i < 40; i++)
  {
    ck_assert(stralloc_cats(&says, "MAIL FROM:<a@b.c>\nRCPT TO:<u@here.test>\n"));
    for (unsigned int k = 0; k < 100; k++)
      ck_assert(stralloc_cats(&says, "RCPT TO:<\"\\\"\\\"\\\"\"@here.test>\n"));
    ck_assert(stralloc_cats(&says, "RSET\n"));
  }
  ck_assert(stralloc_0(&says));
  talk(&f, says.s, 4096);
  ck_assert(has(&f.out, "421 4.7.0 too many errors\r\n"));
  ck_assert_uint_lt(f.log.len, 20000);
  session_over(&f.session);
  ck_assert(has(&f.log, "left-out: client=192.0.2.1 helo=c"));
  stralloc_free(&says);
  fake_free(&f);
}
END_TEST

/* A source that comes again and again has a bound, too, and others have their own. */
START_TEST(source_budget)
{
  budget *b = budget_open();
  size_t all = 0;

  ck_assert_ptr_nonnull(b);
  for (unsigned int i = 0; i < 2000; i++)
  {
    fake f;
    fake_init(&f);
    f.budget = b;
    talk(&f, "EHLO c\nRCPT TO:<x>\n", 100);
    session_over(&f.session);
    all += f.log.len;
    fake_free(&f);
  }
  ck_assert_uint_gt(all, BUDGET_BYTES);
  ck_assert_uint_lt(all, 2 * BUDGET_BYTES + 20000);
  ck_assert(!budget_take(b, 1, 100, 1, 0));
  ck_assert(budget_take(b, 2, 100, 1, 0));
  ck_assert(budget_take(b, 1, 100, 1, BUDGET_SECONDS));
}
END_TEST

/* Every line of ours has less than 998 bytes, and no client continues it. */
START_TEST(received_lines)
{
  stralloc says = STRALLOC_ZERO;
  fake f;

  fake_init(&f);
  ck_assert(stralloc_cats(&says, "HELO "));
  for (unsigned int i = 0; i < 3000; i++) ck_assert(stralloc_catb(&says, "x", 1));
  ck_assert(stralloc_cats(
                &says, "\nMAIL FROM:<a@b.c>\nRCPT TO:<u@here.test>\nDATA\n for <forged@a.b>\nX: y\n\n.\n") &&
            stralloc_0(&says));
  talk(&f, says.s, 100);
  ck_assert(has(&f.message, " -0000\n\n for <forged@a.b>\n"));
  ck_assert_uint_lt((size_t)((char *)memchr(f.message.s, '\n', f.message.len) - f.message.s), 998);
  stralloc_free(&says);
  fake_free(&f);
}
END_TEST

static struct
{
  char const *says;
  char const *reply;
  void (*setup)(fake *f);
} const coded[] = {
    {"EHLO c\nMAIL FROM:<a@b@c>\n", "\r\n501 5.1.7 ", 0},
    {MAIL "RCPT TO:<a@b@c>\n", "\r\n501 5.1.3 ", 0},
    {RCPT "DATA\n.\n", "\r\n452 4.3.1 ", queue_53},
    {RCPT "DATA\n", "\r\n452 4.3.1 ", queue_full},
    {RCPT "DATA\n.\n", "\r\n554 5.3.0 no such thing\r\n", queue_words_d},
    {"EHLO c\nAUTH PLAIN\nAGpvZQBzZWNyZXQ= \t\n", "\r\n235 ", submission},
    {"EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ= \t\n", "\r\n235 ", submission},
    {MAIL, "\r\n451 4.3.0 qmail-spp failure: crash: child crashed (#4.3.0)\r\n", plugin_crash},
    {MAIL, "\r\n451 4.7.1 not now\r\n", plugin_plain},
    {MAIL, "\r\n553 5.1.8 go (#5.1.8)\r\n", plugin_hash},
    {MAIL, "\r\n451-4.7.1 one\r\n451 4.2.0 two\r\n", plugin_lines},
    {MAIL, "\r\n553 5.7.1 #5.x\r\n", plugin_odd},
};

START_TEST(enhanced_codes)
{
  fake f;

  fake_init(&f);
  if (coded[_i].setup) coded[_i].setup(&f);
  talk(&f, coded[_i].says, 100);
  ck_assert_msg(has(&f.out, coded[_i].reply), "%s: got %s", coded[_i].reply, f.out.s);
  fake_free(&f);
}
END_TEST

static struct
{
  char const *path;
  int utf8;
  char const *address; /* 0: refused */
} const paths[] = {
    {"<a@b.c>", 0, "a@b.c"},
    {"<>", 0, ""},
    {" <a@b.c>", 0, "a@b.c"},
    {"a@b.c", 0, "a@b.c"},
    {"a@b.c SIZE=1", 0, "a@b.c"},
    {"<@x,@y:a@b.c>", 0, "a@b.c"},
    {"<@x:a@b.c> SIZE=3", 0, "a@b.c"},
    {"<@x>", 0, 0},
    {"<\"a b\"@b.c>", 0, "a b@b.c"},
    {"<\"a\\\"b\"@b.c>", 0, "a\"b@b.c"},
    {"<\"a@b\"@b.c>", 0, "a@b@b.c"},
    {"<a\\@b@b.c>", 0, "a@b@b.c"},
    {"<\">\"@b.c>", 0, ">@b.c"},
    {"<a@\"b.c\">", 0, "a@b.c"},
    {"<a@b@c>", 0, 0},
    {"<a@b\"@c\">", 0, 0},
    {"<a b@c>", 0, 0},
    {"<a@b.c", 0, 0},
    {"<\"a@b.c>", 0, 0},
    {"<a@>", 0, 0},
    {"<@b.c>", 0, 0},
    {"<a@.b>", 0, 0},
    {"<a@b.>", 0, 0},
    {"<a@b..c>", 0, 0},
    {"<a@-b>", 0, 0},
    {"<a@b c>", 0, 0},
    {"<a@b/c>", 0, 0},
    {"<a@[192.0.2.1]>", 0, "a@[192.0.2.1]"},
    {"<a@[IPv6:2001:db8::1]>", 0, "a@[IPv6:2001:db8::1]"},
    {"<a@[192.0.2]>", 0, 0},
    {"<a@[192.0.2.1>", 0, 0},
    {"<a@[]>", 0, 0},
    {"<postmaster>", 0, "postmaster"},
    {"<a@b.c>x", 0, 0},
    {"<\xc3\xa9@b.c>", 0, 0},
    {"<\xc3\xa9@b.c>", 1, "\xc3\xa9@b.c"},
    {"<a@\xc3\xa9.c>", 1, "a@\xc3\xa9.c"},
    {"<\xc0\xaf@b.c>", 1, 0},
    {"<\xed\xa0\x80@b.c>", 1, 0},
    {"<\xf4\x90\x80\x80@b.c>", 1, 0},
    {"", 0, 0},
};

START_TEST(path)
{
  stralloc sa = STRALLOC_ZERO;
  char const *rest;
  path_wrong wrong = path_scan(paths[_i].path, paths[_i].utf8, &sa, &rest);

  if (!paths[_i].address)
    ck_assert_msg(wrong != PATH_OK, "%s", paths[_i].path);
  else
  {
    ck_assert_msg(wrong == PATH_OK, "%s: %u", paths[_i].path, (unsigned int)wrong);
    ck_assert_str_eq(sa.s, paths[_i].address);
    ck_assert_uint_eq(sa.len, strlen(paths[_i].address));
  }
  stralloc_free(&sa);
}
END_TEST

START_TEST(localip)
{
  fake f;

  fake_init(&f);
  f.config.relayclient = "";
  fake_line(&f.control.localiphost, "own.test");
  talk(&f,
       "EHLO c\nMAIL FROM:<s@[192.0.2.9]>\nRCPT TO:<u@[192.0.2.10]>\nRCPT TO:<u@[192.0.2.90]>\n"
       "RCPT TO:<u@[IPv6:2001:DB8:0::9]>\nRCPT TO:<\"[192.0.2.9]\">\nDATA\n.\n",
       100);
  ck_assert(is(&f.envelope, "Fs@own.test\0Tu@own.test\0Tu@[192.0.2.90]\0T[192.0.2.9]\0", 54));
  fake_free(&f);
}
END_TEST

START_TEST(long_addresses)
{
  char text[1200];
  stralloc sa = STRALLOC_ZERO;
  char const *rest;
  int n = snprintf(text, sizeof text, "<%0890d@b.c>", 1);

  ck_assert_int_lt(n, (int)sizeof text);
  ck_assert_int_eq(path_scan(text, 0, &sa, &rest), PATH_OK);
  snprintf(text, sizeof text, "<%0900d@b.c>", 1);
  ck_assert_int_eq(path_scan(text, 0, &sa, &rest), PATH_LONG);
  stralloc_free(&sa);
}
END_TEST

static char const senders[] = "joe: joe@far.test, @list.test # his own\0"
                              "  Last@far.test\0"
                              "joel: joel@far.test\0"
                              "broken\0"
                              "  after@far.test\0"
                              "JOE : again@far.test\0";

typedef struct sends_s sends;
struct sends_s
{
  char const *as;
  int may;
};

static sends const senders_of_joe[] = {{"joe@FAR.test", 1},   {"x@List.test", 1},   {"last@far.test", 1},
                                       {"again@far.test", 1}, {"joe", 1},           {"joel@far.test", 0},
                                       {"after@far.test", 0}, {"his@far.test", 0},  {"own", 0},
                                       {"@list.test", 1},     {"x@y.list.test", 0}, {"far.test", 0}};

START_TEST(own_senders)
{
  stralloc lines = STRALLOC_ZERO;
  sends const *x = senders_of_joe + _i;

  ck_assert(stralloc_copyb(&lines, senders, sizeof senders - 1));
  ck_assert_int_eq(senders_allow(&lines, "joe", x->as), x->may);
  ck_assert_int_eq(senders_allow(&lines, "Joe", x->as), x->may);
  stralloc_free(&lines);
}
END_TEST

static Suite *suite(void)
{
  Suite *s = suite_create("smtpd");
  TCase *t = tcase_create("session");

  tcase_add_loop_test(t, golden, 0, sizeof dialogues / sizeof dialogues[0]);
  tcase_add_test(t, message);
  tcase_add_test(t, log_escapes);
  tcase_add_test(t, dates);
  tcase_add_test(t, ehlo);
  tcase_add_test(t, secured);
  tcase_add_loop_test(t, smuggling, 0, sizeof smuggled / sizeof smuggled[0]);
  tcase_add_test(t, loops);
  tcase_add_test(t, vanishing);
  tcase_add_test(t, overlong_first);
  tcase_add_test(t, overlong);
  tcase_add_test(t, recipients);
  tcase_add_test(t, delays);
  tcase_add_test(t, login_delays);
  tcase_add_test(t, same_recipients);
  tcase_add_test(t, idle);
  tcase_add_test(t, plugin_runs);
  tcase_add_test(t, log_budget);
  tcase_add_test(t, source_budget);
  tcase_add_test(t, received_lines);
  tcase_add_loop_test(t, enhanced_codes, 0, sizeof coded / sizeof coded[0]);
  tcase_add_test(t, localip);
  suite_add_tcase(s, t);
  t = tcase_create("senders");
  tcase_add_loop_test(t, own_senders, 0, sizeof senders_of_joe / sizeof senders_of_joe[0]);
  suite_add_tcase(s, t);
  t = tcase_create("path");
  tcase_add_loop_test(t, path, 0, sizeof paths / sizeof paths[0]);
  tcase_add_test(t, long_addresses);
  suite_add_tcase(s, t);
  return s;
}

int main(void)
{
  return unit_run(suite());
}
