#include <skalibs/allreadwrite.h>

#include <ctl/command/command.h>
#include <ctl/live/history.h>
#include <ctl/live/logs.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

int command_history(context const *cx, int argc, char const *const *argv)
{
  stored s = STORED_ZERO;
  stralloc lines = STRALLOC_ZERO;
  stralloc text = STRALLOC_ZERO;
  int status = argc > 2 ? usage_error(argv[0], "one NAME at the most") : stored_load(&s, cx);

  if (!status && (history_tail(&lines, &s.b, argc > 1 ? argv[1] : 0, (size_t)-1) < 0 ||
                  logs_human(&text, lines.s, lines.len, "") < 0))
  {
    say_cannot("read ", s.b.state, "/journal");
    status = EXIT_SYSTEM;
  }
  else if (!status && argc > 1 && !text.len && !generation_find(&s.g, argv[1]))
  {
    say("no service is called ", argv[1], ", and the journal has nothing of one");
    status = EXIT_USAGE;
  }
  else if (!status && allwrite(1, text.s, text.len) < text.len)
  {
    say_cannot("write to standard output");
    status = EXIT_SYSTEM;
  }
  stralloc_free(&lines);
  stralloc_free(&text);
  stored_free(&s);
  return status;
}
