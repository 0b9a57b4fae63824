#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmdb.h>

#include <skalibs/strerr.h>

#include "store.h"

#define ENTRY_BYTES 200 /* of the map, for each entry: pages are half full at worst */
#define SECRET_KEY  "secret"

struct store_s
{
  MDB_env *env;
  MDB_dbi dbi;
  MDB_txn *txn; /* of this turn; 0: nothing was looked at yet */
  int dirty;
  int failing; /* it was said */
  uint64_t entries, max;
  unsigned char secret[16];
  unsigned char swept[STORE_KEY_MAX];
  size_t swept_len;
};

static void complain(store *s, char const *what, int e)
{
  if (!s->failing) strerr_warnw("unable to ", what, " the store: ", mdb_strerror(e));
  s->failing = 1;
}

static MDB_txn *turn(store *s)
{
  int e = s->txn ? 0 : mdb_txn_begin(s->env, 0, 0, &s->txn);

  if (!e) return s->txn;
  s->txn = 0;
  complain(s, "use", e);
  return 0;
}

int store_get(store *s, void const *key, size_t len, store_value *v)
{
  MDB_val k = {len, (void *)key}, data;
  MDB_txn *t = turn(s);
  int e = t ? mdb_get(t, s->dbi, &k, &data) : MDB_PANIC;

  if (e == MDB_NOTFOUND) return 0;
  if (!e && data.mv_size != sizeof *v) e = MDB_CORRUPTED;
  if (e)
  {
    if (t) complain(s, "read", e);
    return -1;
  }
  memcpy(v, data.mv_data, sizeof *v);
  return 1;
}

int store_put(store *s, void const *key, size_t len, store_value const *v)
{
  MDB_val k = {len, (void *)key}, data = {sizeof *v, (void *)v};
  MDB_txn *t = turn(s);
  store_value old;
  int known = t ? store_get(s, key, len, &old) : -1;
  int e = known < 0 ? MDB_PANIC : !known && s->entries >= s->max ? ENOSPC : mdb_put(t, s->dbi, &k, &data, 0);

  if (e)
  {
    if (t) complain(s, "write to", e);
    return -1;
  }
  s->entries += !known;
  s->dirty = 1;
  return 0;
}

int store_del(store *s, void const *key, size_t len)
{
  MDB_val k = {len, (void *)key};
  MDB_txn *t = turn(s);
  int e = t ? mdb_del(t, s->dbi, &k, 0) : MDB_PANIC;

  if (e) return -1;
  s->entries--;
  s->dirty = 1;
  return 0;
}

void store_commit(store *s, int sync)
{
  MDB_stat st;
  int e = 0;

  if (s->txn && s->dirty)
    e = mdb_txn_commit(s->txn);
  else if (s->txn)
    mdb_txn_abort(s->txn);
  if (s->txn && s->dirty && !e && s->failing)
  {
    s->failing = 0;
    strerr_warni("the store can be written to again");
  }
  s->txn = 0;
  s->dirty = 0;
  if (!e && sync) e = mdb_env_sync(s->env, 1);
  if (e) complain(s, "write to", e);
  if (sync && !mdb_env_stat(s->env, &st)) s->entries = st.ms_entries - 1; /* but the secret */
}

void store_sweep(store *s, unsigned int n, int (*old)(void *, unsigned char const *, store_value const *),
                 void *data)
{
  MDB_txn *t = turn(s);
  MDB_cursor *c;
  MDB_val k = {s->swept_len, s->swept}, v;
  int e;

  if (!t || mdb_cursor_open(t, s->dbi, &c)) return;
  e = mdb_cursor_get(c, &k, &v, s->swept_len ? MDB_SET_RANGE : MDB_FIRST);
  for (; !e && n; n--, e = mdb_cursor_get(c, &k, &v, MDB_NEXT))
  {
    store_value value;
    if (v.mv_size != sizeof value) continue;
    memcpy(&value, v.mv_data, sizeof value);
    if (!old(data, k.mv_data, &value) || mdb_cursor_del(c, 0)) continue;
    s->entries--;
    s->dirty = 1;
  }
  s->swept_len = 0;
  if (!e && k.mv_size <= sizeof s->swept) memcpy(s->swept, k.mv_data, s->swept_len = k.mv_size);
  mdb_cursor_close(c);
}

void store_walk(store *s, unsigned char first,
                int (*each)(void *, unsigned char const *, size_t, store_value const *), void *data)
{
  MDB_txn *t = turn(s);
  MDB_cursor *c;
  MDB_val k = {1, &first}, v;
  int e;

  if (!t || mdb_cursor_open(t, s->dbi, &c)) return;
  for (e = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE); !e && *(unsigned char *)k.mv_data == first;
       e = mdb_cursor_get(c, &k, &v, MDB_NEXT))
  {
    store_value value;
    if (v.mv_size != sizeof value) continue;
    memcpy(&value, v.mv_data, sizeof value);
    if (each(data, k.mv_data, k.mv_size, &value)) break;
  }
  mdb_cursor_close(c);
}

