#include <stdint.h>

#include "smtpd-fuzz.h"

/* What a plugin prints. The first byte chooses the section that it stands in. */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static plugin_end say(void *host, char const *command, stralloc const *vars, stralloc *output)
{
  fake *f = host;

  (void)command;
  (void)vars;
  if (!stralloc_catb(output, f->output, f->output_len)) abort();
  return PLUGIN_RAN;
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  static char const *const sections[] = {
      "[connection]\nx\n", "[helo]\nx\n", "[mail]\nx\nx\n", "[rcpt]\nx\n",
      "[data]\nx\n",       "[auth]\nx\n", "[pass]\nx\n",    "[m]\nx\n[r]\nx\n[d]\nx\n"};
  static char const client[] =
      "EHLO c\r\nAUTH PLAIN AGpvZQBzZWNyZXQ=\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<u@here.test>\r\n"
      "DATA\r\nx\r\n.\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<v@here.test>\r\n";
  static fake f;

  if (!len) return 0;
  fuzz_again(&f);
  fake_list(&f.control.plugins, sections[bytes[0] % 8]);
  f.config.auth = f.config.auth_plain = 1;
  f.relayed_ok = 1;
  f.operations.plugin = say;
  f.output = (char const *)bytes + 1;
  f.output_len = len - 1;
  fake_begin(&f);
  fake_feed(&f, client, sizeof client - 1, 1000);
  fuzz_check_replies(&f);
  if (f.envelope.len && memchr(f.envelope.s, '\n', f.envelope.len)) abort();
  session_free(&f.session);
  return 0;
}

#pragma clang attribute pop
