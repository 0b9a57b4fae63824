#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <runlib/become.h>

#include <services/contract/where.h>

#include <ctl/command/command.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

/* The messages of the embedded spool: spool-manage shows and moves them, as the user that they belong to. */

static int queue_run(context const *cx, bundle const *b, int argc, char const *const *argv)
{
  char const **words;
  stralloc path = STRALLOC_ZERO;
  char program[PATH_MAX];
  become owner;
  char const *what, *wrong = b->root ? become_find(&owner, spool_user(b), 0, &what) : 0;

  if (wrong)
  {
    say("queue: ", wrong, what);
    return EXIT_CONF;
  }
  words = calloc((size_t)argc + 4, sizeof *words);
  snprintf(program, sizeof program, "%s/spool-manage", cx->libexec);
  if (!words || spool_path(&path, b, "") < 0)
    say_cannot("find the spool");
  else if (b->root && become_them(&owner) < 0)
    say_cannot("become ", spool_user(b));
  else
  {
    words[0] = program;
    words[1] = path.s;
    words[2] = argc > 1 ? argv[1] : "list";
    if (argc > 2) memcpy(words + 3, argv + 2, (size_t)(argc - 2) * sizeof *words);
    execv(program, (char *const *)words);
    say_cannot("run ", program);
  }
  free(words);
  stralloc_free(&path);
  return EXIT_SYSTEM;
}

int command_queue(context const *cx, int argc, char const *const *argv)
{
  wanted w = WANTED_ZERO;
  int status = wanted_load(&w, cx, 0);

  if (!status && !spool_present(&w.b))
  {
    say("queue: the bundle has no spool of its own");
    status = EXIT_NO;
  }
  if (!status) status = queue_run(cx, &w.b, argc, argv);
  wanted_free(&w);
  return status;
}
