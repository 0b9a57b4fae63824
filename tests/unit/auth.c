#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <runlib/linefile.h>
#include <runlib/users.h>

#include <services/auth/hash.h>
#include <services/contract/where.h>

#include <ctl/command/password.h>

#include "directory.h"
#include "unit.h"

/* --- the text of the file -------------------------------------------------------------------------- */

#define TEXT "# who\n\njoe:H1\nann:H2:more:fields\n:H3\nnohash\njoe:H4\n#joe:H5\nlast:H6"

static struct
{
  char const *name;
  char const *hash; /* 0: not there */
} const names[] = {
    {"joe", "H1"}, {"ann", "H2"}, {"last", "H6"}, {"", 0},    {"nohash", 0},
    {"#joe", 0},   {"jo", 0},     {"joe:H1", 0},  {"Joe", 0}, {"nobody", 0},
};

START_TEST(find)
{
  users_match m = users_find(TEXT, sizeof TEXT - 1, names[_i].name);

  ck_assert(m.other && m.otherlen == 2 && !memcmp(m.other, "H1", 2));
  if (!names[_i].hash)
    ck_assert_ptr_null(m.hash);
  else
    ck_assert(m.len == strlen(names[_i].hash) && !memcmp(m.hash, names[_i].hash, m.len));
}
END_TEST

static struct
{
  char const *before;
  char const *name;
  char const *hash;
  char const *after;
  int found;
} const edits[] = {
    {"", "joe", "N", "joe:N\n", 0},
    {"a:1\nb:2", "c", "3", "a:1\nb:2\nc:3\n", 0},
    {"a:1\nb:2\nc:3\n", "b", "N", "a:1\nb:N\nc:3\n", 1},
    {"a:1:x:y\n", "a", "N", "a:N:x:y\n", 1},
    {"a:1\nb:2\na:3\n", "a", "N", "a:N\nb:2\n", 2},
    {"a:1\nb:2\na:3\n", "a", 0, "b:2\n", 2},
    {"# c\n\nab:1\n", "a", "N", "# c\n\nab:1\na:N\n", 0},
    {"a:1\n", "b", 0, "a:1\n", 0},
    {"a\n", "a", "N", "a\na:N\n", 0},
};

START_TEST(edit)
{
  stralloc out = STRALLOC_ZERO;
  int found = users_edit(&out, edits[_i].before, strlen(edits[_i].before), edits[_i].name, edits[_i].hash, 0);

  ck_assert_int_eq(found, edits[_i].found);
  ck_assert(stralloc_0(&out));
  ck_assert_str_eq(out.s, edits[_i].after);
  stralloc_free(&out);
}
END_TEST

START_TEST(name_faults)
{
  char longname[300];

  memset(longname, 'x', sizeof longname);
  longname[256] = 0;
  ck_assert_ptr_nonnull(users_name_fault(longname));
  longname[255] = 0;
  ck_assert_ptr_null(users_name_fault(longname));
  ck_assert_ptr_nonnull(users_name_fault(""));
  ck_assert_ptr_nonnull(users_name_fault("a:b"));
  ck_assert_ptr_nonnull(users_name_fault("a b"));
  ck_assert_ptr_nonnull(users_name_fault("a\nb"));
  ck_assert_ptr_nonnull(users_name_fault("#a"));
  ck_assert_ptr_null(users_name_fault("j\xc3\xb6rg@example.test"));
}
END_TEST

/* --- the file -------------------------------------------------------------------------------------- */

static char const path[] = "auth/users";

