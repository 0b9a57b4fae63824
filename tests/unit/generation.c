#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <services/contract/kinds.h>

#include <ctl/plan/generation.h>
#include <ctl/plan/manifest.h>

#include "directory.h"
#include "unit.h"

service_kind const *const kinds[] = {0};

/* --- a plan of two services, made by hand ---------------------------------------------------------- */

#define CONTENT "0123456789abcdef0123456789abcdef"
#define DATA    "00000000000000000000000000000000"
#define LOG     "ffffffffffffffffffffffffffffffff"

static bundle b = {.bin = "/opt/mail/1/bin"};
static plan p = PLAN_ZERO;

static void add(char const *name, char const *need, char const *run)
{
  planned one = {.content = CONTENT, .data = DATA, .log = LOG};

  one.sv.name = strdup(name);
  ck_assert_ptr_nonnull(one.sv.name);
  ck_assert_int_eq(service_add_text(&one.sv, "data/rules", 0640, "rules of %s\n", name), 0);
  ck_assert_int_eq(service_add_text(&one.sv, "log/run", 0755, "logger\n"), 0);
  ck_assert_int_eq(service_add_text(&one.sv, run, 0755, "daemon\n"), 0);
  if (need) ck_assert_int_eq(service_add_need(&one.sv, need), 0);
  ck_assert(genalloc_append(planned, &p.services, &one));
}

static void prepare(void)
{
  rm_rf("state");
  ck_assert_int_eq(mkdir("state", 0755), 0);
  p.bundle = &b;
  add("db", 0, "run");
  add("web", "db", "run");
}

static unsigned int write_one(void)
{
  unsigned int number = 0;

  ck_assert_int_eq(generation_write("state", &p, "conf\n", 5, 0, &number), 0);
  return number;
}

static void is_file(char const *path, char const *text, mode_t mode)
{
  stralloc sa = STRALLOC_ZERO;
  struct stat st;

  ck_assert_int_eq(stat(path, &st), 0);
  ck_assert_uint_eq(st.st_mode & 07777, mode);
  ck_assert(openslurpclose(&sa, path) && stralloc_0(&sa));
  ck_assert_str_eq(sa.s, text);
  stralloc_free(&sa);
}

/* The names below dir, sorted, with a blank behind each. */
static char const *names(char const *dir)
{
  static char all[512];
  struct dirent **list;
  int n = scandir(dir, &list, 0, &alphasort);

  ck_assert_int_ge(n, 0);
  *all = 0;
  for (int i = 0; i < n; i++)
  {
    if (strcmp(list[i]->d_name, ".") && strcmp(list[i]->d_name, ".."))
      strcat(strcat(all, list[i]->d_name), " ");
    free(list[i]);
  }
  free(list);
  return all;
}

/* --- writing --------------------------------------------------------------------------------------- */

START_TEST(it_has_all_files_with_their_modes)
{
  umask(077); /* which changes nothing */
  ck_assert_uint_eq(write_one(), 1);
  ck_assert_str_eq(names("state/generations/0001"), "db mailctl.conf manifest web ");
  ck_assert_str_eq(names("state/generations/0001/web"), "data log run ");
  is_file("state/generations/0001/web/run", "daemon\n", 0755);
  is_file("state/generations/0001/web/log/run", "logger\n", 0755);
  is_file("state/generations/0001/web/data/rules", "rules of web\n", 0640);
  is_file("state/generations/0001/mailctl.conf", "conf\n", 0644);
}
END_TEST

START_TEST(it_runs_once_it_is_switched_to)
{
  generation g = GENERATION_ZERO;
  unsigned int number = 7;

  ck_assert_int_eq(generation_read(&g, "state"), 0);
  ck_assert_uint_eq(g.number, 0);
  write_one();
  ck_assert_int_eq(generation_current("state", &number), 0);
  ck_assert_uint_eq(number, 0);
  ck_assert_int_eq(generation_switch("state", 1), 0);
  ck_assert_int_eq(generation_current("state", &number), 0);
  ck_assert_uint_eq(number, 1);
  ck_assert_uint_eq(write_one(), 2);
  ck_assert_int_eq(generation_current("state", &number), 0);
  ck_assert_uint_eq(number, 1);
  ck_assert_int_eq(generation_switch("state", 2), 0);
  ck_assert_int_eq(generation_switch("state", 1), 0); /* and back */
  is_file("state/current/web/run", "daemon\n", 0755);
}
END_TEST

