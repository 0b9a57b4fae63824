#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/become.h>

#include <services/contract/where.h>

#include <ctl/command/command.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

/* Keys for signatures: dkim(8) itself makes and shows them, as the user that they belong to. */

typedef struct dkim_word_s dkim_word;
struct dkim_word_s
{
  char const *name;
  char const *option;
  int arguments;
  char const *wrong;
};

static dkim_word const dkim_words[] = {
    {"list", "--list", 0, "list takes nothing more"},
    {"records", "--records", 0, "records takes nothing more"},
    {"new", "--new", 1, "new takes one DOMAIN"},
    {"retire", "--retire", 2, "retire takes DOMAIN and SELECTOR"},
    {0, 0, 0, 0},
};

/* The directory is there before the first `up`, too. */
static int dkim_become(bundle const *b, char const *keys)
{
  become owner;
  char const *what, *wrong = b->root ? become_find(&owner, dkim_user(b), 0, &what) : 0;

  if (wrong)
  {
    say("dkim: ", wrong, what);
    return EXIT_CONF;
  }
  if (mkdir(keys, 0700) == 0 && b->root && chown(keys, owner.uid, owner.gid) < 0)
  {
    say_cannot("give away ", keys);
    return EXIT_SYSTEM;
  }
  if (!b->root || become_them(&owner) == 0) return 0;
  say_cannot("become ", dkim_user(b));
  return EXIT_SYSTEM;
}

static int dkim_run(context const *cx, bundle const *b, dkim_word const *w, char const *const *argv)
{
  stralloc keys = STRALLOC_ZERO;
  char program[PATH_MAX];
  int status = EXIT_SYSTEM;

  snprintf(program, sizeof program, "%s/dkim", cx->libexec);
  if (dkim_keys(&keys, b) < 0)
    say_cannot("find the keys");
  else
    status = dkim_become(b, keys.s);
  if (!status)
  {
    char const *const words[] = {
        program, w->option, keys.s, w->arguments ? argv[0] : 0, w->arguments > 1 ? argv[1] : 0, 0};
    fflush(stdout);
    execv(program, (char *const *)words);
    say_cannot("run ", program);
    status = EXIT_SYSTEM;
  }
  stralloc_free(&keys);
  return status;
}

int command_dkim(context const *cx, int argc, char const *const *argv)
{
  dkim_word const *w = dkim_words;
  wanted x = WANTED_ZERO;
  int status;

  while (argc > 1 && w->name && strcmp(w->name, argv[1])) w++;
  if (!w->name) return usage_error(argv[0], "list, records, new or retire");
  if (argc - (argc > 1) != w->arguments + 1) return usage_error(argv[0], w->wrong);
  status = wanted_load(&x, cx, 0);
  if (!status && !bundle_section(&x.b, "dkim"))
  {
    say("dkim: ", cx->file, " has no section [dkim]");
    status = EXIT_CONF;
  }
  if (!status) status = dkim_run(cx, &x.b, w, argv + 2);
  wanted_free(&x);
  return status;
}