START_TEST(file)
{
  struct stat st;
  stralloc text = STRALLOC_ZERO;

  umask(0);
  unlink(path);
  ck_assert_int_eq(users_update(path, "joe", 0, (uid_t)-1, (gid_t)-1), 0);
  ck_assert(stat(path, &st) < 0);
  ck_assert_int_eq(users_update(path, "joe", "H", (uid_t)-1, (gid_t)-1), 0);
  ck_assert(stat(path, &st) == 0);
  ck_assert_uint_eq(st.st_mode & 07777, 0600);
  ck_assert(chmod(path, 0640) == 0);
  ck_assert_int_eq(users_update(path, "joe", "I", (uid_t)-1, (gid_t)-1), 1);
  ck_assert(stat(path, &st) == 0);
  ck_assert_uint_eq(st.st_mode & 07777, 0640);
  ck_assert(linefile_read(&text, path) == 0);
  ck_assert(text.len == 6 && !memcmp(text.s, "joe:I\n", 6));
  stralloc_free(&text);
  ck_assert(linefile_read(&text, "/nonexistent") < 0 && errno == ENOENT);
  ck_assert(linefile_read(&text, ".") < 0 && errno == EISDIR);
}
END_TEST

/* Eight processes add twenty names each: none is lost. */
START_TEST(together)
{
  enum
  {
    PROCESSES = 8,
    EACH = 20
  };
  stralloc text = STRALLOC_ZERO;
  unsigned int lines = 0;
  char name[32];

  unlink(path);
  for (int i = 0; i < PROCESSES; i++)
    if (!fork())
    {
      for (int k = 0; k < EACH; k++)
      {
        snprintf(name, sizeof name, "u%d.%d", i, k);
        if (users_update(path, name, "H", (uid_t)-1, (gid_t)-1) != 0) _exit(1);
      }
      _exit(0);
    }
  for (int i = 0; i < PROCESSES; i++)
  {
    int status;
    ck_assert(wait(&status) > 0 && status == 0);
  }
  ck_assert(linefile_read(&text, path) == 0);
  for (size_t i = 0; i < text.len; i++) lines += text.s[i] == '\n';
  ck_assert_uint_eq(lines, PROCESSES * EACH);
  stralloc_free(&text);
}
END_TEST

#define SHA512 "wESNM5yQRfWMgqOfxO7IS76KPWCxPn3YRAw6xP7PUcwWLI6RJus8eJNAMD5aI9y9VzvwuJaICllTeMCXEvOJm/"

/* --- hashes ---------------------------------------------------------------------------------------- */

static int fits(char const *text, char const *name, char const *password)
{
  users_match m = users_find(text, strlen(text), name);
  return hash_check(&m, password);
}

START_TEST(hashes)
{
  char hash[HASH_MAX];
  char text[4 * HASH_MAX];

  ck_assert(hash_make(hash, "secret") == 0);
  ck_assert(!strncmp(hash, "$y$", 3));
  snprintf(text, sizeof text, "joe:%s\nann:%s:x\noff:!%s\nempty:\nodd:$zz$nonsense", hash, hash, hash);
  ck_assert_int_eq(fits(text, "joe", "secret"), 1);
  ck_assert_int_eq(fits(text, "ann", "secret"), 1);
  ck_assert_int_eq(fits(text, "joe", "secreT"), 0);
  ck_assert_int_eq(fits(text, "joe", ""), 0);
  ck_assert_int_eq(fits(text, "off", "secret"), 0);
  ck_assert_int_eq(fits(text, "empty", ""), 0);
  ck_assert_int_eq(fits(text, "nobody", "secret"), 0);
  ck_assert_int_eq(fits("", "nobody", "secret"), 0);
  ck_assert_int_eq(fits(text, "odd", "secret"), -1);
}
END_TEST

/* Other people's hashes: SHA-512 of "test", as openssl passwd -6 makes it. */
START_TEST(foreign_hashes)
{
  ck_assert_int_eq(fits("joe:$6$ab$" SHA512 "\n", "joe", "test"), 1);
  ck_assert_int_eq(fits("joe:$6$ab$" SHA512 "\n", "joe", "tesT"), 0);
}
END_TEST

START_TEST(generated)
{
  char a[PASSWD_GENERATED + 1], b[PASSWD_GENERATED + 1];

  ck_assert(passwd_generate(a) == 0 && passwd_generate(b) == 0);
  ck_assert_uint_eq(strlen(a), PASSWD_GENERATED);
  ck_assert_uint_eq(strspn(a, "abcdefghijkmnpqrstuvwxyz23456789"), PASSWD_GENERATED);
  ck_assert_str_ne(a, b);
}
END_TEST

