#include <string.h>

#include <services/smtpd/fields.h>
#include <services/smtpd/milter.h>
#include <services/smtpd/packet.h>

#include "unit.h"

/* --- replies ------------------------------------------------------------------------------------- */

static struct
{
  char const *in;
  char const *out; /* 0: it is none */
} const replies[] = {
    {"550 5.7.1 no", "550 5.7.1 no"},
    {"451 later\r\n", "451 later"},
    {"550", "550 "},
    {"550-5.7.1 a\r\n550 5.7.1 b", "550-5.7.1 a\r\n550 5.7.1 b"},
    {"550 5.7.1 a\n550-5.7.1 b\n", "550-5.7.1 a\r\n550 5.7.1 b"},
    {"554 100%% sure, 100% too", "554 100% sure, 100% too"},
    {"554 bell\a and \xc3\xa9", "554 bell? and ??"},
    {"554 a\rb", "554 a?b"},
    {"250 fine", 0},
    {"350 x", 0},
    {"55x no", 0},
    {"550x no", 0},
    {"550-a\r\n551 b", 0},
    {"550-a\r\n", "550 a"},
    {"", 0},
    {"\n550 x", 0},
};

START_TEST(a_reply)
{
  stralloc sa = STRALLOC_ZERO;
  int r = packet_reply(&sa, replies[_i].in);

  ck_assert_int_eq(r, !replies[_i].out);
  if (!r)
  {
    ck_assert(stralloc_0(&sa));
    ck_assert_str_eq(sa.s, replies[_i].out);
  }
  stralloc_free(&sa);
}
END_TEST

START_TEST(a_long_reply)
{
  static char text[40000];
  stralloc sa = STRALLOC_ZERO;

  for (size_t i = 0; i + 5 < sizeof text; i += 8) memcpy(text + i, "550-abc\n", 8);
  ck_assert_int_eq(packet_reply(&sa, text), 0);
  ck_assert_uint_eq(sa.len, 15 * 9 + 7);
  ck_assert(!memcmp(sa.s + sa.len - 7, "550 abc", 7));
  stralloc_free(&sa);
}
END_TEST

/* --- packets ------------------------------------------------------------------------------------- */

START_TEST(packets)
{
  packet p;

  ck_assert_int_eq(packet_scan(&p, "", 0), 0);
  ck_assert_int_eq(packet_scan(&p, "\0\0\0\1", 4), 0);
  ck_assert_int_eq(packet_scan(&p, "\0\0\0\1c\0", 6), 5);
  ck_assert(p.what == 'c' && !p.len);
  ck_assert_int_eq(packet_scan(&p, "\0\0\0\3hab", 6), 0);
  ck_assert_int_eq(packet_scan(&p, "\0\0\0\0", 4), -1);
  ck_assert_int_eq(packet_scan(&p, "\0\2\0\0", 4), 0);
  ck_assert_int_eq(packet_scan(&p, "\0\2\0\1", 4), -1);
  ck_assert_int_eq(packet_scan(&p, "\xff\xff\xff\xff", 4), -1);
}
END_TEST

static int agree(agreed *a, char const *s, size_t len)
{
  packet const p = {.what = 'O', .data = s, .len = len};
  return packet_agree(a, &p, ACTIONS & ~ACTION_QUARANTINE, STEPS);
}

START_TEST(agreements)
{
  agreed a;

  ck_assert_int_eq(agree(&a, "\0\0\0\6\0\0\0\1\0\0\0\2", 12), 0);
  ck_assert(a.version == 6 && a.actions == 1 && a.steps == 2 && !a.listed);
  ck_assert_int_eq(agree(&a, "\0\0\0\2\0\0\0\0\0\0\0\0", 12), 0);
  ck_assert(a.steps == (STEP_NO_DATA | STEP_NO_UNKNOWN));
  ck_assert_int_eq(agree(&a, "\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\2i {x}\0\0\0\0\0j\0", 28), 0);
  ck_assert(a.listed == 5 && !strcmp(a.macros[2], "i {x}") && !strcmp(a.macros[0], "j"));
  ck_assert_int_eq(agree(&a, "\0\0\0\6\0\0\0\1\0\0\0", 11), -1);
  ck_assert_int_eq(agree(&a, "\0\0\0\1\0\0\0\0\0\0\0\0", 12), -1);
  ck_assert_int_eq(agree(&a, "\0\0\0\7\0\0\0\0\0\0\0\0", 12), -1);
  ck_assert_int_eq(agree(&a, "\0\0\0\6\0\0\0\x20\0\0\0\0", 12), -1);
  ck_assert_int_eq(agree(&a, "\0\0\0\6\0\0\0\0\x10\0\0\0", 12), -1);
  ck_assert_int_eq(agree(&a, "\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\7j\0", 18), -1);
  ck_assert_int_eq(agree(&a, "\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\1j", 17), -1);
}
END_TEST

START_TEST(answers)
{
  milter_answer a;

#define ANSWER(WHAT, DATA) packet_answer(&a, &(packet){.what = WHAT, .data = DATA, .len = sizeof DATA - 1})
  ck_assert_int_eq(ANSWER('c', ""), 0);
  ck_assert_int_eq(ANSWER('c', "x"), -1);
  ck_assert_int_eq(ANSWER('i', "\0\0\0\2X\0v\0"), 0);
  ck_assert(a.index == 2 && !strcmp(a.text, "X") && !strcmp(a.value, "v") && a.action == ACTION_ADD_HEADERS);
  ck_assert_int_eq(ANSWER('i', "\0\0\0\2X\0v"), -1);
  ck_assert_int_eq(ANSWER('h', "X\0v\0w\0"), -1);
  ck_assert_int_eq(ANSWER('e', "<a@b>\0SIZE=1\0"), 0);
  ck_assert_str_eq(a.text, "<a@b>");
  ck_assert_int_eq(ANSWER('b', "\0\1"), 0);
  ck_assert_uint_eq(a.len, 2);
  ck_assert_int_eq(ANSWER('?', ""), -1);
}
END_TEST

