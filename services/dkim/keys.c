#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "keys.h"

int key_is_ed25519(dkim_key const *k)
{
  return EVP_PKEY_base_id(k->key) == EVP_PKEY_ED25519;
}

/* Takes the selector from a file's name. Returns 1; 0, it is no key's; *retired: it signs no more. */
static int selector_of(char const *file, char selector[SELECTOR_SIZE], int *retired)
{
  char const *dot = strrchr(file, '.');
  size_t n = dot ? (size_t)(dot - file) : 0;

  if (!n || n >= SELECTOR_SIZE) return 0;
  *retired = !strcmp(dot, ".retired");
  if (!*retired && strcmp(dot, ".key")) return 0;
  memcpy(selector, file, n);
  selector[n] = 0;
  return 1;
}

static EVP_PKEY *read_key(int at, char const *file)
{
  int fd = openat(at, file, O_RDONLY | O_CLOEXEC), type;
  FILE *f = fd < 0 ? 0 : fdopen(fd, "r");
  struct stat st;
  EVP_PKEY *key;

  if (!f)
  {
    if (fd >= 0) close(fd);
    return 0;
  }
  if (fstat(fd, &st) < 0 || st.st_mode & 077)
  {
    fclose(f);
    errno = EACCES;
    return 0;
  }
  key = PEM_read_PrivateKey(f, 0, 0, 0);
  fclose(f);
  type = key ? EVP_PKEY_base_id(key) : 0;
  if (type == EVP_PKEY_RSA || type == EVP_PKEY_ED25519) return key;
  EVP_PKEY_free(key);
  errno = EPROTO;
  return 0;
}

static int by_name(struct dirent const **a, struct dirent const **b)
{
  return strcmp((*a)->d_name, (*b)->d_name);
}

int keys_read(int directory, char const *domain, dkim_key *keys, unsigned int most, int retired)
{
  int at = openat(directory, domain, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct dirent **list;
  int n, found = 0;

  if (at < 0) return -1;
  n = scandirat(at, ".", &list, 0, &by_name);
  for (int i = 0; i < n; i++)
  {
    dkim_key *k = keys + found;
    if (found >= 0 && found < (int)most && selector_of(list[i]->d_name, k->selector, &k->retired) &&
        (retired || !k->retired))
    {
      k->key = read_key(at, list[i]->d_name);
      if (k->key)
        found++;
      else
      {
        int e = errno;
        keys_free(keys, (unsigned int)found);
        found = -1;
        errno = e;
      }
    }
    free(list[i]);
  }
  if (n >= 0) free(list);
  n = errno;
  close(at);
  errno = found ? n : ENOENT;
  return found ? found : -1;
}

void keys_free(dkim_key *keys, unsigned int n)
{
  while (n) EVP_PKEY_free(keys[--n].key);
}
