#include <stdint.h>
#include <unistd.h>

#include <runlib/clock.h>
#include <runlib/overload.h>

#include <services/plugins/kit.h>

static char const *get(void const *e, char const *name)
{
  return env_get(e, name);
}

/* The log line is the original's, which is not the kit's. smtpd is our parent. */
static void overload_decide(env const *e, decision *d)
{
  char reply[OVERLOAD_REPLY];
  char line[OVERLOAD_REPLY];

  if (!overload_answer(reply, "control/overloaded", (uint64_t)clock_wall().tv_sec, &get, e)) return;
  decision_say(d, reply[0], "%s", reply + 1);
  if (write(2, line, overload_log(line, reply, (long)getppid())) < 0) return; /* the reply is what counts */
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
