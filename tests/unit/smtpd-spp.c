#include <stdio.h>

#include "smtpd-host.h"
#include "unit.h"

#define MAIL "EHLO c\nMAIL FROM:<a@b.c>\n"
#define RCPT MAIL "RCPT TO:<u@here.test>\n"
#define DATA RCPT "DATA\n.\n"

/* The host's semantics, a case each: the plugins' file, what the client says, all that smtpd answers after EHLO. */
static struct
{
  char const *name;
  char const *plugins;
  char const *says;
  char const *answers; /* `|` between lines; 0 at the end: the session was dropped */
} const cases[] = {
    {"nothing said", "[mail]\nsay \n", RCPT, "250 2.1.0 ok|250 2.1.5 ok|"},
    {"E in connection leaves the session open", "[connection]\nsay E554 go away|\n", "NOOP\n",
     "554 5.7.1 go away|250 2.0.0 ok|"},
    {"R in connection drops", "[connection]\nsay R421 later|\n", "NOOP\n", "421 4.7.1 later|"},
    {"D drops silently", "[mail]\nsay D|\n", RCPT, ""},
    {"E in helo", "[helo]\nsay E550 no|\n", "EHLO c\nMAIL FROM:<>\n",
     "550 5.7.1 no|503 5.5.1 EHLO or HELO first|"},
    {"E in mail", "[mail]\nsay E550 no|\n", RCPT, "550 5.7.1 no|503 5.5.1 MAIL first|"},
    {"E with a code that is none", "[mail]\nsay E4J\x7f text|\n", MAIL, "4J? text|"},
    {"E in rcpt", "[rcpt]\nsay E550 no|\n", RCPT "DATA\n", "250 2.1.0 ok|550 5.7.1 no|503 5.5.1 RCPT first|"},
    {"E in data", "[data]\nsay E550 no|\n", DATA,
     "250 2.1.0 ok|250 2.1.5 ok|550 5.7.1 no|500 5.5.1 command not recognized|"},
    {"E in pass", "[pass]\nsay E550 no|\n", RCPT, "250 2.1.0 ok|550 5.7.1 no|"},
    {"R in rcpt", "[rcpt]\nsay R421 bye|\n", RCPT "DATA\n", "250 2.1.0 ok|421 4.7.1 bye|"},
    {"P lines before E", "[mail]\nsay P451-one|P451-two|E451 three|\n", MAIL,
     "451-4.7.1 one|451-4.7.1 two|451 4.7.1 three|"},
    {"what follows the end is nothing", "[mail]\nsay E550 no|E551 really|P552 no|\n", MAIL, "550 5.7.1 no|"},
    {"the last line may lack its newline", "[mail]\nsay E550 no\n", MAIL, "550 5.7.1 no|"},
    {"unknown letters are nothing", "[mail]\nsay X|Y|z|\n", MAIL, "250 2.1.0 ok|"},
    {"the first refusal ends the list", "[mail]\nsay E550 one|\nsay E550 two|\n", MAIL, "550 5.7.1 one|"},
    {"the next one runs after silence", "[mail]\nsay |\nsay E550 two|\n", MAIL, "550 5.7.1 two|"},
    {"N skips the rest of the command", "[mail]\nsay N|\nsay E550 two|\n[rcpt]\nsay E550 three|\n", RCPT,
     "250 2.1.0 ok|550 5.7.1 three|"},
    {"A skips all the rest", "[mail]\nsay A|\nsay E550 two|\n[rcpt]\nsay E550 three|\n", RCPT,
     "250 2.1.0 ok|250 2.1.5 ok|"},
    {"O skips smtpd's checks too", "[rcpt]\nsay O|\nsay E550 two|\n", MAIL "RCPT TO:<u@far.test>\n",
     "250 2.1.0 ok|250 2.1.5 ok|"},
    {"N does not", "[rcpt]\nsay N|\n", MAIL "RCPT TO:<u@far.test>\n",
     "250 2.1.0 ok|553 5.7.1 sorry, that domain isn't in my list of allowed rcpthosts|"},
    {"nor does A", "[rcpt]\nsay A|\n", MAIL "RCPT TO:<u@far.test>\n",
     "250 2.1.0 ok|553 5.7.1 sorry, that domain isn't in my list of allowed rcpthosts|"},
    {"O in mail skips badmailfrom", "[mail]\nsay O|\n",
     "EHLO c\nMAIL FROM:<x@bad.test>\nRCPT TO:<u@here.test>\n", "250 2.1.0 ok|250 2.1.5 ok|"},
    {"N in mail does not", "[mail]\nsay N|\n", "EHLO c\nMAIL FROM:<x@bad.test>\nRCPT TO:<u@here.test>\n",
     "250 2.1.0 ok|553 5.7.1 sorry, your envelope sender is in my badmailfrom list|"},
    {"P alone goes before smtpd's own reply", "[mail]\nsay P250-by the way|\n", MAIL,
     "250-by the way|250 2.1.0 ok|"},
    {"P before silence, then another's E", "[mail]\nsay P550-one|\nsay E550 two|\n", MAIL,
     "550-5.7.1 one|550 5.7.1 two|"},
    {"R in auth drops", "[auth]\nsay R421 not now|\n", "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nNOOP\n",
     "421 4.7.1 not now|"},
    {"D in connection drops before the greeting", "[connection]\nsay D|\n", "NOOP\n", ""},
    {"R in pass, in data", "[data]\nsay R421 no|\n[pass]\nsay |\n", RCPT "DATA\nNOOP\n",
     "250 2.1.0 ok|250 2.1.5 ok|421 4.7.1 no|"},
    {"C where there is no address", "[data]\nsay Cx@y|\n", RCPT "DATA\n.\n",
     "250 2.1.0 ok|250 2.1.5 ok|354 go ahead|250 2.0.0 ok 1700000000 qp 42|"},
    {"C to another's domain is not checked again", "[rcpt]\nsay Cu@far.test|\n", RCPT,
     "250 2.1.0 ok|250 2.1.5 ok|"},
    {"L of no command", "[helo]\nsay LX550 one|L|\n", RCPT, "250 2.1.0 ok|250 2.1.5 ok|"},
    {"two LR are two lines", "[mail]\nsay LR550-one|LR550 two|\n", RCPT,
     "250 2.1.0 ok|550-5.7.1 one|550 5.7.1 two|"},
    {"A does not take back what waits", "[helo]\nsay LM550 one|A|\n", MAIL, "550 5.7.1 one|"},
    {"LM refuses at MAIL", "[helo]\nsay LM550 one|LM550-not parsed|\n", MAIL,
     "550 5.7.1 one|550-5.7.1 not parsed|"},
    {"LR refuses at RCPT, every one", "[mail]\nsay LR550 no|\n", RCPT "RCPT TO:<v@here.test>\n",
     "250 2.1.0 ok|550 5.7.1 no|550 5.7.1 no|"},
    {"LD refuses at DATA", "[rcpt]\nsay LD550 no|\n", RCPT "DATA\n",
     "250 2.1.0 ok|250 2.1.5 ok|550 5.7.1 no|"},
    {"RSET forgets what waits", "[mail]\nsay LR550 no|\n[helo]\n", RCPT "RSET\nRCPT TO:<v@here.test>\n",
     "250 2.1.0 ok|550 5.7.1 no|250 2.0.0 flushed|503 5.5.1 MAIL first|"},
    {"a section is its first letter", "[mfoo]\nsay E550 no|\n", MAIL, "550 5.7.1 no|"},
    {"a section that is none", "[xmail]\nsay E550 no|\n", MAIL, "250 2.1.0 ok|"},
    {"lines before any section", "say E550 no|\n[rcpt]\n", MAIL, "250 2.1.0 ok|"},
    {"crash", "[mail]\ncrash\n", MAIL, "451 4.3.0 qmail-spp failure: crash: child crashed (#4.3.0)|"},
    {"exit 120", "[mail]\nmissing\n", MAIL, "451 4.3.0 qmail-spp failure: missing: can't execute (#4.3.0)|"},
    {"a time-out means nothing", "[mail]\nhang P550-half|\nsay E550 next|\n", MAIL, "550 5.7.1 next|"},
    {"what was decided before a time-out counts", "[mail]\nhang E550 no|\n", MAIL, "550 5.7.1 no|"},
    {"control bytes in a reply", "[mail]\nsay E550 a\rb\001|\n", MAIL, "550 5.7.1 a?b?|"},
    {"an empty reply", "[mail]\nsay E|\n", MAIL, "554 5.7.1 refused|"},
    {"RELAYCLIENT set", "[connection]\nsay SRELAYCLIENT=|\n", MAIL "RCPT TO:<u@far.test>\n",
     "250 2.1.0 ok|250 2.1.5 ok|"},
    {"RELAYCLIENT set and unset", "[connection]\nsay SRELAYCLIENT=|\n[mail]\nsay URELAYCLIENT|\n",
     MAIL "RCPT TO:<u@far.test>\n",
     "250 2.1.0 ok|553 5.7.1 sorry, that domain isn't in my list of allowed rcpthosts|"},
};

