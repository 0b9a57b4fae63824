#ifndef TESTS_SMTPD_FUZZ_H
#define TESTS_SMTPD_FUZZ_H

#include "../unit/smtpd-world.h"

/* Every reply is a line of printable characters; the log is lines without control bytes. */
static void fuzz_check_replies(fake const *f)
{
  for (size_t i = 0; i < f->out.len;)
  {
    char const *end = memchr(f->out.s + i, '\n', f->out.len - i);
    size_t n;
    if (!end) abort();
    n = (size_t)(end - f->out.s) - i;
    if (n < 2 || end[-1] != '\r') abort();
    for (size_t j = i; j < i + n - 1; j++)
      if ((unsigned char)f->out.s[j] < 32 || f->out.s[j] == 127) abort();
    i += n + 1;
  }
  for (size_t i = 0; i < f->log.len; i++)
    if (((unsigned char)f->log.s[i] < 32 && f->log.s[i] != '\n') || f->log.s[i] == 127) abort();
}

/* What must hold of a session, whatever it was fed. */
static inline void fuzz_check(fake *f)
{
  fuzz_check_replies(f);
  /* The queue program runs exactly while DATA goes on. */
  if (f->is_open != (f->session.phase == PHASE_DATA)) abort();
  /* Nothing is relayed. */
  if (f->queued && !f->relayed_ok)
    for (size_t i = 0; i < f->envelope.len; i += strlen(f->envelope.s + i) + 1)
    {
      char const *at = strrchr(f->envelope.s + i, '@');
      if (f->envelope.s[i] == 'T' && at && !control_accepts(&f->control, f->envelope.s + i + 1)) abort();
    }
}

#endif
