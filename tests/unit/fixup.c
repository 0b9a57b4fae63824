#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <services/smtpd/fixup.h>

#include "unit.h"

/* What the three added fields are here; a case's text says where they go with @ (all), or one of them. */
#define DATE_FIELD "Date: Sun, 22 Nov 2026 11:02:43 -0000\n"
#define ID_FIELD   "Message-ID: <1.2@mx.example.test>\n"
#define FROM_FIELD "From: <joe@example.test>\n"
#define ALL        DATE_FIELD ID_FIELD FROM_FIELD
#define HAVE       "Date: x\nMessage-ID: x\n"
#define HAVE_ALL   HAVE "From: a@b.c\n"

typedef struct example_s example;
struct example_s
{
  char const *in;
  char const *out; /* 0: as in */
};

static example const examples[] = {
    /* what is missing */
    {"Subject: x\n\nbody\n", "Subject: x\n" ALL "\nbody\n"},
    {"\nbody\n", ALL "\nbody\n"},
    {"", ALL},
    {"Subject: x\n", "Subject: x\n" ALL},
    {"Subject: x", "Subject: x\n" ALL},
    {"DATE: x\nmessage-id : y\n\nb", "DATE: x\nmessage-id : y\n" FROM_FIELD "\nb"},
    {HAVE_ALL "\nbody\n", 0},
    {HAVE_ALL "\n", 0},
    {HAVE_ALL, 0},
    {"From: a@b.c\nDate:\nMessage-ID:\n\n", 0},
    {"Resent-Date: x\nResent-Message-ID: x\nResent-From: a@b.c\n\n",
     "Resent-Date: x\nResent-Message-ID: x\nResent-From: a@b.c\n" ALL "\n"},
    /* a body that begins without an empty line */
    {HAVE_ALL "hello host: no field\nDate: y\n", HAVE_ALL "\nhello host: no field\nDate: y\n"},
    {HAVE_ALL "hello\n", HAVE_ALL "\nhello\n"},
    {HAVE_ALL "hello", HAVE_ALL "\nhello"},
    {HAVE_ALL ": x\n", HAVE_ALL "\n: x\n"},
    {HAVE_ALL "\xc3\xa4: x\n", HAVE_ALL "\n\xc3\xa4: x\n"},
    {" no field yet\nx: y\n", ALL "\n no field yet\nx: y\n"},
    /* what is taken out, folded lines too */
    {HAVE_ALL "Bcc: secret@b.c,\n other@b.c\n\t\nTo: a@b.c\n\n", HAVE_ALL "To: a@b.c\n\n"},
    {HAVE_ALL "bCC : x\n\nBcc: body\n", HAVE_ALL "\nBcc: body\n"},
    {HAVE_ALL "Resent-Bcc: x\nReturn-Path: <x>\nX-Bcc: x\nBcc-X: x\n\n", HAVE_ALL "X-Bcc: x\nBcc-X: x\n\n"},
    {"Bcc: x", ALL},
    {"Bcc: x\n y", ALL},
    {HAVE_ALL "Return-Path:\n\n", HAVE_ALL "\n"},
    /* the rest stays byte for byte */
    {HAVE_ALL "Subject:  joe,  ann \t\n\tx\r\nX: \x01\xff\n \n\nb\r\n\n.\n", 0},
    {HAVE_ALL "Received: from joe (joe) by x; y\nComments: joe\n\n", 0},
};

