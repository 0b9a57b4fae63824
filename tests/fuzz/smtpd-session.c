#include <stdint.h>

#include "smtpd-fuzz.h"

/*
 * The whole session. The first byte of the input chooses the configuration, the second the size of the pieces
 * that the rest comes in; `\n` stands for itself, so that bare ones are tried too.
 */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static void choose(fake *f, unsigned int x)
{
  f->config.submission = x & 1;
  f->config.auth = (x & 3) != 0;
  f->config.auth_plain = f->config.auth && x & 4;
  f->config.starttls = x & 8 ? STARTTLS_OFFER : STARTTLS_OFF;
  f->config.databytes = x & 16 ? 64 : 0;
  f->config.errors_max = x & 32 ? 5 : 0;
  f->code = x & 64 ? 53 : 0;
  f->relayed_ok = f->config.auth;
  if (x & 128)
    fake_list(&f->control.plugins, "[connection]\nsay SFOO=1\n[mail]\nsay HX-Test: 1|\n[rcpt]\nhang\n");
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  fake f;
  uint64_t size;
  int whole;

  if (len < 2) return 0;
  fake_init(&f);
  choose(&f, bytes[0]);
  fake_begin(&f);
  fake_feed(&f, (char const *)bytes + 2, len - 2, bytes[1] ? bytes[1] : 65536);
  fuzz_check(&f);
  size = f.queued;
  whole = f.session.want == SESSION_CLOSE;
  /* The same in single bytes comes to the same. */
  if (!(bytes[0] & 8))
  {
    fake g;
    fake_init(&g);
    choose(&g, bytes[0]);
    fake_begin(&g);
    fake_feed(&g, (char const *)bytes + 2, len - 2, 1);
    fuzz_check(&g);
    if (g.queued != size || whole != (g.session.want == SESSION_CLOSE) || g.out.len != f.out.len ||
        memcmp(g.out.s, f.out.s, g.out.len))
      abort();
    fake_free(&g);
  }
  fake_free(&f);
  return 0;
}