static void begin(fake *f, char const *plugins)
{
  fake_init(f);
  fake_list(&f->control.plugins, plugins);
  fake_begin(f);
}

static void say(fake *f, char const *text)
{
  stralloc in = STRALLOC_ZERO;

  for (; *text; text++)
    ck_assert(*text == '\n' ? stralloc_catb(&in, "\r\n", 2) : stralloc_append(&in, *text));
  fake_feed(f, in.s, in.len, 1000);
  stralloc_free(&in);
}

/* The answers but for the greeting and EHLO's, with `|` for CRLF. */
static void squeeze(stralloc *to, stralloc *out)
{
  char const *s;

  ck_assert(stralloc_0(out));
  s = out->s;
  if (!strncmp(s, "220 ", 4)) s = strstr(s, "\r\n") + 2;
  if (!strncmp(s, "250-mx.test", 11)) s = strstr(s, "250 ENHANCEDSTATUSCODES\r\n") + 25;
  for (; *s; s++)
    if (*s != '\n') ck_assert(stralloc_append(to, *s == '\r' ? '|' : *s));
  ck_assert(stralloc_0(to));
}

START_TEST(semantics)
{
  fake f;
  stralloc got = STRALLOC_ZERO;

  begin(&f, cases[_i].plugins);
  fake_list(&f.control.badmailfrom, "@bad.test\n");
  f.config.auth = f.config.auth_plain = strstr(cases[_i].says, "AUTH") != 0;
  say(&f, cases[_i].says);
  squeeze(&got, &f.out);
  ck_assert_msg(!strcmp(got.s, cases[_i].answers), "%s: got %s, wanted %s", cases[_i].name, got.s,
                cases[_i].answers);
  stralloc_free(&got);
  fake_free(&f);
}
END_TEST