/* The value of To: before and after. */
static example const lists[] = {
    {"joe", "joe@example.test"},
    {"joe, ann ,  bob", "joe@example.test, ann@example.test ,  bob@example.test"},
    {"joe@a.b", 0},
    {"joe@host", "joe@host.example.test"},
    {"joe@[127.0.0.1]", 0},
    {"joe@a.b.", 0},
    {"<joe>", "<joe@example.test>"},
    {"Joe <joe>", "Joe <joe@example.test>"},
    {"Joe Smith <joe@host>", "Joe Smith <joe@host.example.test>"},
    {"J. Q. Smith <joe>", "J. Q. Smith <joe@example.test>"},
    {"\"Smith, Joe\" <joe>, ann", "\"Smith, Joe\" <joe@example.test>, ann@example.test"},
    {"\"joe smith\"", "\"joe smith\"@example.test"},
    {"\"joe\\\" @\"", "\"joe\\\" @\"@example.test"},
    {"joe.smith", "joe.smith@example.test"},
    {"joe . smith", "joe . smith@example.test"},
    {"\"a\".b", "\"a\".b@example.test"},
    {"joe @ host", "joe @ host.example.test"},
    {"joe (Joe, the \\) (first)) , ann", "joe@example.test (Joe, the \\) (first)) , ann@example.test"},
    {"(only a comment)", 0},
    {"(x)joe(y)@(z)host(w)", "(x)joe(y)@(z)host.example.test(w)"},
    {"Joe (x) <(y)joe(z)> (w)", "Joe (x) <(y)joe@example.test(z)> (w)"},
    {"joe,\n ann\n (x),\n\tbob", "joe@example.test,\n ann@example.test\n (x),\n\tbob@example.test"},
    {"friends: joe, Ann <ann>;", "friends: joe@example.test, Ann <ann@example.test>;"},
    {"friends:;, joe", "friends:;, joe@example.test"},
    {"My friends: joe;, us: ann@host;", "My friends: joe@example.test;, us: ann@host.example.test;"},
    {"undisclosed-recipients:;", 0},
    {"undisclosed recipients", 0},
    {"joe; ann", "joe@example.test; ann@example.test"},
    {"<@a,@b:joe>", "<@a,@b:joe@example.test>"},
    {"<@a.b:joe@host>", "<@a.b:joe@host.example.test>"},
    {"<>", 0},
    {"", 0},
    {",, joe,", ",, joe@example.test,"},
    {"=?utf-8?q?J=C3=B6rg?= <j>", "=?utf-8?q?J=C3=B6rg?= <j@example.test>"},
    {"j\xc3\xb6rg", "j\xc3\xb6rg@example.test"},
    {"joe\\,x", "joe\\,x@example.test"},
    {"joe@", 0},
    {"joe.", 0},
    {"mailer-daemon", "mailer-daemon@example.test"},
    /* faults: from there on it stays */
    {"joe, <ann, bob", "joe@example.test, <ann, bob"},
    {"joe, \"ann", "joe@example.test, \"ann"},
    {"joe, (ann", "joe@example.test, (ann"},
    {"joe (ann", 0},
    {"joe, ann) bob", "joe@example.test, ann) bob"},
    {"joe@a@b, ann", 0},
    {"joe smith@a, ann", 0},
    {"@host", 0},
    {"joe, <<ann>>", "joe@example.test, <<ann>>"},
    {"joe>, ann", 0},
    {"a: b: joe;", 0},
    {"joe@a: ann", 0},
    {"joe@[x, ann", 0},
    {"[x]", 0},
    {"ann, joe\\", "ann@example.test, joe\\"},
    {"Ann <a b>", 0},
};

static fixup_info info = {.now = 1795345363,
                          .host = "mx.example.test",
                          .domain = "example.test",
                          .sender = "joe@example.test",
                          .id = "1.2"};

/* Feeds the text in three pieces; each end of a piece is a place where it may have been split. */
static void check_split(char const *in, char const *wanted, size_t first, size_t second)
{
  fixup f = FIXUP_ZERO;
  stralloc out = STRALLOC_ZERO;
  size_t len = strlen(in);

  fixup_init(&f, &info);
  ck_assert(fixup_feed(&f, in, first, &out) == 0);
  ck_assert(fixup_feed(&f, in + first, second - first, &out) == 0);
  ck_assert(fixup_feed(&f, in + second, len - second, &out) == 0);
  ck_assert(fixup_end(&f, &out) == 0 && stralloc_0(&out));
  if (strcmp(out.s, wanted))
    ck_abort_msg("split at %zu, %zu\n%s\nbecame\n%s\nnot\n%s", first, second, in, out.s, wanted);
  stralloc_free(&out);
  fixup_free(&f);
}

static void check_all(char const *in, char const *wanted)
{
  size_t len = strlen(in);

  for (size_t i = 0; i <= len; i++)
    for (size_t k = i; k <= len; k += 1 + (k - i) / 4) check_split(in, wanted, i, k);
}

START_TEST(header)
{
  check_all(examples[_i].in, examples[_i].out ? examples[_i].out : examples[_i].in);
}
END_TEST

static void check_list(char const *field, example const *e)
{
  char in[512], wanted[512];

  snprintf(in, sizeof in, "%s%s: %s\n\n", HAVE_ALL, field, e->in);
  snprintf(wanted, sizeof wanted, "%s%s: %s\n\n", HAVE_ALL, field, e->out ? e->out : e->in);
  check_all(in, wanted);
}

START_TEST(list)
{
  check_list("To", lists + _i);
}
END_TEST

START_TEST(fields)
{
  static char const *const names[] = {"From", "cc", "SENDER", "Reply-To ", "Resent-To", "Resent-From"};
  static char const *const others[] = {"Subject", "Tox", "T", "References", "X-To"};

  for (unsigned int i = 0; i < sizeof names / sizeof names[0]; i++) check_list(names[i], lists + 1);
  for (unsigned int i = 0; i < sizeof others / sizeof others[0]; i++)
    check_list(others[i], &(example){.in = lists[1].in});
}
END_TEST

