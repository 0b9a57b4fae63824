#include <string.h>

#include <runlib/siphash.h>

#include "greylist.h"

#define NETWORK_LEN 9 /* the letter, and the first 8 bytes of an IPv6 address; of IPv4 3 */

static char lower(char c)
{
  return (char)(c >= 'A' && c <= 'Z' ? c | 32 : c);
}

static size_t network_key(question const *q, unsigned char *key)
{
  size_t n = q->address_len == 4 ? 3 : 8;

  key[0] = GREYLIST_NETWORK;
  memcpy(key + 1, q->address, n);
  return n + 1;
}

/* Appends an address in lower case and a NUL, with runs of digits before the `@` as one `#`. */
static size_t put_address(char *to, size_t room, char const *address, int digits)
{
  char const *at = strrchr(address, '@');
  size_t n = 0;

  for (char const *s = address; *s && n + 1 < room; s++)
  {
    int digit = !digits && *s >= '0' && *s <= '9' && (!at || s < at);
    if (digit && n && to[n - 1] == '#') continue;
    to[n++] = digit ? '#' : lower(*s);
  }
  to[n++] = 0;
  return n;
}

static size_t hash_key(store const *s, unsigned char letter, char const *text, size_t len, unsigned char *key)
{
  uint64_t h = siphash13(store_secret(s), letter, text, len);

  key[0] = letter;
  memcpy(key + 1, &h, sizeof h);
  return 1 + sizeof h;
}

static size_t triplet_key(store const *s, question const *q, unsigned char *key)
{
  char text[NETWORK_LEN + 2 * 600];
  size_t n = network_key(q, (unsigned char *)text);

  n += put_address(text + n, 600, q->request->recipient, 1);
  n += put_address(text + n, 600, q->request->sender, 0);
  return hash_key(s, GREYLIST_TRIPLET, text, n, key);
}

static size_t domain_key(store const *s, question const *q, unsigned char *key)
{
  char text[600];
  char const *at = strrchr(q->request->sender, '@');

  return hash_key(s, GREYLIST_DOMAIN, text,
                  put_address(text, sizeof text, at ? at : q->request->helo_name, 1), key);
}

static size_t wrote_key(store const *s, char const *stranger, char const *user, unsigned char *key)
{
  char text[1200];
  size_t n = put_address(text, 600, stranger, 1);

  n += put_address(text + n, 600, user, 1);
  return hash_key(s, GREYLIST_WROTE, text, n, key);
}

/* Seen now, once more. Within an hour that is not written down again. */
static int touch(store *s, unsigned char const *key, size_t len, store_value *v, uint64_t now)
{
  if (v->count && v->last <= now && now - v->last < 3600) return 0;
  if (!v->first) v->first = (uint32_t)now;
  v->last = (uint32_t)now;
  v->count++;
  return store_put(s, key, len, v);
}

static int is_known(store *s, unsigned char const *key, size_t len, uint32_t count, uint64_t now)
{
  store_value v;

  if (store_get(s, key, len, &v) != 1 || v.count < count) return 0;
  (void)touch(s, key, len, &v, now);
  return 1;
}

static void learn(store *s, unsigned char const *key, size_t len, uint64_t now)
{
  store_value v = {(uint32_t)now, 0, 0};

  (void)store_get(s, key, len, &v);
  v.last = (uint32_t)now;
  v.count++;
  (void)store_put(s, key, len, &v);
}

static grey came_again(store *s, question const *q, int spf_pass)
{
  unsigned char key[STORE_KEY_MAX];

  learn(s, key, network_key(q, key), q->now);
  if (spf_pass) learn(s, key, domain_key(s, q, key), q->now);
  return GREY_AGAIN;
}

grey greylist_check(store *s, settings const *st, question const *q, int spf_pass, uint64_t *wait)
{
  unsigned char key[STORE_KEY_MAX];
  store_value v = {0, 0, 0};
  size_t len;

  if (is_known(s, key, network_key(q, key), GREYLIST_NETWORK_KNOWN, q->now) ||
      (spf_pass && is_known(s, key, domain_key(s, q, key), 1, q->now)) ||
      is_known(s, key, wrote_key(s, q->request->sender, q->request->recipient, key), 1, q->now))
    return GREY_KNOWN;
  len = triplet_key(s, q, key);
  if (store_get(s, key, len, &v) < 0) return GREY_KNOWN;
  if (v.count)
  {
    (void)touch(s, key, len, &v, q->now);
    return GREY_KNOWN;
  }
  /* What was first seen in the future, was before the clock was set back. */
  if (!v.first || v.first > q->now || q->now - v.first > st->greylist_window)
  {
    v.first = v.last = (uint32_t)q->now;
    *wait = st->greylist_delay;
    return store_put(s, key, len, &v) < 0 ? GREY_KNOWN : GREY_WAIT;
  }
  if (q->now - v.first < st->greylist_delay)
  {
    *wait = v.first + st->greylist_delay - q->now;
    return GREY_WAIT;
  }
  (void)touch(s, key, len, &v, q->now);
  return came_again(s, q, spf_pass);
}

void greylist_wrote(store *s, policy_request const *r, uint64_t now)
{
  unsigned char key[STORE_KEY_MAX];
  size_t len = wrote_key(s, r->recipient, r->sender, key);

  if (*r->sender && !is_known(s, key, len, 1, now)) learn(s, key, len, now);
}

int greylist_old(void *data, unsigned char const *key, store_value const *v)
{
  greylist_age *a = data;
  uint64_t most =
      key[0] == GREYLIST_TRIPLET && !v->count ? a->settings->greylist_window : a->settings->greylist_lifetime;
  int old = v->last <= a->now && a->now - v->last > most;

  a->removed += (uint64_t)old;
  return old;
}

unsigned int greylist_forget(store *s, question const *q)
{
  unsigned char key[STORE_KEY_MAX];
  unsigned int n = store_del(s, key, network_key(q, key)) == 0;

  if (*q->request->sender || *q->request->recipient) n += store_del(s, key, triplet_key(s, q, key)) == 0;
  return n;
}

int greylist_add(store *s, question const *q)
{
  unsigned char key[STORE_KEY_MAX];
  store_value const v = {(uint32_t)q->now, (uint32_t)q->now, GREYLIST_NETWORK_KNOWN};

  return store_put(s, key, network_key(q, key), &v);
}
