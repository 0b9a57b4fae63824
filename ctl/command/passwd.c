#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <runlib/users.h>

#include <services/contract/where.h>

#include <ctl/command/command.h>
#include <ctl/command/password.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

/* The file of users, where passwords are ours to set. 0, or the exit status to end with. */
static int find_file(context const *cx, wanted const *w, stralloc *file)
{
  section const *s = bundle_section(&w->b, "auth");
  char const *program = s ? section_text(s, "program") : 0;

  if (!s)
  {
    say("passwd: ", cx->file, " has no section [auth]");
    return EXIT_CONF;
  }
  if (program && *program)
  {
    say("passwd: [auth] runs `", program, "`: its passwords are not mailctl's to set");
    return EXIT_NO;
  }
  if (auth_users_file(file, &w->b) == 0) return 0;
  say_cannot("find the file of users");
  return EXIT_SYSTEM;
}

static int set(context const *cx, wanted const *w, char const *file, char const *name)
{
  char program[PATH_MAX];
  char password[USERS_PAIRMAX + 2];
  int status = passwd_read("passwd", name, password, sizeof password);

  if (!status)
  {
    snprintf(program, sizeof program, "%s/checkpassword-file", cx->libexec);
    status = passwd_set(program, file, auth_users_owner(&w->b), name, password);
    if (status < 0)
    {
      say_cannot("run ", program);
      status = EXIT_SYSTEM;
    }
  }
  explicit_bzero(password, sizeof password);
  if (!status) printf("password of %s set\n", name);
  return status;
}

int command_passwd(context const *cx, int argc, char const *const *argv)
{
  wanted w = WANTED_ZERO;
  stralloc file = STRALLOC_ZERO;
  char const *fault;
  int status;

  if (argc != 2 || argv[1][0] == '-') return usage_error(argv[0], "whose? one NAME");
  fault = users_pair_fault(argv[1], "x");
  if (fault)
  {
    say("passwd: ", fault);
    return EXIT_USAGE;
  }
  status = wanted_load(&w, cx, 0);
  if (!status) status = find_file(cx, &w, &file);
  if (!status) status = set(cx, &w, file.s, argv[1]);
  stralloc_free(&file);
  wanted_free(&w);
  return status;
}
