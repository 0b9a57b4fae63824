#include <stdint.h>

#include "smtpd-fuzz.h"

/* What a policy server answers, at each stage: a line an answer, in turns. */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static int answer(void *host, unsigned int i, char const *question, size_t len, stralloc *to)
{
  fake *f = host;
  char const *newline = memchr(f->output, '\n', f->output_len);
  size_t n = newline ? (size_t)(newline - f->output) : f->output_len;

  (void)i;
  if (len < 2 || memcmp(question + len - 2, "\n\n", 2) || memmem(question, len - 1, "\n\n", 2)) abort();
  if (!f->output_len) return -1;
  /* As policyclient gives it: no NUL, lines that end. */
  if (!stralloc_cats(to, "other=x\naction=") || !stralloc_catb(to, f->output, n) ||
      !stralloc_catb(to, "\n", 1))
    abort();
  for (size_t k = 0; k < to->len; k++)
    if (!to->s[k]) to->s[k] = ' ';
  n += newline != 0;
  f->output += n;
  f->output_len -= n;
  return 0;
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  static char const client[] =
      "EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<u@here.test>\r\nDATA\r\nx\r\n.\r\n"
      "RSET\r\nMAIL FROM:<>\r\nRCPT TO:<v@here.test>\r\nRCPT TO:<w@here.test>\r\nDATA\r\ny\r\n.\r\n";
  static fake f;

  fuzz_again(&f);
  f.config.policies_n = 2;
  f.config.policies[0] = (policy_server){.stages = 63, .closed = 1};
  f.config.policies[1] = (policy_server){.stages = 63};
  f.relayed_ok = 1; /* REDIRECT */
  f.operations.policy = answer;
  f.output = (char const *)bytes;
  f.output_len = len;
  fake_begin(&f);
  fake_feed(&f, client, sizeof client - 1, 1000);
  fuzz_check_replies(&f);
  for (size_t i = 0; i < f.message.len; i++)
    if (((unsigned char)f.message.s[i] < 32 && f.message.s[i] != '\n' && f.message.s[i] != '\t') ||
        f.message.s[i] == 127)
      abort();
  for (size_t i = 0; i < f.envelope.len; i++)
    if (f.envelope.s[i] && ((unsigned char)f.envelope.s[i] < 32 || f.envelope.s[i] == 127)) abort();
  session_free(&f.session);
  return 0;
}

#pragma clang attribute pop