static char const *var(fake const *f, char const *name)
{
  size_t n = strlen(name);

  for (size_t i = 0; i + 1 < f->vars.len; i += strlen(f->vars.s + i) + 1)
    if (!strncmp(f->vars.s + i, name, n) && f->vars.s[i + n] == '=') return f->vars.s + i + n + 1;
  return "unset";
}

START_TEST(environment)
{
  fake f;

  begin(&f, "[helo]\nsay SFOO=bar|SBAR=baz|\n[mail]\nsay UBAR|SFOO=|\n[rcpt]\nsay \n[auth]\nsay \n");
  f.config.auth = f.config.auth_plain = 1;
  say(&f, "EHLO some.host\n");
  ck_assert_str_eq(var(&f, "SMTPHELOHOST"), "some.host");
  ck_assert_str_eq(var(&f, "FOO"), "unset");
  say(&f, "AUTH PLAIN AGpvZQBzZWNyZXQ=\n");
  ck_assert_str_eq(var(&f, "SMTPAUTHUSER"), "joe");
  ck_assert_str_eq(var(&f, "SMTPAUTHMETHOD"), "PLAIN");
  say(&f, "MAIL FROM:<>\n");
  ck_assert_str_eq(var(&f, "SMTPMAILFROM"), "");
  ck_assert_str_eq(var(&f, "FOO"), "bar");
  say(&f, "RCPT TO:<x@here.test>\n");
  ck_assert_str_eq(var(&f, "FOO"), "");
  ck_assert_str_eq(var(&f, "BAR"), "unset");
  ck_assert_str_eq(var(&f, "SMTPRCPTTO"), "x@here.test");
  ck_assert_str_eq(var(&f, "SMTPRCPTCOUNT"), "0");
  ck_assert_str_eq(var(&f, "SMTPRCPTCOUNTALL"), "1");
  ck_assert_str_eq(var(&f, "SMTPRCPTHOSTSOK"), "1");
  say(&f, "RCPT TO:<\"y z\"@far.test>\n");
  ck_assert_str_eq(var(&f, "SMTPRCPTTO"), "y z@far.test");
  ck_assert_str_eq(var(&f, "SMTPRCPTCOUNT"), "1");
  ck_assert_str_eq(var(&f, "SMTPRCPTCOUNTALL"), "2");
  fake_free(&f);
}
END_TEST

