#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <skalibs/types.h>

#include <runlib/users.h>

#include <ctl/command/user.h>
#include <ctl/command/userline.h>
#include <ctl/say.h>

/*
 * Many at once, from what others keep: all are lines of fields with colons between, of which the first is the name and the
 * second the password or its hash.
 *
 *   plain     name:password[:quota]                     the password as it is
 *   passwd    name:hash...                              passwd(5), shadow(5), and our own file of users
 *   vpopmail  name:hash:uid:gid:gecos:dir:quota         vpasswd
 *   dovecot   user:{SCHEME}hash:...:userdb_quota_rule=  a passwd-file
 */

#define FIELDS 8

typedef struct format_s format;
struct format_s
{
  char const *name;
  unsigned int quota; /* the field that has it, from 0; 0: none */
  int plain;
};

static format const formats[] = {
    {"plain", 2, 1}, {"passwd", 0, 0}, {"vpopmail", 6, 0}, {"dovecot", 7, 0}, {0, 0, 0}};

/* Schemes whose hashes are those of crypt(3). */
static char const *const schemes[] = {
    "CRYPT", "DES-CRYPT", "MD5-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "BLF-CRYPT", 0};

typedef struct import_s import;
struct import_s
{
  people *p;
  format const *f;
  char const *file;
  unsigned int line;
  unsigned int added;
  unsigned int passed; /* over */
};

static void import_say(import *x, char const *name, char const *what)
{
  char line[UINT_FMT];

  line[uint_fmt(line, x->line)] = 0;
  say("user: ", x->file, ":", line, ": ", name, ": ", what);
}

/* The hash without its scheme. *plain: it is the password itself. 0: it is of no use here, and the user gets none. */
static char const *import_hash(char const *s, int *plain)
{
  char const *end = strchr(s, '}');

  if (*s != '{' || !end) return *s && *s != '*' && *s != '!' && strcmp(s, "x") ? s : 0;
  if (end - s == 6 && !strncasecmp(s + 1, "PLAIN", 5)) return *plain = 1, end + 1;
  for (char const *const *c = schemes; *c; c++)
    if ((size_t)(end - s - 1) == strlen(*c) && !strncasecmp(s + 1, *c, strlen(*c))) return end + 1;
  return 0;
}

/* `50000000S,1000C`, `NOQUOTA`, `500M`, or one of Dovecot's extra fields: bytes, 0 for none. */
static uint64_t import_quota(format const *f, char *s)
{
  static key const size = {.name = "quota", .type = KEY_SIZE, .max = INT64_MAX};
  static char const rule[] = "userdb_quota_rule=*:";
  uint64_t n = 0;

  if (!strcmp(f->name, "dovecot"))
  {
    s = strstr(s, rule);
    s = s ? strchr(s + sizeof rule - 1, '=') : 0;
    if (!s) return 0;
    s[1 + strcspn(s + 1, " :")] = 0;
    s++;
  }
  s[strcspn(s, "S,bB")] = 0;
  return *s && !key_number(&size, s, &n) ? n : 0;
}

/* Returns 0, also for one that is passed over, or the exit status. */
static int import_user(import *x, char *field[FIELDS])
{
  char name[MAPPING_NAME_MAX + 1];
  int plain = x->f->plain, status;
  char const *hash = plain ? field[1] : import_hash(field[1], &plain);
  uint64_t quota = x->f->quota ? import_quota(x->f, field[x->f->quota]) : 0;

  if (people_name(x->p, field[0], name))
  {
    import_say(x, field[0], "passed over");
    return x->passed++, 0;
  }
  if (plain && users_pair_fault(name, hash)) hash = 0;
  status = user_make(x->p, name, plain ? 0 : hash, quota);
  if (status == EXIT_NO) return import_say(x, name, "is there already"), x->passed++, 0;
  if (!status && plain && hash) status = user_password(x->p, name, hash);
  if (status) return import_say(x, name, "could not be added; what comes after was not looked at"), status;
  if (!hash) import_say(x, name, "was added without a password: what the file has is no hash of crypt(3)");
  x->added++;
  return 0;
}

static int import_line(import *x, char *line)
{
  char *field[FIELDS], *rest = line;

  for (unsigned int i = 0; i < FIELDS; i++)
  {
    static char none[1];
    field[i] = rest ? rest : none;
    /* Dovecot's extra fields, the last, have colons. */
    rest = rest && i + 1 < FIELDS ? strchr(rest, ':') : 0;
    if (rest) *rest++ = 0;
  }
  return !*line || *line == '#' ? 0 : import_user(x, field);
}

static int import_all(import *x, FILE *in)
{
  char *line = 0;
  size_t size = 0;
  int status = 0;

  while (!status && getline(&line, &size, in) >= 0)
  {
    x->line++;
    line[strcspn(line, "\r\n")] = 0;
    status = import_line(x, line);
  }
  if (line) explicit_bzero(line, size);
  free(line);
  if (!status && ferror(in)) status = (say_cannot("read ", x->file), EXIT_SYSTEM);
  return status;
}

int user_import(people *p, char const *name, char const *file)
{
import x = {.p = p, .f = formats, .file = file };
  int input = !strcmp(file, "-"), status;
  FILE *in;

  while (x.f->name && strcmp(x.f->name, name)) x.f++;
  if (!x.f->name) return usage_error("user", "a FORMAT is plain, passwd, vpopmail or dovecot");
  in = input ? stdin : fopen(file, "re");
  if (!in)
  {
    say_cannot("open ", file);
    return EXIT_SYSTEM;
  }
  status = import_all(&x, in);
  if (!input) fclose(in);
  printf("%u users added, %u passed over\n", x.added, x.passed);
  return status ? status : x.passed ? EXIT_NO : 0;
}
