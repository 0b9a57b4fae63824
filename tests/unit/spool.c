#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <runlib/envelope.h>
#include <runlib/mapping.h>
#include <runlib/spoolname.h>

#include <services/spool/message.h>
#include <services/spool/shares.h>

#include "unit.h"

#define TEXT(s) s, sizeof s - 1

/* --- envelope ------------------------------------------------------------------------------------ */

static struct
{
  char const *text;
  size_t len;
  int result; /* as envelope_feed's */
  int error;
  size_t used;
  size_t recipients;
} const envelopes[] = {
    {TEXT("Fa@b\0Tc@d\0\0"), 1, 0, 11, 1},
    {TEXT("Fa@b\0Tc@d\0Te@f\0\0"), 1, 0, 16, 2},
    {TEXT("F\0T\0\0"), 1, 0, 5, 1},
    {TEXT("F\0\0"), 1, 0, 3, 0},
    {TEXT("Fa\0Tb\0\0more"), 1, 0, 7, 1},
    {TEXT(""), 0, 0, 0, 0},
    {TEXT("Fa@b"), 0, 0, 4, 0},
    {TEXT("Fa@b\0"), 0, 0, 5, 0},
    {TEXT("Fa@b\0Tc@d\0"), 0, 0, 10, 1},
    {TEXT("\0"), -1, EPROTO, 1, 0},
    {TEXT("Ta\0\0"), -1, EPROTO, 1, 0},
    {TEXT("Fa\0Fb\0\0"), -1, EPROTO, 4, 0},
    {TEXT("Fa\0Db\0\0"), -1, EPROTO, 4, 0},
    {TEXT("Fa\0\nTb\0\0"), -1, EPROTO, 4, 0},
};

START_TEST(feed)
{
  /* in one piece, and byte by byte */
  for (size_t step = 1; step <= 64; step += 63)
  {
    envelope_scan e = ENVELOPE_SCAN_ZERO;
    size_t at = 0, used = 0;
    int r = 0;
    errno = 0;
    while (!r && at < envelopes[_i].len)
    {
      size_t n = envelopes[_i].len - at < step ? envelopes[_i].len - at : step;
      r = envelope_feed(&e, envelopes[_i].text + at, n, &used);
      at += used;
    }
    ck_assert_int_eq(r, envelopes[_i].result);
    ck_assert_int_eq(errno, envelopes[_i].error);
    ck_assert_uint_eq(at, envelopes[_i].used);
    if (r >= 0) ck_assert_uint_eq(e.recipients, envelopes[_i].recipients);
  }
}
END_TEST

static int feed_address(size_t n)
{
  envelope_scan e = ENVELOPE_SCAN_ZERO;
  char s[2000];
  size_t used;

  memset(s, 'x', sizeof s);
  s[0] = 'F';
  memcpy(s + 1 + n, "\0T\0", 4);
  return envelope_feed(&e, s, n + 5, &used);
}

START_TEST(limits)
{
  static char s[65536];
  envelope_scan e = ENVELOPE_SCAN_ZERO;
  size_t used;
  int r = 0;

  ck_assert_int_eq(feed_address(ENVELOPE_ADDRESS_MAX), 1);
  ck_assert_int_eq(feed_address(ENVELOPE_ADDRESS_MAX + 1), -1);
  ck_assert_int_eq(errno, ENAMETOOLONG);
  ck_assert_int_eq(envelope_feed(&e, "F", 2, &used), 0);
  for (size_t i = 0; i < sizeof s; i += 2) memcpy(s + i, "T", 2);
  while (!r) r = envelope_feed(&e, s, sizeof s, &used);
  ck_assert_int_eq(r, -1);
  ck_assert_int_eq(errno, EMSGSIZE);
  ck_assert_uint_eq(e.len, ENVELOPE_MAX);
}
END_TEST

