#include <stdio.h>
#include <sys/wait.h>

#include <skalibs/djbtime.h>
#include <skalibs/sig.h>

#include <ctl/words.h>

char const *words_exit(char *s, int wstat)
{
  if (WIFSIGNALED(wstat))
    snprintf(s, WORDS_MAX, "killed by SIG%s", sig_name(WTERMSIG(wstat)));
  else
    snprintf(s, WORDS_MAX, "exit %d", WEXITSTATUS(wstat));
  return s;
}

char const *words_span(char *s, unsigned long long ms)
{
  if (ms < 1000)
    snprintf(s, WORDS_MAX, "%llu ms", ms);
  else if (ms < 100000)
    snprintf(s, WORDS_MAX, "%llu s", ms / 1000);
  else if (ms < 100 * 60000ull)
    snprintf(s, WORDS_MAX, "%llu min", ms / 60000);
  else if (ms < 48 * 3600000ull)
    snprintf(s, WORDS_MAX, "%llu h", ms / 3600000);
  else
    snprintf(s, WORDS_MAX, "%llu d", ms / 86400000);
  return s;
}

char const *words_time(char *s, tain const *t)
{
  localtmn l;

  if (!localtmn_from_tain(&l, t, 1))
    snprintf(s, WORDS_MAX, "?");
  else
    snprintf(s, WORDS_MAX, "%04d-%02d-%02d %02d:%02d:%02d.%03u", l.tm.tm_year + 1900, l.tm.tm_mon + 1,
             l.tm.tm_mday, l.tm.tm_hour, l.tm.tm_min, l.tm.tm_sec, (unsigned int)(l.nano / 1000000));
  return s;
}
