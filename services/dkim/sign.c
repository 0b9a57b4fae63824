#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <skalibs/types.h>

#include "canon.h"
#include "sign.h"

#define CHUNK  32768U
#define FIELDS 1000U /* of a header that are looked at */

/*
 * What is signed, all of them that there are. From stands once more than it is there, so that nobody can put another one
 * before it.
 */
static char const *const signed_names[] = {"From",
                                           "Reply-To",
                                           "Subject",
                                           "Date",
                                           "To",
                                           "Cc",
                                           "Message-ID",
                                           "In-Reply-To",
                                           "References",
                                           "MIME-Version",
                                           "Content-Type",
                                           "Content-Transfer-Encoding",
                                           "Content-Disposition",
                                           "Content-Language"};
#define NAMES (sizeof signed_names / sizeof signed_names[0])

int sign_read_header(int fd, uint64_t len, stralloc *header)
{
  size_t want = len < SIGN_HEADER_MAX ? (size_t)len : SIGN_HEADER_MAX, from = 0;

  while (header->len < want)
  {
    size_t n = want - header->len < CHUNK ? want - header->len : CHUNK;
    char const *end;
    ssize_t r;
    if (!stralloc_readyplus(header, n)) return -1;
    r = pread(fd, header->s + header->len, n, (off_t)header->len);
    if (r <= 0) return (errno = r ? errno : EIO, -1);
    header->len += (size_t)r;
    for (char const *s = header->s + from; (end = memchr(s, '\n', (size_t)(header->s + header->len - s)));
         s = end + 1)
    {
      size_t next = (size_t)(end - header->s) + 1;
      if (next < header->len && header->s[next] == '\r') next++;
      if (next >= header->len || header->s[next] != '\n') continue;
      header->len = (size_t)(end - header->s) + 1;
      return 0;
    }
    from = header->len > 2 ? header->len - 2 : 0;
  }
  return len > SIGN_HEADER_MAX ? (errno = EMSGSIZE, -1) : 0;
}

static unsigned int find_fields(stralloc const *header, char const *name, field *found)
{
  char const *s = header->s, *end = s + header->len;
  unsigned int n = 0;
  field f;

  while (n < FIELDS && canon_field_next(&s, end, &f))
    if (f.name == strlen(name) && !strncasecmp(f.s, name, f.name)) found[n++] = f;
  return n;
}

int sign_domain(stralloc const *header, char domain[256])
{
  static field found[FIELDS];
  char const *colon;

  if (!find_fields(header, "From", found)) return -1;
  colon = memchr(found[0].s, ':', found[0].len);
  return from_domain(colon + 1, found[0].len - (size_t)(colon + 1 - found[0].s), domain);
}

/* --- hashes -------------------------------------------------------------------------------------- */

#define HASH 32U

static int hash_body(int fd, uint64_t at, uint64_t len, unsigned char hash[HASH])
{
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  body_canon b = BODY_CANON_ZERO;
  stralloc sa = STRALLOC_ZERO;
  char s[CHUNK];
  int done = c && EVP_DigestInit_ex(c, EVP_sha256(), 0);

  while (done && at < len)
  {
    ssize_t r = pread(fd, s, len - at < CHUNK ? (size_t)(len - at) : CHUNK, (off_t)at);
    sa.len = 0;
    done = r > 0 && body_canon_put(&b, &sa, s, (size_t)r) == 0 && EVP_DigestUpdate(c, sa.s, sa.len);
    at += r > 0 ? (uint64_t)r : 0;
  }
  sa.len = 0;
  done = done && body_canon_end(&b, &sa) == 0 && EVP_DigestUpdate(c, sa.s, sa.len) &&
         EVP_DigestFinal_ex(c, hash, 0);
  EVP_MD_CTX_free(c);
  stralloc_free(&sa);
  return done ? 0 : -1;
}

static int add_base64(stralloc *sa, unsigned char const *s, size_t n)
{
  if (!stralloc_readyplus(sa, (n + 2) / 3 * 4 + 1)) return -1;
  sa->len += (size_t)EVP_EncodeBlock((unsigned char *)sa->s + sa->len, s, (int)n);
  return 0;
}