/* --- fields -------------------------------------------------------------------------------------- */

#define OWN "Received: us\n"

static void feed(fields *f, char const *s)
{
  size_t used;

  fields_clear(f);
  for (; *s && !f->over; s += used) ck_assert_int_eq(fields_feed(f, s, 1, &used), 0);
  if (!f->over) f->end = f->text.len;
}

static void is_text(fields const *f, char const *wanted)
{
  ck_assert_uint_eq(f->end, strlen(wanted));
  ck_assert(!memcmp(f->text.s, wanted, f->end));
}

START_TEST(headers_as_they_come)
{
  fields f = FIELDS_ZERO;

  feed(&f, OWN "A: 1\n 2\nB:3\n\nbody\n");
  ck_assert(f.over && f.blank);
  is_text(&f, OWN "A: 1\n 2\nB:3\n");
  feed(&f, OWN "A: 1\nno field\nB: 3\n");
  ck_assert(f.over && !f.blank);
  is_text(&f, OWN "A: 1\n");
  ck_assert(f.text.len - f.end == 9 && !memcmp(f.text.s + f.end, "no field\n", 9));
  feed(&f, "\nbody");
  ck_assert(f.over && f.blank && !f.end);
  feed(&f, " A: 1\n");
  ck_assert(f.over && !f.end);
  fields_free(&f);
}
END_TEST

START_TEST(headers_changed)
{
  fields f = FIELDS_ZERO;
  one_field x;
  size_t at = 0;

  feed(&f, OWN "A: 1\nB: 2\na : 3\n 4\n\n");
  ck_assert(fields_next(&f, &at, &x) && x.name_len == 1 && *x.name == 'A' && x.value_len == 2);
  ck_assert_int_eq(fields_change(&f, 2, "A", "new\nline", 0), 0);
  is_text(&f, OWN "A: 1\nB: 2\nA: new\n\tline\n");
  ck_assert_int_eq(fields_change(&f, 1, "b", "", 0), 0);
  is_text(&f, OWN "A: 1\nA: new\n\tline\n");
  ck_assert_int_eq(fields_change(&f, 1, "Received", "x", 0), 0); /* ours is not theirs */
  ck_assert_int_eq(fields_insert(&f, 0, "Top", " x", 1), 0);
  ck_assert_int_eq(fields_insert(&f, 2, "C", "y\r\n", 0), 0);
  is_text(&f, "Top: x\n" OWN "C: y\nA: 1\nA: new\n\tline\nReceived: x\n");
  ck_assert_int_eq(fields_change(&f, 1, "Received", "", 0), 0);
  ck_assert_int_eq(fields_change(&f, 1, "Top", "", 0), 0);
  ck_assert_int_eq(fields_insert(&f, 1, "D", "z", 0), 0);
  is_text(&f, OWN "D: z\nC: y\nA: 1\nA: new\n\tline\n");
  ck_assert_int_eq(fields_add(&f, "Bad name", "x", 0), 1);
  ck_assert_int_eq(fields_add(&f, "Bad:name", "x", 0), 1);
  ck_assert_int_eq(fields_add(&f, "", "x", 0), 1);
  fields_free(&f);
}
END_TEST

/* --- the key ------------------------------------------------------------------------------------- */

START_TEST(the_key)
{
  milter_server m;

  ck_assert_ptr_null(milter_scan("unix:/run/x", &m));
  ck_assert(m.fails == MILTER_TEMPFAIL && m.own && !m.below && !m.size && m.end == 60000);
  ck_assert_ptr_null(milter_scan(
      " inet:[::1]:11332\tconnect 500ms command 3 end 2m fails open size 20M own no until-level 2 ", &m));
  ck_assert(m.connect == 500 && m.command == 3000 && m.end == 120000 && m.size == 20u << 20);
  ck_assert(m.fails == MILTER_OPEN && !m.own && m.below == 2);
  ck_assert_ptr_nonnull(milter_scan("", &m));
  ck_assert_ptr_nonnull(milter_scan("unix:relative", &m));
  ck_assert_ptr_nonnull(milter_scan("unix:/x end", &m));
  ck_assert_ptr_nonnull(milter_scan("unix:/x end 0", &m));
  ck_assert_ptr_nonnull(milter_scan("unix:/x end 11m", &m));
  ck_assert_ptr_nonnull(milter_scan("unix:/x size 1T", &m));
  ck_assert_ptr_nonnull(milter_scan("unix:/x until-level 0", &m));
}
END_TEST

int main(void)
{
  Suite *suite = suite_create("milter");
  TCase *t = tcase_create("all");

  tcase_add_loop_test(t, a_reply, 0, sizeof replies / sizeof *replies);
  tcase_add_test(t, a_long_reply);
  tcase_add_test(t, packets);
  tcase_add_test(t, agreements);
  tcase_add_test(t, answers);
  tcase_add_test(t, headers_as_they_come);
  tcase_add_test(t, headers_changed);
  tcase_add_test(t, the_key);
  suite_add_tcase(suite, t);
  return unit_run(suite);
}