START_TEST(what_is_read_is_what_was_written)
{
  generation g = GENERATION_ZERO;
  entry const *e;

  write_one();
  ck_assert_int_eq(generation_switch("state", 1), 0);
  ck_assert_int_eq(generation_read(&g, "state"), 0);
  ck_assert_uint_eq(g.number, 1);
  ck_assert_uint_eq(genalloc_len(entry, &g.entries), 2);
  e = genalloc_s(entry, &g.entries);
  ck_assert_str_eq(e[0].name, "db");
  ck_assert_uint_eq(genalloc_len(char *, &e[0].needs), 0);
  ck_assert_str_eq(e[1].name, "web");
  ck_assert_uint_eq(genalloc_len(char *, &e[1].needs), 1);
  ck_assert_str_eq(genalloc_s(char *, &e[1].needs)[0], "db");
  ck_assert_str_eq(e[1].content, CONTENT);
  ck_assert_str_eq(e[1].data, DATA);
  ck_assert_str_eq(e[1].log, LOG);
  ck_assert_ptr_eq(generation_find(&g, "web"), e + 1);
  ck_assert_ptr_null(generation_find(&g, "we"));
  ck_assert_str_eq(g.set.s, "/opt/mail/1");
  generation_free(&g);
}
END_TEST

/* A rollback takes all that up would: the plan that is read makes the same manifest, and knows each file. */
START_TEST(the_plan_is_read_back)
{
  planned *web = plan_services(&p) + 1;
  stralloc text = STRALLOC_ZERO, again = STRALLOC_ZERO, set = STRALLOC_ZERO, wrong = STRALLOC_ZERO;
  plan q = PLAN_ZERO;

  web->sv.user = "nobody";
  ck_assert_int_eq(service_add_control(&web->sv, "db") |
                       service_add_program(&web->sv, "/opt/mail/1/a program") |
                       service_add_directory(&web->sv, "/var/two words", 0750, "") |
                       service_add_shared_directory(&web->sv, "/var/shared", 02755),
                   0);
  write_one();
  ck_assert_int_eq(plan_manifest(&p, &text), 0);
  q.bundle = &b;
  ck_assert_int_eq(plan_read(&q, &set, text.s, text.len), 0);
  ck_assert_str_eq(set.s, "/opt/mail/1");
  ck_assert_str_eq(plan_services(&q)[1].sv.user, "nobody");
  ck_assert_ptr_null(plan_services(&q)[0].sv.user);
  ck_assert_int_eq(generation_verify("state", 1, &q, &wrong), 0);
  ck_assert_int_eq(plan_manifest(&q, &again), 0);
  /* Its files' hashes are hashed here: the rest is the same. */
  ck_assert_uint_eq(text.len, again.len);
  ck_assert_ptr_nonnull(strstr((stralloc_0(&again), again.s), "\nprogram /opt/mail/1/a program\nend "));
  ck_assert_ptr_nonnull(strstr(again.s, "\nshared 2755 nobody /var/shared\n"));
  ck_assert_ptr_nonnull(strstr(again.s, "\ndirectory 0750 - /var/two words\n"));
  ck_assert(
      openwritenclose_unsafe("state/generations/0001/web/data/rules", "rules", 5)); /* cut by a full disk */
  ck_assert(generation_verify("state", 1, &q, &wrong) < 0 && errno == EILSEQ);
  ck_assert_str_eq(wrong.s, "web/data/rules");
  plan_free(&q);
}
END_TEST

START_TEST(what_became_of_it_is_noted)
{
  stralloc sa = STRALLOC_ZERO;

  write_one();
  ck_assert(generation_file(&sa, "state", 1, GENERATION_HEALTH) < 0 && errno == ENOENT);
  ck_assert_int_eq(generation_note("state", 1, "failed web died\n"), 0);
  ck_assert_int_eq(generation_note("state", 1, "healthy\n"), 0);
  is_file("state/generations/0001/health.txt", "healthy\n", 0644);
  ck_assert(generation_note("state", 2, "healthy\n") < 0 && errno == ENOENT);
}
END_TEST

/* Two files of one name stand for whatever fails halfway. */
START_TEST(one_that_fails_leaves_nothing)
{
  unsigned int number;

  add("zulu", 0, "log/run");
  ck_assert(generation_write("state", &p, "conf\n", 5, 0, &number) < 0 && errno == EEXIST);
  ck_assert_str_eq(names("state/generations"), "");
}
END_TEST

START_TEST(what_a_crash_left_goes)
{
  ck_assert_int_eq(mkdir("state/generations", 0755) | mkdir("state/generations/.new", 0755) |
                       mkdir("state/generations/.new/web", 0755) | mkdir("state/generations/.old", 0755),
                   0);
  ck_assert_uint_eq(write_one(), 1);
  ck_assert_str_eq(names("state/generations"), "0001 ");
}
END_TEST