/* Without AUTH and with a foreign recipient. */
START_TEST(hosts)
{
  fake f;

  begin(&f, "[rcpt]\nsay \n");
  say(&f, MAIL "RCPT TO:<u@far.test>\nRCPT TO:<u@here.test>\nRCPT TO:<v@here.test>\n");
  ck_assert_str_eq(var(&f, "SMTPRCPTHOSTSOK"), "1");
  ck_assert_str_eq(var(&f, "SMTPRCPTCOUNT"), "1");
  ck_assert_str_eq(var(&f, "SMTPRCPTCOUNTALL"), "3");
  say(&f, "RCPT TO:<u@far.test>\n");
  ck_assert_str_eq(var(&f, "SMTPRCPTHOSTSOK"), "0");
  ck_assert_str_eq(var(&f, "SMTPAUTHUSER"), "unset");
  fake_free(&f);
}
END_TEST

START_TEST(headers)
{
  fake f;

  begin(&f, "[mail]\nsay HX-One: 1|H|HX-Bad: \r.|HX-Two: 2|\n[data]\nsay HX-Three: 3|\n");
  say(&f, DATA "MAIL FROM:<>\nRCPT TO:<u@here.test>\nDATA\n.\n");
  ck_assert(stralloc_0(&f.message));
  ck_assert_ptr_nonnull(strstr(f.message.s, " -0000\nX-One: 1\nX-Two: 2\nX-Three: 3\n"));
  ck_assert_ptr_null(strstr(strstr(f.message.s, "X-One") + 5, "X-One"));
  fake_free(&f);
}
END_TEST

START_TEST(addresses)
{
  fake f;

  begin(&f, "[mail]\nsay Cnew@sender.test|\n[rcpt]\nsay Cone@else.test|\nsay \n");
  say(&f, DATA);
  ck_assert_str_eq(var(&f, "SMTPRCPTTO"), "one@else.test");
  ck_assert_uint_eq(f.envelope.len, 33);
  ck_assert(!memcmp(f.envelope.s, "Fnew@sender.test\0Tone@else.test\0", 33));
  fake_free(&f);
  begin(&f, "[mail]\nsay C|\n[rcpt]\nsay C|Ca\001b@c|\n");
  say(&f, DATA);
  ck_assert(!memcmp(f.envelope.s, "F\0Tu@here.test\0", 16));
  fake_free(&f);
}
END_TEST

