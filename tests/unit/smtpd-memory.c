#include <unistd.h>

#include <services/smtpd/child.h>
#include <services/smtpd/client.h>
#include <services/smtpd/pluginrun.h>

#include "memory.h"
#include "smtpd-host.h"

/* A session, a plugin, again and again, while from the first, the second, the third ... allocation on there is no memory. */

#if UNIT_OWN_MALLOC

#define ROOM 65536

/* So many replies, of 500 bytes, that one does not find room in what was asked for at the start. */
static char const says[] =
    "EHLO c\r\nEHLO c\r\nEHLO c\r\nEHLO c\r\nEHLO c\r\nEHLO c\r\nEHLO c\r\nRSET\r\nFOO\r\nMAIL "
    "FROM:<a@b.c>\r\nRCPT TO:<u@here.test>\r\nRCPT TO:<u@far.test>\r\n"
    "DATA\r\nSubject: x\r\n\r\nhi\r\n.\r\nHELO c\r\nNOOP\r\nQUIT\r\n";
static char const ends[] = "421 4.3.0 out of memory\r\n";

/* Each reply is whole: no line but begins with a code, and there is none without its end. */
static void check_lines(stralloc const *out)
{
  size_t i = 0;

  while (i < out->len)
  {
    char const *line = out->s + i;
    char const *end = memchr(line, '\n', out->len - i);
    ck_assert_ptr_nonnull(end);
    ck_assert(end - line > 4 && end[-1] == '\r');
    ck_assert(line[0] >= '2' && line[0] <= '5' && (line[3] == ' ' || line[3] == '-'));
    ck_assert_ptr_null(memchr(line, '\r', (size_t)(end - 1 - line)));
    ck_assert_ptr_null(memmem(line + 4, (size_t)(end - line - 4), "421 ", 4));
    i += (size_t)(end - line) + 1;
  }
}

static int has(stralloc const *sa, char const *text)
{
  return sa->len && memmem(sa->s, sa->len, text, strlen(text)) != 0;
}

/* The host needs no memory later. */
static void prepare(fake *f)
{
  char greeting[410] = "";

  fake_init(f);
  memset(greeting, 'x', sizeof greeting - 1);
  fake_line(&f->control.greeting, greeting);
  if (!stralloc_ready(&f->out, ROOM) || !stralloc_ready(&f->log, ROOM) ||
      !stralloc_ready(&f->message, ROOM) || !stralloc_ready(&f->envelope, ROOM) ||
      !stralloc_ready(&f->old, ROOM) || !stralloc_ready(&f->told, ROOM))
    abort();
}

/* One that says nothing before the end of the message, and then wants all kinds of changes. */
static void add_milter(fake *f)
{
  static char const talk[] = "\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x0f\xf0\x80"
                             "\0\0\0\6hX-A\0v\0\0\0\0\x0aiX\0\0\0X-B\0\0"
                             "\0\0\0\x0f+<v@here.test>\0\0\0\0\x09"
                             "e<n@c.d>\0\0\0\0\5bnew\n\0\0\0\5qwhy\0\0\0\0\1c";

  f->config.milters_n = 1;
  f->config.holds = 1;
  f->config.milters[0] =
      (milter_server){.address = "unix:/m", .connect = 1, .command = 1, .end = 1, .own = 1};
  f->milter = talk;
  f->milter_len = sizeof talk - 1;
}

/* Returns whether memory ran out. feed: the bytes that come at a time */
static int run_without(unsigned int nth, size_t feed, int milter)
{
  static fake f;
  long before = memory.held;
  int out;

  prepare(&f);
  if (milter) add_milter(&f);
  memory_lack(nth, 1);
  fake_begin(&f);
  fake_feed(&f, says, sizeof says - 1, feed);
  out = memory_back();
  check_lines(&f.out);
  ck_assert(!f.is_open);
  /* After the commit nothing fails: the log has no line of it, at worst. */
  if (!f.queued || has(&f.log, "accepted:"))
    ck_assert_int_eq(has(&f.log, "out of memory: the session ends"), out);
  if (has(&f.log, "out of memory") && f.out.len)
    ck_assert(f.out.len >= sizeof ends - 1 &&
              !memcmp(f.out.s + f.out.len - (sizeof ends - 1), ends, sizeof ends - 1));
  ck_assert_uint_eq(f.queued, has(&f.out, "250 2.0.0 ok "));
  fake_free(&f);
  ck_assert_int_eq(memory.held, before);
  return out;
}

START_TEST(every_allocation)
{
  unsigned int nth = 1;

  while (run_without(nth, _i & 1 ? sizeof says : 1, _i > 1)) nth++;
  ck_assert_uint_gt(nth, 10);
}
END_TEST

/* Runs client_greet with descriptor 1 on a pipe; what it wrote is in said, NUL-terminated. */
static void greet(fake *f, char *said, size_t max)
{
  int was = dup(1), p[2];
  ssize_t n;

  ck_assert(was >= 0 && !pipe(p) && dup2(p[1], 1) == 1);
  memory_lack(1, 1);
  session_init(&f->session, &f->config, &f->operations);
  client_greet(&f->session, 0);
  memory_back();
  ck_assert_int_eq(dup2(was, 1), 1);
  close(was);
  close(p[1]);
  n = read(p[0], said, max - 1);
  ck_assert_int_ge(n, 0);
  said[n] = 0;
  close(p[0]);
}

/* No memory for even the buffer of the replies: 421 all the same, and the end. */
START_TEST(no_reply)
{
  static fake f;
  char said[100];

  prepare(&f);
  greet(&f, said, sizeof said);
  ck_assert_str_eq(said, ends);
  ck_assert_int_eq(f.session.want, SESSION_CLOSE);
  ck_assert_uint_eq(f.session.out.len, 0);
  ck_assert(has(&f.log, "out of memory: the session ends"));
  fake_free(&f);
}
END_TEST

/* A refusal is not lost: either all of what the plugin said is there, or that it could not be run. */
START_TEST(plugin_output)
{
  static char const text[] = "E553 no";
  static stralloc const none = STRALLOC_ZERO;
  unsigned int nth = 0;
  int failed;

  ck_assert_int_eq(child_init(0), 0);
  do
  {
    stralloc output = STRALLOC_ZERO;
    plugin_end end;
    memory_lack(++nth, 1);
    end = plugin_run(":printf 'E553 no'", &none, &output, 10000);
    failed = memory_back();
    ck_assert_int_eq(end, failed ? PLUGIN_TROUBLE : PLUGIN_RAN);
    if (!failed) ck_assert(output.len == sizeof text - 1 && !memcmp(output.s, text, output.len));
    stralloc_free(&output);
  } while (failed);
  ck_assert_uint_gt(nth, 2);
}
END_TEST

#endif

int main(void)
{
  Suite *s = suite_create("smtpd-memory");
  TCase *t = tcase_create("smtpd-memory");

#if UNIT_OWN_MALLOC
  if (memory_ours())
  {
    tcase_add_loop_test(t, every_allocation, 0, 4);
    tcase_add_test(t, no_reply);
    tcase_add_test(t, plugin_output);
  }
#endif
  suite_add_tcase(s, t);
  return unit_run(s);
}