START_TEST(recipients)
{
  static char const s[] = "Fs@x\0Ta\0Dbb\0S\0";
  size_t pos = 0;
  recipient r;

  ck_assert_str_eq(envelope_sender(s), "s@x");
  ck_assert(envelope_next(s, sizeof s, &pos, &r));
  ck_assert_str_eq(r.address, "a");
  ck_assert_int_eq(s[r.mark], 'T');
  ck_assert(envelope_next(s, sizeof s, &pos, &r));
  ck_assert_str_eq(r.address, "bb");
  ck_assert_uint_eq(r.len, 2);
  ck_assert_int_eq(s[r.mark], 'D');
  ck_assert(envelope_next(s, sizeof s, &pos, &r));
  ck_assert_str_eq(r.address, "");
  ck_assert_int_eq(s[r.mark], 'S');
  ck_assert(!envelope_next(s, sizeof s, &pos, &r));
}
END_TEST

static struct
{
  char const *text;
  uint64_t size;
  int ok;
  uint64_t message;
} const trailers[] = {
    {"spool1 00000000000000000005\n", 5 + 3 + 28, 1, 5},
    {"spool1 00000000000000000000\n", 3 + 28, 1, 0},
    {"spool1 00000000000000000006\n", 5 + 3 + 28, 0, 0},
    {"spool1 00000000000000000000\n", 1048576 + 28, 1, 0},
    {"spool1 00000000000000000000\n", 1048577 + 28, 0, 0},
    {"spool1 00000000000000000009\n", 28, 0, 0},
    {"spool1 99999999999999999999\n", 100, 0, 0},
    {"spool1 18446744073709551615\n", 100, 0, 0},
    {"spool1 0000000000000000000x\n", 100, 0, 0},
    {"spool1 00000000000000000005 ", 36, 0, 0},
    {"spool2 00000000000000000005\n", 36, 0, 0},
    {"spool1 00000000000000000005\n", 27, 0, 0},
};

START_TEST(trailer)
{
  uint64_t n = 0;
  char back[ENVELOPE_TRAILER];
  int r = envelope_trailer_scan(trailers[_i].text, trailers[_i].size, &n);

  ck_assert_int_eq(!r, trailers[_i].ok);
  if (r) return;
  ck_assert_uint_eq(n, trailers[_i].message);
  envelope_trailer_fmt(back, n);
  ck_assert_mem_eq(back, trailers[_i].text, sizeof back);
}
END_TEST

/* --- names --------------------------------------------------------------------------------------- */

START_TEST(names)
{
  struct timespec t = {.tv_sec = 1763809311, .tv_nsec = 42999};
  char s[SPOOLNAME_FMT];

  spoolname_fmt(s, &t, 4711, 0x0123456789abcdefULL);
  ck_assert_str_eq(s, "1763809311.M000042P4711R0123456789abcdef");
  ck_assert_uint_eq(spoolname_birth(s), 1763809311000042ULL);
  t.tv_sec = 99999999999;
  t.tv_nsec = 999999999;
  spoolname_fmt(s, &t, 4294967295U, UINT64_MAX);
  ck_assert_uint_eq(spoolname_birth(s), 99999999999999999ULL);
}
END_TEST

static char const *const not_names[] = {
    "",
    ".",
    "x",
    "1763809311",
    "1763809311.",
    "1763809311.M42P1",
    "1763809311.M000042",
    ".M000042P1",
    "1763809311.M0000421P1",
    "1763809311111.M000042P1",
};

START_TEST(no_names)
{
  ck_assert_uint_eq(spoolname_birth(not_names[_i]), 0);
}
END_TEST