START_TEST(closed)
{
  fake f;
  stralloc got = STRALLOC_ZERO;

  begin(&f, "[mail]\nhang\n");
  f.config.plugins_closed = 1;
  say(&f, MAIL);
  squeeze(&got, &f.out);
  ck_assert_str_eq(got.s, "451 4.3.0 qmail-spp failure: hang: timed out (#4.3.0)|");
  ck_assert_uint_eq(f.tallies[TALLY_PLUGIN_TIMEOUTS], 1);
  stralloc_free(&got);
  fake_free(&f);
}
END_TEST

/* Who logged in may relay, and plugins are told so; what a plugin or the server says of RELAYCLIENT goes first. */
START_TEST(relaying)
{
  static char const *const plugins[] = {"[mail]\nsay \n", "[helo]\nsay URELAYCLIENT|\n[mail]\nsay \n",
                                        "[helo]\nsay SRELAYCLIENT=.out|\n[mail]\nsay \n",
                                        "[mail]\nsay URELAYCLIENT|\nsay \n"};
  static char const *const values[] = {"", "", ".out", "unset"};
  static char const *const recipients[] = {"Tu@far.test", "Tu@far.test", "Tu@far.test.out", 0};
  fake f;

  begin(&f, plugins[_i]);
  f.config.auth = f.config.auth_plain = 1;
  say(&f, "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nMAIL FROM:<>\n");
  ck_assert_str_eq(var(&f, "RELAYCLIENT"), values[_i]);
  ck_assert_str_eq(var(&f, "TCPREMOTEINFO"), "joe");
  say(&f, "RCPT TO:<u@far.test>\nDATA\n.\n");
  ck_assert_uint_eq(f.queued, recipients[_i] != 0);
  if (recipients[_i]) ck_assert_str_eq(f.envelope.s + 2, recipients[_i]);
  fake_free(&f);
}
END_TEST

/* A refusal in [auth] undoes the login, and what a plugin may not say of it. */
START_TEST(logins)
{
  fake f;

  begin(&f, "[auth]\nsay E535 not you|\n[mail]\nsay \n");
  f.config.auth = f.config.auth_plain = 1;
  say(&f, "EHLO c\nAUTH PLAIN AGpvZQBzZWNyZXQ=\nMAIL FROM:<>\nRCPT TO:<u@far.test>\n");
  ck_assert(stralloc_0(&f.out));
  ck_assert_ptr_nonnull(strstr(f.out.s, "\r\n535 5.7.1 not you\r\n"));
  ck_assert_ptr_nonnull(strstr(f.out.s, "\r\n553 "));
  ck_assert_str_eq(var(&f, "SMTPAUTHUSER"), "unset");
  fake_free(&f);
}
END_TEST

/* A plugin that sets variables for ever: bounded, and the session goes on. */
START_TEST(bounded)
{
  fake f;
  stralloc output = STRALLOC_ZERO;
  char text[256];

  for (unsigned int i = 0; i < 3000; i++)
  {
    snprintf(text, sizeof text, "SV%u=%040u\nHX: %040u\nLD550 %040u\n", i, i, i, i);
    ck_assert(stralloc_cats(&output, text));
  }
  ck_assert(stralloc_0(&output));
  begin(&f, "[mail]\nplugin\n");
  f.output = output.s;
  say(&f, MAIL);
  ck_assert_uint_lt(f.session.spp.vars.len, 140000);
  ck_assert_uint_lt(f.session.spp.headers.len, 70000);
  ck_assert_uint_lt(f.session.spp.later[2].len, 70000);
  fake_free(&f);
  stralloc_free(&output);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("smtpd-spp");
  TCase *t = tcase_create("spp");

  tcase_add_loop_test(t, semantics, 0, sizeof cases / sizeof cases[0]);
  tcase_add_test(t, environment);
  tcase_add_test(t, hosts);
  tcase_add_test(t, headers);
  tcase_add_test(t, addresses);
  tcase_add_test(t, closed);
  tcase_add_loop_test(t, relaying, 0, 4);
  tcase_add_test(t, logins);
  tcase_add_test(t, bounded);
  suite_add_tcase(s, t);
  return unit_run(s);
}