START_TEST(the_oldest_are_pruned_but_the_current_one)
{
  for (unsigned int i = 1; i <= 6; i++) ck_assert_uint_eq(write_one(), i);
  ck_assert_int_eq(generation_switch("state", 2), 0);
  ck_assert_int_eq(generation_prune("state", 8, 0), 0);
  ck_assert_str_eq(names("state/generations"), "0001 0002 0003 0004 0005 0006 ");
  ck_assert_int_eq(generation_prune("state", 2, 0), 0);
  ck_assert_str_eq(names("state/generations"), "0002 0005 0006 ");
  ck_assert_int_eq(generation_prune("state", 1, 5), 0); /* which somebody may go back to */
  ck_assert_str_eq(names("state/generations"), "0002 0005 0006 ");
  ck_assert_uint_eq(write_one(), 7);
}
END_TEST

/* --- damage ---------------------------------------------------------------------------------------- */

#define FIRST "mailctl generation 1\n"
#define WEB   "service web " CONTENT " " DATA " " LOG "\n"
#define TWO   "mailctl generation 2\nset /opt/mail/1\nservice web " CONTENT " " DATA " " LOG " -\n"

static char const *const damaged[] = {"",
                                      "\n",
                                      "mailctl generation 1",
                                      "mailctl generation 3\nend 1\n",
                                      "mailctl generation 2\n",
                                      TWO,
                                      TWO "need db\nend 3\n",
                                      TWO "end 3\nend 4\n",
                                      TWO "end 3\nneed db\n",
                                      TWO "file 0644 " CONTENT "\nend 4\n",
                                      TWO "file 0648 " CONTENT " run\nend 4\n",
                                      FIRST "need db\n",
                                      FIRST "service web\n",
                                      FIRST "service web " CONTENT "\n",
                                      FIRST "service web " CONTENT " " DATA "\n",
                                      FIRST "service web " CONTENT " " DATA "  \n",
                                      FIRST "service  " CONTENT " " DATA " " LOG "\n",
                                      FIRST "service web " CONTENT "0 " DATA " " LOG "\n",
                                      FIRST WEB "need db"};

static int read_manifest(char const *text, size_t len)
{
  generation g = GENERATION_ZERO;
  int result;

  ck_assert(openwritenclose_unsafe("state/generations/0001/manifest", text, len));
  result = generation_read(&g, "state");
  generation_free(&g);
  return result;
}

START_TEST(a_damaged_manifest_is_said)
{
  ck_assert_int_eq(mkdir("state/generations", 0755) | mkdir("state/generations/0001", 0755), 0);
  ck_assert_int_eq(generation_switch("state", 1), 0);
  ck_assert_int_eq(read_manifest(FIRST WEB "need db\n", sizeof FIRST WEB "need db\n" - 1), 0);
  for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
  {
    errno = 0;
    ck_assert_msg(read_manifest(damaged[i], strlen(damaged[i])) < 0 && errno == EINVAL, "%s", damaged[i]);
  }
  ck_assert_int_eq(read_manifest(TWO "need db\nend 4\n", sizeof TWO "need db\nend 4\n" - 1), 0);
  /* Cut anywhere, it is damaged. Of the first format, a whole line less may pass. */
  for (size_t n = 0; n < sizeof TWO "need db\nend 4\n" - 1; n++)
    ck_assert_int_eq(read_manifest(TWO "need db\nend 4\n", n), -1);
  for (size_t n = 0; n < sizeof FIRST WEB - 1; n++)
    ck_assert_int_eq(read_manifest(FIRST WEB, n), n == sizeof FIRST - 1 ? 0 : -1);
}
END_TEST

START_TEST(a_link_that_leads_elsewhere_is_said)
{
  generation g = GENERATION_ZERO;
  unsigned int number;

  ck_assert_int_eq(symlink("somewhere/0001", "state/current"), 0);
  ck_assert(generation_current("state", &number) < 0 && errno == EINVAL && !number);
  ck_assert_int_lt(generation_read(&g, "state"), 0);
  ck_assert_int_lt(generation_prune("state", 1, 0), 0);
  ck_assert_int_eq(generation_switch("state", 4), 0); /* there is none */
  ck_assert(generation_read(&g, "state") < 0 && errno == ENOENT);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("generation");
  TCase *t = tcase_create("generation");

  unit_in_directory(t);
  tcase_add_checked_fixture(t, &prepare, 0);
  tcase_add_test(t, it_has_all_files_with_their_modes);
  tcase_add_test(t, it_runs_once_it_is_switched_to);
  tcase_add_test(t, what_is_read_is_what_was_written);
  tcase_add_test(t, the_plan_is_read_back);
  tcase_add_test(t, what_became_of_it_is_noted);
  tcase_add_test(t, one_that_fails_leaves_nothing);
  tcase_add_test(t, what_a_crash_left_goes);
  tcase_add_test(t, the_oldest_are_pruned_but_the_current_one);
  tcase_add_test(t, a_damaged_manifest_is_said);
  tcase_add_test(t, a_link_that_leads_elsewhere_is_said);
  suite_add_tcase(s, t);
  return unit_run(s);
}
