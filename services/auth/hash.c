#include <crypt.h>
#include <errno.h>
#include <string.h>

#include <services/auth/hash.h>

_Static_assert(HASH_MAX == CRYPT_OUTPUT_SIZE, "room for every hash of libxcrypt");

static struct crypt_data work; /* 32 KiB */

/* The hash stays in work. 0 if setting is not one. */
static char const *hash_with(char const *setting, size_t len, char const *password)
{
  char s[HASH_MAX];

  if (len >= sizeof s) return (errno = EINVAL, (char const *)0);
  memcpy(s, setting, len);
  s[len] = 0;
  if (strlen(s) != len || s[0] == '!' || s[0] == '*') return (errno = EINVAL, (char const *)0);
  return crypt_rn(password, s, &work, (int)sizeof work);
}

static void forget(void)
{
  explicit_bzero(&work, sizeof work);
}

/* The time it takes depends on the lengths alone, which are no secret. */
static int same(char const *a, char const *b, size_t len)
{
  unsigned char differ = 0;

  if (strlen(a) != len) return 0;
  for (size_t i = 0; i < len; i++) differ |= (unsigned char)(a[i] ^ b[i]);
  return !differ;
}

/*
 * Why a hash like this one, 0 for libcrypt's preference, could not be made. libcrypt says EINVAL for a lack of
 * memory as well (crypt-yescrypt.c): then a setting of the same method that is surely right fails, too.
 */
static int reason(char const *like, char const *password)
{
  char sure[CRYPT_GENSALT_OUTPUT_SIZE];

  if (!crypt_gensalt_rn(like, 0, 0, 0, sure, sizeof sure)) return EINVAL;
  return hash_with(sure, strlen(sure), password) ? EINVAL : ENOMEM;
}

/* 0, or -1 and errno as for a name that is there. */
static int pretend(users_match const *m, char const *password)
{
  if (m->other && hash_with(m->other, m->otherlen, password)) return 0;
  errno = reason(0, password);
  return errno == ENOMEM ? -1 : 0;
}

static int check(users_match const *m, char const *password)
{
  char const *h = hash_with(m->hash, m->len, password);
  char method[16];
  size_t n = m->len < sizeof method ? m->len : sizeof method - 1;

  if (h) return same(h, m->hash, m->len);
  memcpy(method, m->hash, n);
  method[n] = 0;
  errno = reason(method, password);
  return -1;
}

int hash_check(users_match const *m, char const *password)
{
  int result;
  int e;

  if (!m->hash || !m->len || m->hash[0] == '!' || m->hash[0] == '*')
    result = pretend(m, password);
  else
    result = check(m, password);
  e = errno;
  forget();
  errno = e;
  return result;
}

int hash_make(char hash[HASH_MAX], char const *password)
{
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  char const *h;

  if (!crypt_gensalt_rn(0, 0, 0, 0, setting, sizeof setting)) return -1;
  h = hash_with(setting, strlen(setting), password);
  if (!h) return -1;
  strcpy(hash, h);
  forget();
  return 0;
}
