#include <stdint.h>

#include <skalibs/uint32.h>

#include "smtpd-fuzz.h"

/*
 * What milters say over two messages of a session. The first byte of the input says how: bit 0, the rest are packets as
 * they are sent; else each begins with one byte for its length, so that fewer of them are none. Bits 1 to 3: two milters,
 * what a failure means. Bits 4 to 7: what the answer to the offer begins with, unless the input is raw.
 */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static char text[65536];
static size_t size;

static void put(char const *s, size_t n)
{
  if (size + n + 4 > sizeof text) return;
  uint32_pack_big(text + size, (uint32_t)n);
  memcpy(text + size + 4, s, n);
  size += n + 4;
}

/* 4 wants to answer at each step; 3 at none but the end; 2 with blanks, and hears of refused recipients. */
static void agree(unsigned int how)
{
  static uint32_t const steps[] = {
      0, STEP_SKIP | STEP_SPACE | STEP_REJECTED,
      STEP_NR_HEADER | STEP_NR_CONNECT | STEP_NR_HELO | STEP_NR_MAIL | STEP_NR_RCPT | STEP_NR_DATA |
          STEP_NR_UNKNOWN | STEP_NR_EOH | STEP_NR_BODY,
      STEP_NO_CONNECT | STEP_NO_HELO | STEP_NO_MAIL | STEP_NO_RCPT | STEP_NO_DATA | STEP_NO_UNKNOWN |
          STEP_NO_EOH | STEP_NO_HEADERS | STEP_NO_BODY};
  char s[13] = "O";

  uint32_pack_big(s + 1, 6);
  uint32_pack_big(s + 5, how & 4 ? ACTIONS & ~ACTION_BODY : ACTIONS);
  uint32_pack_big(s + 9, steps[how & 3]);
  put(s, sizeof s);
}

static void unpack(uint8_t const *bytes, size_t len)
{
  size = 0;
  if (*bytes & 1)
  {
    size = len - 1 < sizeof text ? len - 1 : sizeof text;
    memcpy(text, bytes + 1, size);
    return;
  }
  agree(*bytes >> 4);
  for (size_t i = 1; i < len;)
  {
    size_t n = bytes[i++];
    if (n > len - i) n = len - i;
    if (n == 255)
      agree(bytes[i]);
    else
      put((char const *)bytes + i, n);
    i += n;
  }
}

static void check(fake const *f)
{
  fuzz_check_replies(f);
  if (f->is_open != (f->session.phase == PHASE_DATA) || f->anew) abort();
  for (size_t i = 0; i < f->envelope.len; i++)
    if (f->envelope.s[i] && ((unsigned char)f->envelope.s[i] < 32 || f->envelope.s[i] == 127)) abort();
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  static char const client[] =
      "EHLO c\r\nMAIL FROM:<a@b.c> SIZE=9\r\nRCPT TO:<u@here.test>\r\nRCPT TO:<x@y.z>\r\nDATA\r\nSubject: "
      "x\r\n"
      "X-A: 1\r\n 2\r\nX-A: 3\r\n\r\nbody\r\n..\r\n.\r\nFROB\r\n"
      "MAIL FROM:<>\r\nRCPT TO:<v@here.test>\r\nRCPT TO:<w@here.test>\r\nDATA\r\nno header\r\n.\r\n"
      "MAIL FROM:<>\r\nRCPT TO:<v@here.test>\r\nDATA\r\nTo: v\r\n.\r\nQUIT\r\n";
  static fake f;

  if (!len) return 0;
  fuzz_again(&f);
  unpack(bytes, len);
  f.config.milters_n = bytes[0] & 2 ? 2 : 1;
  for (unsigned int i = 0; i < 2; i++)
    f.config.milters[i] = (milter_server){
        .address = "unix:/m", .connect = 1, .command = 1, .end = 1, .fails = (bytes[0] >> 2) % 3u};
  f.config.holds = 1;
  f.config.databytes = 4096;
  f.milter = text;
  f.milter_len = size;
  fake_begin(&f);
  fake_feed(&f, client, sizeof client - 1, 1000);
  check(&f);
  session_over(&f.session);
  session_free(&f.session);
  return 0;
}

#pragma clang attribute pop
