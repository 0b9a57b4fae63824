#ifndef TESTS_SMTPD_FUZZ_H
#define TESTS_SMTPD_FUZZ_H

/* From here to the end of the fuzzer, which pops it: what it does itself is no news, and would be half of its time. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

#include "../unit/smtpd-host.h"

extern char const *__asan_default_options(void);

/* The default keeps 256 MiB of freed memory, whose pages are touched for the first time again and again. */
char const *__asan_default_options(void)
{
  return "quarantine_size_mb=4:malloc_context_size=8";
}

/* A fake as new, in the memory of the one before. */
static inline void fuzz_again(fake *f)
{
  if (!f->config.control) fake_init(f);
  f->control.plugins.len = f->plugins_run.len = f->vars.len = 0;
  f->old.len = f->told.len = 0;
  f->anew = f->held = 0;
  f->milter_len = 0;
  f->message.len = f->envelope.len = f->log.len = f->out.len = 0;
  f->output = f->words = 0;
  f->output_len = 0;
  f->code = f->is_open = f->relayed_ok = 0;
  f->queued = f->abandoned = 0;
  fake_settings(f);
}

/* Every reply is a line of printable characters; the log is lines without control bytes. */
static inline void fuzz_check_replies(fake const *f)
{
  char const *s = f->out.s;
  char const *end = s + f->out.len;

  while (s < end)
  {
    char const *newline = memchr(s, '\n', (size_t)(end - s));
    if (!newline || newline - s < 2 || newline[-1] != '\r') abort();
    for (; s < newline - 1; s++)
      if ((unsigned char)*s < 32 || *s == 127) abort();
    s = newline + 1;
  }
  for (size_t i = 0; i < f->log.len; i++)
    if (((unsigned char)f->log.s[i] < 32 && f->log.s[i] != '\n') || f->log.s[i] == 127) abort();
}

/* What must hold of a session, whatever it was fed. */
static inline void fuzz_check(fake const *f)
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