/* The names, for h=, and the fields in that order: of one name the last comes first (RFC 6376, 5.4.2). */
static int add_fields(stralloc const *header, stralloc *names, stralloc *data)
{
  static field found[FIELDS];

  for (unsigned int i = 0; i < NAMES; i++)
  {
    unsigned int n = find_fields(header, signed_names[i], found);
    for (unsigned int k = 0; k < n + !i; k++)
      if ((names->len && !stralloc_cats(names, k ? ":" : ":\n\t")) || !stralloc_cats(names, signed_names[i]))
        return -1;
    while (n)
      if (field_canon(data, found + --n, 0) < 0) return -1;
  }
  return 0;
}

/* Signs the data's hash: RSA its digest, Ed25519 the 32 bytes themselves (RFC 8463, 3). */
static int add_signature(stralloc *out, dkim_key const *k, stralloc const *data)
{
  int ed = key_is_ed25519(k);
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  unsigned char hash[HASH], s[1024];
  size_t n = sizeof s;
  stralloc text = STRALLOC_ZERO;
  int done =
      c && EVP_DigestSignInit(c, 0, ed ? 0 : EVP_sha256(), 0, k->key) > 0 &&
      EVP_Digest(data->s, data->len, hash, 0, EVP_sha256(), 0) &&
      EVP_DigestSign(c, s, &n, ed ? hash : (unsigned char const *)data->s, ed ? HASH : data->len) > 0 &&
      add_base64(&text, s, n) == 0;

  for (size_t i = 0; done && i < text.len; i += 72)
    done =
        stralloc_cats(out, "\n\t ") && stralloc_catb(out, text.s + i, text.len - i < 72 ? text.len - i : 72);
  EVP_MD_CTX_free(c);
  stralloc_free(&text);
  return done && stralloc_cats(out, "\n") ? 0 : -1;
}

/* One field: all of it but the signature is signed together with the message's fields. */
static int add_one(stralloc *out, dkim_key const *k, char const *domain, stralloc const *names,
                   stralloc const *fields, unsigned char const body[HASH], uint64_t seconds)
{
  char fmt[UINT64_FMT];
  stralloc data = STRALLOC_ZERO;
  size_t was = out->len;
  field f;
  int result = -1;

  fmt[uint64_fmt(fmt, seconds)] = 0;
  if (stralloc_cats(out, "DKIM-Signature: v=1; a=") &&
      stralloc_cats(out, key_is_ed25519(k) ? "ed25519" : "rsa") &&
      stralloc_cats(out, "-sha256; c=relaxed/relaxed; d=") && stralloc_cats(out, domain) &&
      stralloc_cats(out, ";\n\ts=") && stralloc_cats(out, k->selector) && stralloc_cats(out, "; t=") &&
      stralloc_cats(out, fmt) && stralloc_cats(out, ";\n\th=") && stralloc_cat(out, names) &&
      stralloc_cats(out, ";\n\tbh=") && add_base64(out, body, HASH) == 0 && stralloc_cats(out, "; b="))
  {
    f = (field){out->s + was, 14, out->len - was};
    if (stralloc_copy(&data, fields) && field_canon(&data, &f, 1) == 0) result = add_signature(out, k, &data);
  }
  stralloc_free(&data);
  return result;
}

int sign_message(int fd, uint64_t len, stralloc const *header, char const *domain, dkim_key const *keys,
                 unsigned int n, uint64_t seconds, stralloc *out)
{
  stralloc names = STRALLOC_ZERO, fields = STRALLOC_ZERO;
  unsigned char body[HASH];
  uint64_t at = header->len;
  char end[2];
  int result = -1;

  /* behind the empty line */
  if (pread(fd, end, 2, (off_t)at) == 2 && end[0] == '\r') at++;
  if (at < len) at++;
  errno = EIO;
  if (hash_body(fd, at, len, body) == 0 && add_fields(header, &names, &fields) == 0)
    for (result = 0; n && !result; n--, keys++)
      result = add_one(out, keys, domain, &names, &fields, body, seconds);
  stralloc_free(&names);
  stralloc_free(&fields);
  return result;
}