#define S 1000000ULL
static struct
{
  uint64_t birth, tried, now, due;
} const dues[] = {
    {100 * S, 100 * S, 200 * S, 200 * S},             /* never tried */
    {100 * S, 99 * S, 100 * S, 100 * S},              /* the file's clock is coarser than ours */
    {100 * S, 100 * S + 1, 100 * S + 2, 101 * S + 1}, /* a second at least */
    {100 * S, 104 * S, 105 * S, 108 * S},             /* as long as its age */
    {100 * S, 104 * S, 109 * S, 108 * S},             /* overdue */
    {100 * S, 9000 * S, 9001 * S, 9300 * S},          /* at most 300 */
    {100 * S, 500 * S, 200 * S, 200 * S},             /* the clock went back */
    {0, 100 * S, 101 * S, 200 * S},                   /* not a message's name */
};

START_TEST(pauses)
{
  ck_assert_uint_eq(spoolname_due(dues[_i].birth, dues[_i].tried, dues[_i].now, 300 * S), dues[_i].due);
}
END_TEST

/* --- mapping ------------------------------------------------------------------------------------- */

static char const alias_text[] = "# people\n"
                                 "Info: joe, Ann  # both\n"
                                 "sales:joe\n"
                                 "\tann ,\n"
                                 "  postmaster\n"
                                 "joe-shop: ann\n"
                                 "self: self, joe\n"
                                 "a: b\nb: c\nc: a\n"
                                 "gone: nobody\n"
                                 "away: someone@elsewhere.test\n"
                                 "round: joe@example.test\n"
                                 "hi@second.test: ann\n"
                                 "d1: d2\nd2: d3\nd3: d4\nd4: d5\nd5: d6\nd6: d7\nd7: d8\nd8: d9\nd9: joe\n";

static int exists(void *data, char const *name)
{
  static char const *const directories[] = {"joe", "ann", "postmaster", "self", "with-dash", "x+y", 0};

  (void)data;
  ck_assert_msg(*name && *name != '.' && !strchr(name, '/'), "asked for the directory %s", name);
  if (!strcmp(name, "broken")) return errno = EIO, -1;
  for (char const *const *f = directories; *f; f++)
    if (!strcmp(*f, name)) return 1;
  return 0;
}

static void make_mapping(mapping *m)
{
  unsigned int line;
  char const *wrong;

  ck_assert_int_eq(mapping_add_domains(m, TEXT("# ours\nexample.test\n Second.TEST \r\n.sub.test\n")), 0);
  ck_assert_int_eq(mapping_set_aliases(m, TEXT(alias_text), &line, &wrong), 0);
}

static struct
{
  char const *address;
  int result;
  char const *directories; /* between commas; for 0: what the reason begins with */
} const finds[] = {
    {"joe@example.test", 1, "joe"},
    {"JOE@EXAMPLE.Test", 1, "joe"},
    {"joe@example.test.", 1, "joe"},
    {"joe@second.test", 1, "joe"},
    {"joe@x.sub.test", 1, "joe"},
    {"joe@sub.test", 0, "not a local domain"},
    {"joe@xsub.test", 0, "not a local domain"},
    {"joe@example.test.evil", 0, "not a local domain"},
    {"joe", 1, "joe"},
    {"joe-list@example.test", 1, "joe"},
    {"joe+a+b-c@example.test", 1, "joe"},
    {"joe-@example.test", 1, "joe"},
    {"with-dash@example.test", 1, "with-dash"},
    {"with-dash-x@example.test", 1, "with-dash"},
    {"x+y@example.test", 1, "x+y"},
    {"x+z@example.test", 0, "no such user: x+z"},
    {"joe-shop@example.test", 1, "ann"},
    {"joe-shop-1@example.test", 1, "ann"},
    {"-joe@example.test", 0, "no such user"},
    {"info@example.test", 2, "joe,ann"},
    {"info-x@example.test", 2, "joe,ann"},
    {"sales@example.test", 3, "joe,ann,postmaster"},
    {"self@example.test", 2, "self,joe"},
    {"a@example.test", 0, "no such alias or directory: a"},
    {"gone@example.test", 0, "no such alias or directory: nobody"},
    {"away@example.test", 0, "not a local domain, and spool delivers locally only: elsewhere.test"},
    {"round@example.test", 1, "joe"},
    {"hi@second.test", 1, "ann"},
    {"hi+x@second.test", 1, "ann"},
    {"sales+x@example.test", 3, "joe,ann,postmaster"},
    {"hi@example.test", 0, "no such user: hi"},
    {"d1@example.test", 1, "joe"},
    {"../joe@example.test", 0, "no such user"},
    {"joe/../ann@example.test", 0, "no such user"},
    {"..@example.test", 0, "no such user"},
    {".@example.test", 0, "no such user"},
    {".joe@example.test", 0, "no such user"},
    {"/etc@example.test", 0, "no such user"},
    {"joe/@example.test", 0, "no such user"},
    {"joe\n@example.test", 0, "no such user: joe?"},
    {"@example.test", 0, "no such user"},
    {"a@b@example.test", 0, "no such user"},
    {"", 0, "no such alias or directory"},
    {"@", 0, "not a local domain"},
    {"broken@example.test", -1, ""},
};

