#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include <runlib/overload.h>

#include <services/plugins/kit.h>

static char const *get(void const *e, char const *name)
{
  return env_get(e, name);
}

/* The log line is the original's, which is not the kit's. smtpd is our parent. */
static decision overload_decide(env const *e)
{
  decision d = DECISION_ZERO;
  char reply[OVERLOAD_REPLY];
  char line[OVERLOAD_REPLY];

  if (!overload_answer(reply, "control/overloaded", (uint64_t)time(0), &get, e)) return d;
  decision_say(&d, reply[0], "%s", reply + 1);
  allwrite(2, line, overload_log(line, reply, (long)getppid()));
  return d;
}

int main(int argc, char const *const *argv)
{
  static plugin const p = {
      .name = "overload",
      .help = "overload\n"
              "In [connection], [mail] or [auth]: refuses strangers while control/overloaded exists.\n"
              "OVERLOADTEXT: what they are told after 451 or 421. OVERLOADRELAY: if set, clients with\n"
              "RELAYCLIENT are no strangers. OVERLOADLOGIN: if set, nobody is refused before MAIL or AUTH.\n",
      .decide = overload_decide,
  };
  return plugin_run(argc, argv, &p);
}