uint64_t store_entries(store *s)
{
  return s->entries;
}

unsigned char const *store_secret(store const *s)
{
  return s->secret;
}

/* --- opening -------------------------------------------------------------------------------------- */

static int env_open(store *s, char const *dir)
{
  int e = mdb_env_create(&s->env);

  if (!e) e = mdb_env_set_mapsize(s->env, (size_t)(s->max * ENTRY_BYTES + (1u << 20)) & ~(size_t)4095);
  if (!e) e = mdb_env_open(s->env, dir, MDB_NOSYNC, 0600);
  return e;
}

/* Whether the file has all the pages that it says it has: beyond its end LMDB dies of SIGBUS. */
static int whole(store *s, char const *dir)
{
  MDB_envinfo info;
  MDB_stat st;
  struct stat file;
  char path[4096];

  if (snprintf(path, sizeof path, "%s/data.mdb", dir) >= (int)sizeof path || stat(path, &file) < 0) return 0;
  return !mdb_env_info(s->env, &info) && !mdb_env_stat(s->env, &st) &&
         (uint64_t)file.st_size >= ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
}

static int read_through(store *s)
{
  MDB_txn *t;
  MDB_cursor *c;
  MDB_val k, v;
  int e = mdb_txn_begin(s->env, 0, MDB_RDONLY, &t);

  if (!e && (e = mdb_dbi_open(t, 0, 0, &s->dbi)) == 0 && (e = mdb_cursor_open(t, s->dbi, &c)) == 0)
    while ((e = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0)
      if (!k.mv_size || k.mv_size > STORE_KEY_MAX) return MDB_CORRUPTED;
  return e == MDB_NOTFOUND ? 0 : e;
}

/*
 * A damaged store makes LMDB die now or some day: a child reads all of it, and may die of it. Returns 0, or
 * why it is damaged.
 */
static char const *damage(store *s, char const *dir)
{
  int status = 0, e;
  pid_t pid = fork();

  if (pid < 0) return 0;
  if (!pid)
  {
    e = env_open(s, dir);
    if (!e && !whole(s, dir)) e = MDB_CORRUPTED;
    if (!e) e = read_through(s);
    _exit(e == MDB_INVALID || e == MDB_CORRUPTED || e == MDB_VERSION_MISMATCH || e == MDB_PAGE_NOTFOUND);
  }
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return 0;
  return status ? "it is damaged" : 0;
}

static int set_aside(char const *dir)
{
  char from[4096], to[4096];

  if (snprintf(from, sizeof from, "%s/data.mdb", dir) >= (int)sizeof from) return -1;
  snprintf(to, sizeof to, "%s/data.mdb.bad", dir);
  if (rename(from, to) < 0 && errno != ENOENT) return -1;
  snprintf(from, sizeof from, "%s/lock.mdb", dir);
  return unlink(from) < 0 && errno != ENOENT ? -1 : 0;
}

/* The secret that keys are hashed with is the store's own first record. */
static int begin(store *s)
{
  MDB_val k = {sizeof SECRET_KEY - 1, (void *)SECRET_KEY}, v = {sizeof s->secret, s->secret};
  MDB_txn *t;
  MDB_stat st;
  int e = mdb_txn_begin(s->env, 0, 0, &t);

  if (e) return e;
  e = mdb_dbi_open(t, 0, 0, &s->dbi);
  if (!e && !(e = mdb_get(t, s->dbi, &k, &v)))
  {
    if (v.mv_size != sizeof s->secret) return MDB_CORRUPTED;
    memcpy(s->secret, v.mv_data, sizeof s->secret);
  }
  else if (e == MDB_NOTFOUND)
  {
    if (getrandom(s->secret, sizeof s->secret, 0) != (ssize_t)sizeof s->secret) return EIO;
    e = mdb_put(t, s->dbi, &k, &v, 0);
  }
  if (e) return e;
  e = mdb_txn_commit(t);
  if (!e && !(e = mdb_env_stat(s->env, &st))) s->entries = st.ms_entries - 1; /* but the secret */
  return e;
}

int store_open(store **to, char const *dir, uint64_t entries, char *aside, size_t size, char const **failed)
{
  store *s = calloc(1, sizeof *s);
  char const *why;
  int e;

  *aside = 0;
  *failed = "allocate memory";
  if (!s) return -1;
  s->max = entries;
  why = damage(s, dir);
  *failed = "set the damaged store aside";
  if (why && set_aside(dir) < 0) goto bad;
  if (why) snprintf(aside, size, "%s", why);
  *failed = "open the store";
  e = env_open(s, dir);
  if (!e) e = begin(s);
  if (!e)
  {
    *to = s;
    return 0;
  }
  errno = e > 0 ? e : EIO;
bad:
  e = errno;
  if (s->env) mdb_env_close(s->env);
  free(s);
  errno = e;
  return -1;
}

void store_close(store *s)
{
  store_commit(s, 1);
  mdb_env_close(s->env);
  free(s);
}