START_TEST(find)
{
  mapping m = MAPPING_ZERO;
  stralloc directories = STRALLOC_ZERO, why = STRALLOC_ZERO;
  int r;

  make_mapping(&m);
  r = mapping_find(&m, finds[_i].address, strlen(finds[_i].address), &exists, 0, &directories, &why);
  ck_assert_msg(r == finds[_i].result, "%s: %d", finds[_i].address, r);
  if (r > 0)
  {
    for (size_t i = 0; i + 1 < directories.len; i++)
      if (!directories.s[i]) directories.s[i] = ',';
    ck_assert_str_eq(directories.s, finds[_i].directories);
  }
  else if (!r)
  {
    ck_assert(stralloc_0(&why));
    ck_assert_msg(!strncmp(why.s, finds[_i].directories, strlen(finds[_i].directories)), "%s", why.s);
    ck_assert(!strchr(why.s, '\n'));
  }
  else
    ck_assert_int_eq(errno, EIO);
  stralloc_free(&directories);
  stralloc_free(&why);
  mapping_free(&m);
}
END_TEST

static int caught(char const *catchall, char const *address, size_t len, stralloc *directories)
{
  mapping m = MAPPING_ZERO;
  stralloc why = STRALLOC_ZERO;
  int r;

  make_mapping(&m);
  m.catchall = catchall;
  r = mapping_find(&m, address, len, &exists, 0, directories, &why);
  stralloc_free(&why);
  mapping_free(&m);
  return r;
}

START_TEST(catch_all)
{
  stralloc f = STRALLOC_ZERO;

  ck_assert_int_eq(caught("postmaster", TEXT("nobody@example.test"), &f), 1);
  ck_assert_str_eq(f.s, "postmaster");
  ck_assert_int_eq(caught("info", TEXT("../x@example.test"), &f), 2);
  ck_assert_int_eq(caught("postmaster", TEXT("joe@example.test"), &f), 1);
  ck_assert_str_eq(f.s, "joe");
  ck_assert_int_eq(caught("postmaster", TEXT("gone@example.test"), &f), 1);
  ck_assert_int_eq(caught("postmaster", TEXT("x@elsewhere.test"), &f), 0);
  ck_assert_int_eq(caught("nobody", TEXT("x@example.test"), &f), 0);
  ck_assert_int_eq(caught("postmaster", TEXT("joe\0x@example.test"), &f), 0);
  stralloc_free(&f);
}
END_TEST

