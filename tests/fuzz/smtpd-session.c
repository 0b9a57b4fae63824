#include <stdint.h>

#include "smtpd-fuzz.h"

/*
 * The whole session. The first byte of the input chooses the configuration, the second the size of the pieces that the
 * rest comes in. `\n` stands for itself, so that bare ones are tried too; LONG and a byte stand for many of it, since
 * the limits of a line are far beyond the length of an input that is fast.
 */

#define LONG       28 /* a control character that has no other use */
#define LONG_BYTES 4100
#define LONG_MAX   4 /* of them */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static char text[4096 + LONG_MAX * LONG_BYTES];

/* Unpacks the input to text. Returns its length. */
static size_t unpack(uint8_t const *bytes, size_t len)
{
  size_t n = 0;
  unsigned int longs = 0;

  for (size_t i = 0; i < len && i < 4096; i++)
    if (bytes[i] == LONG && i + 1 < len && longs < LONG_MAX)
    {
      memset(text + n, bytes[++i], LONG_BYTES);
      n += LONG_BYTES;
      longs++;
    }
    else
      text[n++] = (char)bytes[i];
  return n;
}

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

static void run(fake *f, unsigned int configuration, size_t len, size_t piece)
{
  fuzz_again(f);
  choose(f, configuration);
  fake_begin(f);
  fake_feed(f, text, len, piece);
  fuzz_check(f);
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  static fake f, g;
  size_t n;
  size_t piece;

  if (len < 2) return 0;
  n = unpack(bytes + 2, len - 2);
  piece = bytes[1] % 64u ? bytes[1] % 64u : sizeof text;
  run(&f, bytes[0], n, n > 4096 ? sizeof text : piece);
  /* The same in other pieces comes to the same, unless something comes behind STARTTLS in the same piece. */
  if (bytes[1] >= 192 && !(bytes[0] & 8))
  {
    run(&g, bytes[0], n, n > 4096 ? 4096 : 1);
    if (g.queued != f.queued || (g.session.want == SESSION_CLOSE) != (f.session.want == SESSION_CLOSE) ||
        g.out.len != f.out.len || memcmp(g.out.s, f.out.s, g.out.len))
      abort();
    session_free(&g.session);
  }
  session_free(&f.session);
  return 0;
}

#pragma clang attribute pop
