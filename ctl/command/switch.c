#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/tai.h>

#include <ctl/command/advance.h>
#include <ctl/command/command.h>
#include <ctl/machine/load.h>
#include <ctl/machine/sets.h>
#include <ctl/say.h>

/* Runs the set's own mailctl, and waits for it. Its exit code, or EXIT_SYSTEM for whatever else became of it. */
static int run_set(char const *program, context const *cx, char const *const *words)
{
  char const *argv[12] = {program, "-c", cx->file};
  int n = 3, wstat;
  pid_t pid;

  while (*words && n < 11) argv[n++] = *words++;
  fflush(stdout);
  pid = fork();
  if (!pid)
  {
    execv(program, (char *const *)argv);
    _exit(EXIT_SYSTEM);
  }
  if (pid < 0 || waitpid_nointr(pid, &wstat, 0) < 0) return EXIT_SYSTEM;
  return WIFEXITED(wstat) ? WEXITSTATUS(wstat) : EXIT_SYSTEM;
}

/*
 * The new set's own up goes back by itself where it finds that it is not healthy. One whose mailctl is no good, or is
 * killed, is left by this one, which is known to work.
 */
static int leave(context const *cx, char const *state, unsigned int before, char const *const *argv)
{
  advance a = {.number = before, .stay = 1, .argv = argv};
  wanted w = WANTED_ZERO;
  unsigned int current;
  int lock = -1;
  int status;

  if (generation_current(state, &current) < 0 || current == before) return EXIT_SYSTEM;
  say("the new set's mailctl failed: going back");
  tain_now_set_stopwatch_g();
  status = advance_lock(state, "switch", &lock);
  if (!status) status = kept_load(&w, cx, state, before);
  if (!status) status = advance_run(cx, &w, &a) ? EXIT_ILL : EXIT_BACK;
  if (status == EXIT_BACK && generation_note(state, current, "failed its mailctl failed\n") < 0)
    say_cannot("note what became of the generation");
  if (lock >= 0) fd_close(lock);
  wanted_free(&w);
  return status;
}

static int switch_to(context const *cx, bundle const *b, char const *program, int argc,
                     char const *const *argv)
{
  static char const *const check[] = {"check", 0};
  char const *up[8] = {"up"};
  unsigned int before = 0;
  int stay = 0;
  int status;

  for (int i = 2; i < argc && i < 6; i++)
  {
    up[i - 1] = argv[i];
    stay |= !strcmp(argv[i], "--no-rollback");
  }
  if (!stay && (status = run_set(program, cx, check)))
  {
    say("the set's own mailctl refuses it, and nothing was changed");
    return status;
  }
  (void)generation_current(b->state, &before);
  setenv("MAILCTL_AS", "switch", 1);
  status = run_set(program, cx, up);
  if (!status || status == EXIT_BACK || status == EXIT_ILL || status == EXIT_CONF || status == EXIT_USAGE ||
      stay || !before)
    return status;
  return leave(cx, b->state, before, argv);
}

int command_switch(context const *cx, int argc, char const *const *argv)
{
  char program[PATH_MAX];
  char const *software;
  stored s = STORED_ZERO;
  int status;

  if (argc < 2 || argc > 5 || argv[1][0] == '-' || argv[1][0] == '.')
    return usage_error(argv[0], "to which SET? `mailctl sets` shows them; then the options of up");
  if ((status = stored_load(&s, cx))) return status;
  software = section_text(s.b.self, "software");
  if (!software || !*software)
  {
    say("switch: ", cx->file, " does not say where software sets live: [bundle] software = DIR");
    status = EXIT_CONF;
  }
  else
  {
    if (strchr(argv[1], '/'))
      snprintf(program, sizeof program, "%s/bin/mailctl", argv[1]);
    else
      snprintf(program, sizeof program, "%s/%s/bin/mailctl", software, argv[1]);
    if (access(program, X_OK) < 0)
    {
      say_cannot("run ", program);
      status = EXIT_USAGE;
    }
    else
      status = switch_to(cx, &s.b, program, argc, argv);
  }
  stored_free(&s);
  return status;
}