static struct
{
  char const *sender;
  char const *from;
} const senders[] = {
    {"joe@example.test", "From: <joe@example.test>\n"},
    {"joe", "From: <joe@example.test>\n"},
    {"", "From: <MAILER-DAEMON@mx.example.test>\n"},
    {"joe smith@a.b", "From: <\"joe smith\"@a.b>\n"},
    {"a\"\\@b@c.d", "From: <\"a\\\"\\\\@b\"@c.d>\n"},
    {".joe@a.b", "From: <\".joe\"@a.b>\n"},
    {"a..b@a.b", "From: <\"a..b\"@a.b>\n"},
    {"j\xc3\xb6rg@a.b", "From: <j\xc3\xb6rg@a.b>\n"},
    {"a\nb@a.b", "From: <\"a?b\"@a.b>\n"},
    {"joe@", "From: <joe@example.test>\n"},
};

/* Mail programs send on what an mbox begins a message with. */
START_TEST(mbox)
{
  check_all("From joe Mon Jan  1 00:00:00 2024\n" HAVE "From: a@b.c\n\nx\n", HAVE "From: a@b.c\n\nx\n");
  check_all(">From joe\n" HAVE "From: a@b.c\n\nFrom x\n", HAVE "From: a@b.c\n\nFrom x\n");
  check_all("From \n" HAVE "From: a@b.c\n\nx\n", HAVE "From: a@b.c\n\nx\n");
  check_all("From joe\n" HAVE_ALL, HAVE_ALL);
  check_all(HAVE "From: a@b.c\nFrom joe\n\nx\n", HAVE "From: a@b.c\n\nFrom joe\n\nx\n");
}
END_TEST

START_TEST(from)
{
  char wanted[256];
  char const *old = info.sender;

  info.sender = senders[_i].sender;
  snprintf(wanted, sizeof wanted, "%s%s\n", HAVE, senders[_i].from);
  check_all(HAVE "\n", wanted);
  info.sender = old;
}
END_TEST

START_TEST(no_domain)
{
  char const *old = info.domain;

  info.domain = "";
  check_all(HAVE "From: joe, ann@host\n\n", HAVE "From: joe, ann@host\n\n");
  info.sender = "joe";
  check_all(HAVE "\n", HAVE "From: <joe@mx.example.test>\n\n");
  info.sender = "joe@example.test";
  info.domain = old;
}
END_TEST

static void feed_filled(fixup *f, stralloc *out, char const *before, size_t n, char const *after)
{
  char *x = malloc(n);

  memset(x, 'x', n);
  ck_assert(fixup_feed(f, before, strlen(before), out) == 0);
  ck_assert(fixup_feed(f, x, n, out) == 0);
  ck_assert(fixup_feed(f, after, strlen(after), out) == 0);
  ck_assert(f->held.a < 2 * FIXUP_FIELD_MAX);
  free(x);
}

/* Nothing grows beyond its bound, and what is too long stays as it is. */
START_TEST(bounds)
{
  fixup f = FIXUP_ZERO;
  stralloc out = STRALLOC_ZERO;

  fixup_init(&f, &info);
  feed_filled(&f, &out, HAVE_ALL "To: joe, ", FIXUP_FIELD_MAX, ", ann\n");
  feed_filled(&f, &out, "X: ", 1000000, "\nCc: joe\n");
  ck_assert(fixup_end(&f, &out) == 0 && stralloc_0(&out));
  ck_assert_ptr_nonnull(strstr(out.s, "To: joe, x"));
  ck_assert_ptr_nonnull(strstr(out.s, ", ann\n"));
  ck_assert_ptr_nonnull(strstr(out.s, "Cc: joe@example.test\n"));
  out.len = 0;
  fixup_init(&f, &info);
  feed_filled(&f, &out, HAVE_ALL, 2000, ": x\nCc: joe\n");
  ck_assert(fixup_end(&f, &out) == 0 && stralloc_0(&out));
  ck_assert_ptr_nonnull(strstr(out.s, HAVE_ALL "\nxxx"));
  ck_assert_ptr_nonnull(strstr(out.s, ": x\nCc: joe\n"));
  fixup_free(&f);
  stralloc_free(&out);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("fixup");
  TCase *t = tcase_create("fixup");

  tcase_add_loop_test(t, header, 0, sizeof examples / sizeof examples[0]);
  tcase_add_loop_test(t, list, 0, sizeof lists / sizeof lists[0]);
  tcase_add_test(t, fields);
  tcase_add_test(t, mbox);
  tcase_add_loop_test(t, from, 0, sizeof senders / sizeof senders[0]);
  tcase_add_test(t, no_domain);
  tcase_add_test(t, bounds);
  suite_add_tcase(s, t);
  return unit_run(s);
}
