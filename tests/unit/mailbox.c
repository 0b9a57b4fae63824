#include <string.h>

#include <runlib/mailbox.h>

#include "unit.h"

static struct
{
  char const *address;
  char const *quoted;
} const addresses[] = {
    {"", ""},
    {"joe@example.test", "joe@example.test"},
    {"joe", "joe"},
    {"j\xc3\xb6rg@example.test", "j\xc3\xb6rg@example.test"},
    {"a.b+c=d@[192.0.2.1]", "a.b+c=d@[192.0.2.1]"},
    {"joe@[IPv6:2001:db8::1]", "joe@[IPv6:2001:db8::1]"},
    {"victim@other.test> x@b.test", "\"victim@other.test> x\"@b.test"},
    {"joe smith@a.b", "\"joe smith\"@a.b"},
    {"a\"\\b@a.b", "\"a\\\"\\\\b\"@a.b"},
    {"a..b@a.b", "\"a..b\"@a.b"},
    {"joe.", "\"joe.\""},
    {"@a.b", "\"\"@a.b"},
    {"a\nX: y@a.b", "\"a?X: y\"@a.b"},
    {"joe@a.b>,<c", "joe@a.b???c"},
    {"joe@a\n.b", "joe@a?.b"},
};

START_TEST(quotes)
{
  stralloc sa = STRALLOC_ZERO;

  ck_assert(!mailbox_address(&sa, addresses[_i].address) && stralloc_0(&sa));
  ck_assert_str_eq(sa.s, addresses[_i].quoted);
  stralloc_free(&sa);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("mailbox");
  TCase *t = tcase_create("mailbox");

  tcase_add_loop_test(t, quotes, 0, sizeof addresses / sizeof *addresses);
  suite_add_tcase(s, t);
  return unit_run(s);
}