/* --- the service directory ------------------------------------------------------------------------- */

extern service_kind const auth_kinds[];

static section_kind const bundle_kind = {
    .name = "bundle", .keys = (key const[]){{.name = "user", .type = KEY_USER}, {.name = 0}}};
static section_kind const submission_kind = {
    .name = "submission", .keys = (key const[]){{.name = "user", .type = KEY_USER}, {.name = 0}}};

static void set(section *s, char const *name, char const *text)
{
  value v = {.key = key_find(s->kind, name), .text = strdup(text), .line = 1};

  ck_assert_ptr_nonnull(v.key);
  ck_assert(!key_number(v.key, text, &v.number) && genalloc_append(value, &s->values, &v));
}

static void set_defaults(section *s)
{
  for (key const *k = s->kind->keys; k->name; k++)
    if (k->fallback && !section_value(s, k->name)) set(s, k->name, k->fallback);
}

static void forget(section *s)
{
  value *v = genalloc_s(value, &s->values);

  for (size_t n = genalloc_len(value, &s->values); n; n--, v++) free(v->text);
  genalloc_free(value, &s->values);
}

static char *run_script(int root, char const *program, char const *users)
{
  section all[3] = {SECTION_ZERO, SECTION_ZERO, SECTION_ZERO};
  genalloc sections = GENALLOC_ZERO;
  bundle b;
  char *run = 0;
  report r = REPORT_ZERO;
  service sv = {.name = strdup("auth"), .user = "root"};

  all[0].kind = &bundle_kind;
  all[1].kind = &submission_kind;
  all[2].kind = &auth_kinds[0].section;
  set(&all[0], "user", "nobody");
  set(&all[1], "user", "mail");
  if (program) set(&all[2], "program", program);
  if (users) set(&all[2], "users", users);
  set_defaults(&all[2]);
  ck_assert(genalloc_catb(section, &sections, all, 3));
  b = (bundle){.sections = &sections,
               .self = all,
               .state = "/s t",
               .run = "/r",
               .home = "/h",
               .libexec = "/l",
               .root = root};
  sv.bundle = &b;
  sv.section = bundle_section(&b, "auth");
  ck_assert(auth_kinds[0].make(&sv, &r) == 0 && !r.errors);
  for (service_file *f = genalloc_s(service_file, &sv.files); !run; f++)
    if (!strcmp(f->path, "run")) run = strndup(f->bytes.s, f->bytes.len);
  service_free(&sv);
  report_free(&r);
  genalloc_free(section, &sections);
  for (unsigned int i = 0; i < 3; i++) forget(all + i);
  return run;
}

START_TEST(as_root)
{
  char *run = run_script(1, 0, 0);

  ck_assert_ptr_nonnull(
      strstr(run, "\ns6-ipcserver-socketbinder -a 0600 /r/auth.sock\nif { chown -h mail /r/auth.sock }\n"));
  ck_assert_ptr_nonnull(
      strstr(run, "timeout -k 5 30.000 /l/checkpassword-file \"/s t/auth/users\" true }\n"));
  free(run);
}
END_TEST

START_TEST(as_user)
{
  char *run = run_script(0, "/bin/checkpassword-pam -s mail", "/x");

  ck_assert_ptr_null(strstr(run, "chown"));
  ck_assert_ptr_null(strstr(run, "s6-setuidgid"));
  ck_assert_ptr_nonnull(strstr(run, " /bin/checkpassword-pam -s mail true }\n"));
  free(run);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("auth");
  TCase *t = tcase_create("auth");

  unit_in_directory(t);
  tcase_add_loop_test(t, find, 0, sizeof names / sizeof names[0]);
  tcase_add_loop_test(t, edit, 0, sizeof edits / sizeof edits[0]);
  tcase_add_test(t, name_faults);
  tcase_add_test(t, file);
  tcase_add_test(t, together);
  tcase_add_test(t, hashes);
  tcase_add_test(t, foreign_hashes);
  tcase_add_test(t, generated);
  tcase_add_test(t, as_root);
  tcase_add_test(t, as_user);
  suite_add_tcase(s, t);
  return unit_run(s);
}