/* An alias that doubles at every step ends all the same. */
START_TEST(explosion)
{
  mapping m = MAPPING_ZERO;
  stralloc text = STRALLOC_ZERO, directories = STRALLOC_ZERO, why = STRALLOC_ZERO;
  unsigned int line;
  char const *wrong;
  char s[64];

  for (int i = 0; i < 15; i++)
  {
    snprintf(s, sizeof s, "x%d: x%d y%d\ny%d: x%d y%d\n", i, i + 1, i + 1, i, i + 1, i + 1);
    ck_assert(stralloc_cats(&text, s));
  }
  ck_assert(stralloc_cats(&text, "x15: joe\ny15: joe\n"));
  ck_assert_int_eq(mapping_set_aliases(&m, text.s, text.len, &line, &wrong), 0);
  ck_assert_int_eq(mapping_find(&m, TEXT("x0"), &exists, 0, &directories, &why), 0);
  ck_assert(stralloc_0(&why));
  ck_assert_msg(!strncmp(why.s, "takes too many steps", 20), "%s", why.s);
  stralloc_free(&text);
  stralloc_free(&directories);
  stralloc_free(&why);
  mapping_free(&m);
}
END_TEST

static struct
{
  char const *text;
  size_t len;
  unsigned int line; /* 0: good */
} const alias_files[] = {
    {TEXT(""), 0},
    {TEXT("\n\n# x\n"), 0},
    {TEXT("a: b"), 0},
    {TEXT("a : b\r\n"), 0},
    {TEXT("a:\n b\n"), 0},
    {TEXT("a: b\nc\n"), 2},
    {TEXT("a:\n"), 2},
    {TEXT("a:\nb: c\n"), 2},
    {TEXT(" b\n"), 1},
    {TEXT("a: b\n\na: c\n"), 4},
    {TEXT("a: b\nA: c\n"), 3},
    {TEXT("a: |program\n"), 1},
    {TEXT("x: y\na: /var/mail/a\n"), 2},
    {TEXT("a: \"|program\"\n"), 1},
    {TEXT("a: b\0c\n"), 1},
    {TEXT("../a: b\n"), 1},
    {TEXT(".a: b\n"), 1},
    {TEXT(": b\n"), 1},
    {TEXT("a b: c\n"), 1},
};

START_TEST(alias_file)
{
  mapping m = MAPPING_ZERO;
  unsigned int line = 0;
  char const *wrong = 0;
  int r = mapping_set_aliases(&m, alias_files[_i].text, alias_files[_i].len, &line, &wrong);

  ck_assert_int_eq(r, alias_files[_i].line ? -1 : 0);
  if (r)
  {
    ck_assert_int_eq(errno, EPROTO);
    ck_assert_ptr_nonnull(wrong);
    ck_assert_uint_eq(line, alias_files[_i].line);
  }
  mapping_free(&m);
}
END_TEST

/* --- loops --------------------------------------------------------------------------------------- */

static struct
{
  char const *header;
  int was;
} const headers[] = {
    {"Delivered-To: a@b\n\nx", 1},
    {"delivered-to:A@B \r\nSubject: x\r\n\r\n", 1},
    {"Subject: x\nDelivered-To: c\nDelivered-To: a@b", 1},
    {"Subject: x\n\nDelivered-To: a@b\n", 0},
    {"Subject: x\r\n\r\nDelivered-To: a@b\n", 0},
    {"\nDelivered-To: a@b\n", 0},
    {"X-Delivered-To: a@b\n", 0},
    {"Delivered-To: a@bc\n", 0},
    {"Delivered-To: a@\n", 0},
    {"Delivered-To:\n", 0},
    {"Delivered-To", 0},
    {"", 0},
};

START_TEST(loops)
{
  history h = HISTORY_ZERO;

  ck_assert_int_eq(spool_history_read(&h, headers[_i].header, strlen(headers[_i].header)), 0);
  ck_assert_int_eq(spool_history_has(&h, "a@b"), headers[_i].was);
  ck_assert_int_eq(spool_history_has(&h, "A@B"), headers[_i].was);
  spool_history_free(&h);
}
END_TEST

START_TEST(quoted_loops)
{
  static char const header[] = "Delivered-To: \"a b\"@c\nDelivered-To: d e@c\n\n";
  history h = HISTORY_ZERO;

  ck_assert_int_eq(spool_history_read(&h, header, sizeof header - 1), 0);
  ck_assert_int_eq(spool_history_has(&h, "a b@c"), 1);
  ck_assert_int_eq(spool_history_has(&h, "d e@c"), 1);
  ck_assert_int_eq(spool_history_has(&h, "a@c"), 0);
  spool_history_free(&h);
}
END_TEST

