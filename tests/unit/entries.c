#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/entries.h>

#include "unit.h"

static char const file[] = "# who gets what\n"
                           "sales: ann, bob # the shop\n"
                           "  joe\n"
                           "# in between\n"
                           "\n"
                           "info:\n"
                           "  Ann   # she alone\n"
                           "last: ann";

typedef struct edit_s edit;
struct edit_s
{
  char const *name;
  char const *word;
  int result;
  char const *after;
};

static edit const adds[] = {
    {"info", "joe", 1,
     "# who gets what\nsales: ann, bob # the shop\n  joe\n# in between\n\ninfo: joe\n  Ann   # she "
     "alone\nlast: ann\n"},
    {"SALES", "eve", 1,
     "# who gets what\nsales: ann, bob, eve # the shop\n  joe\n# in between\n\ninfo:\n  Ann   # she "
     "alone\nlast: ann\n"},
    {"sales", "JOE", 0,
     "# who gets what\nsales: ann, bob # the shop\n  joe\n# in between\n\ninfo:\n  Ann   # she alone\nlast: "
     "ann\n"},
    {"new", "joe", 1,
     "# who gets what\nsales: ann, bob # the shop\n  joe\n# in between\n\ninfo:\n  Ann   # she alone\nlast: "
     "ann\nnew: joe\n"},
};

static edit const removals[] = {
    {"sales", "bob", 1,
     "# who gets what\nsales: ann  # the shop\n  joe\n# in between\n\ninfo:\n  Ann   # she alone\nlast: "
     "ann\n"},
    {"sales", "joe", 1,
     "# who gets what\nsales: ann, bob # the shop\n# in between\n\ninfo:\n  Ann   # she alone\nlast: ann\n"},
    {"sales", 0, 1, "# who gets what\n# in between\n\ninfo:\n  Ann   # she alone\nlast: ann\n"},
    {0, "ann", 3, "# who gets what\nsales: bob  # the shop\n  joe\n# in between\n\n"},
    {"sales", "eve", 0,
     "# who gets what\nsales: ann, bob # the shop\n  joe\n# in between\n\ninfo:\n  Ann   # she alone\nlast: "
     "ann\n"},
    {"nobody", 0, 0,
     "# who gets what\nsales: ann, bob # the shop\n  joe\n# in between\n\ninfo:\n  Ann   # she alone\nlast: "
     "ann\n"},
};

static void compare(stralloc *out, int result, edit const *e)
{
  ck_assert_int_eq(result, e->result);
  ck_assert(stralloc_0(out));
  ck_assert_str_eq(out->s, e->after);
  stralloc_free(out);
}

START_TEST(add)
{
  edit const *e = adds + _i;
  char const *const words[] = {e->word, e->word, 0};
  stralloc out = STRALLOC_ZERO;

  compare(&out, entries_add(&out, file, strlen(file), e->name, words), e);
}
END_TEST

START_TEST(take)
{
  edit const *e = removals + _i;
  stralloc out = STRALLOC_ZERO;

  compare(&out, entries_remove(&out, file, strlen(file), e->name, e->word), e);
}
END_TEST

/* A command is one word, to the end of its line. */
START_TEST(command)
{
  static char const with[] = "run: ann, |prog -a, b # c\nlast: x\n";
  static char const *const joe[] = {"joe", 0};
  static edit const added = {0, 0, 1, "run: ann, |prog -a, b # c\n  joe\nlast: x\n"};
  static edit const less = {0, 0, 1, "run: |prog -a, b  # c\nlast: x\n"};
  static edit const gone = {0, 0, 1, "run: ann  # c\nlast: x\n"};
  stralloc out = STRALLOC_ZERO;

  compare(&out, entries_add(&out, with, strlen(with), "run", joe), &added);
  compare(&out, entries_remove(&out, with, strlen(with), 0, "ann"), &less);
  compare(&out, entries_remove(&out, with, strlen(with), "run", "|prog -a, b"), &gone);
}
END_TEST

START_TEST(list)
{
  static char const hosts[] = "# ours\na.test # old\nb.test";
  static edit const added = {0, 0, 1, "# ours\na.test # old\nb.test\nc.test\n"};
  static edit const there = {0, 0, 0, "# ours\na.test # old\nb.test\n"};
  static edit const gone = {0, 0, 1, "# ours\nb.test\n"};
  stralloc out = STRALLOC_ZERO;

  compare(&out, entries_list_add(&out, hosts, strlen(hosts), "c.test"), &added);
  compare(&out, entries_list_add(&out, hosts, strlen(hosts), "A.test"), &there);
  compare(&out, entries_list_remove(&out, hosts, strlen(hosts), "a.TEST"), &gone);
}
END_TEST

int main(void)
{
  TCase *t = tcase_create("entries");
  Suite *s = suite_create("entries");

  tcase_add_loop_test(t, add, 0, sizeof adds / sizeof *adds);
  tcase_add_loop_test(t, take, 0, sizeof removals / sizeof *removals);
  tcase_add_test(t, command);
  tcase_add_test(t, list);
  suite_add_tcase(s, t);
  return unit_run(s);
}