/* Whose mail it is, for a fair share: two headers of one source, and one of another. */
static struct
{
  char const *one;
  char const *same;
  char const *other;
} const sources[] = {
    {"Received: from x (HELO y) (192.0.2.1)\n  by z\n", "Received: from a (joe@192.0.2.1)\n  by z\n",
     "Received: from x (HELO y) (192.0.2.2)\n  by z\n"},
    {"Received: from x (2001:db8::1)\n", "Received: from x (2001:db8::ffff:ffff:ffff:ffff)\n",
     "Received: from x (2001:db8:0:1::1)\n"},
    /* What the client says comes behind our own field. */
    {"Received: from x (192.0.2.1)\n  by z\nReceived: from y (192.0.2.77)\n",
     "Received: from x (192.0.2.1)\n  by z\n", "Received: from y (192.0.2.77)\n"},
    {"Received: (spool-queue 1 invoked by uid 7); x\nReceived: from x (192.0.2.1)\n  by z\n",
     "Received: from x (192.0.2.1)\n  by z\n", "Received: (spool-queue 1 invoked by uid 7); x\n"},
    {"Received: (spool-queue 1 invoked by uid 7); x\n", "Received: (spool-queue 2 invoked by uid 7); y\n",
     "Received: (spool-queue 1 invoked by uid 8); x\n"},
};

static uint64_t source_of(char const *header)
{
  history h = HISTORY_ZERO;
  uint64_t n;

  ck_assert_int_eq(spool_history_read(&h, header, strlen(header)), 0);
  n = h.source;
  spool_history_free(&h);
  return n;
}

START_TEST(whose)
{
  ck_assert_uint_ne(source_of(sources[_i].one), 0);
  ck_assert_uint_eq(source_of(sources[_i].one), source_of(sources[_i].same));
  ck_assert_uint_ne(source_of(sources[_i].one), source_of(sources[_i].other));
}
END_TEST

START_TEST(fair)
{
  static shares s;

  shares_begin(&s);
  for (unsigned int i = 0; i < SHARE / SHARE_FILE; i++)
  {
    ck_assert(!shares_gone(&s, 1));
    shares_take(&s, 1, 10);
  }
  ck_assert(shares_gone(&s, 1) && !shares_gone(&s, 2));
  shares_take(&s, 2, SHARE - 1);
  ck_assert(!shares_gone(&s, 2));
  for (uint64_t i = 3; i < 1000; i++) shares_take(&s, i, SHARE / 4);
  ck_assert(shares_gone(&s, 1) && !shares_gone(&s, 2) && !shares_gone(&s, 3));
  ck_assert(shares_gone(&s, 999) && shares_gone(&s, 5000));
  shares_begin(&s);
  ck_assert(!shares_gone(&s, 1) && !shares_gone(&s, 999));
}
END_TEST

#define ROWS(t, f, a) tcase_add_loop_test(t, f, 0, sizeof a / sizeof *a)

int main(void)
{
  Suite *s = suite_create("spool");
  TCase *t = tcase_create("spool");

  ROWS(t, feed, envelopes);
  tcase_add_test(t, limits);
  tcase_add_test(t, recipients);
  ROWS(t, trailer, trailers);
  tcase_add_test(t, names);
  ROWS(t, no_names, not_names);
  ROWS(t, pauses, dues);
  ROWS(t, find, finds);
  tcase_add_test(t, catch_all);
  tcase_add_test(t, explosion);
  ROWS(t, alias_file, alias_files);
  ROWS(t, loops, headers);
  tcase_add_test(t, quoted_loops);
  ROWS(t, whose, sources);
  tcase_add_test(t, fair);
  suite_add_tcase(s, t);
  return unit_run(s);
}
