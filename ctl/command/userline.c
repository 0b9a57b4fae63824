#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/types.h>

#include <runlib/users.h>

#include <ctl/command/userline.h>
#include <ctl/say.h>

/* Dovecot 2.3 and 2.4 have each their own name for it, and pass over what they do not know. */
static char const quota_2_3[] = "userdb_quota_rule";
static char const quota_2_4[] = "userdb_quota_storage_size";
#define QUOTA_RULE "*:bytes="

static int userline_rest(stralloc *rest, char const *old, size_t len, uint64_t quota)
{
  stralloc half = STRALLOC_ZERO;
  char rule[64], size[64];
  int result;

  snprintf(rule, sizeof rule, QUOTA_RULE "%llu", (unsigned long long)quota);
  snprintf(size, sizeof size, "%lluB", (unsigned long long)quota);
  result = users_set_extra(&half, old, len, quota_2_3, quota ? rule : 0) < 0 ||
                   users_set_extra(rest, half.s, half.len, quota_2_4, quota ? size : 0) < 0 ||
                   !stralloc_0(rest)
               ? -1
               : 0;
  stralloc_free(&half);
  return result;
}

uint64_t userline_quota(char const *rest, size_t len)
{
  size_t n;
  char const *text = users_extra(rest, len, quota_2_3, &n);
  uint64_t quota = 0;

  if (text && n > sizeof QUOTA_RULE - 1 && !memcmp(text, QUOTA_RULE, sizeof QUOTA_RULE - 1))
    uint64_scan(text + sizeof QUOTA_RULE - 1, &quota);
  return quota;
}

/* The hash that shall be. Returns 0; 1: it is so already; or -1. */
static int userline_hash(stralloc *hash, userline const *u, users_match const *m)
{
  int off = m->len && m->hash[0] == '!';

  if (u->what == USERLINE_CLAIM)
    return stralloc_cats(hash, u->hash ? u->hash : "!") && stralloc_0(hash) ? 0 : -1;
  if (u->what == USERLINE_DISABLE && off) return 1;
  if (u->what == USERLINE_ENABLE && !off) return 1;
  if (u->what == USERLINE_ENABLE && m->len == 1)
  {
    say("user: ", u->name, " has no password yet; try: mailctl passwd ", u->name);
    return (errno = EPROTO, -1);
  }
  if (u->what == USERLINE_DISABLE && !stralloc_cats(hash, "!")) return -1;
  off = u->what == USERLINE_ENABLE;
  return stralloc_catb(hash, m->hash + off, m->len - (size_t)off) && stralloc_0(hash) ? 0 : -1;
}

int userline_edit(stralloc *out, char const *text, size_t len, void *data)
{
  userline const *u = data;
  users_match m = users_find(text, len, u->name);
  int sets = u->what == USERLINE_QUOTA || (u->what == USERLINE_CLAIM && u->quota);
  stralloc hash = STRALLOC_ZERO, rest = STRALLOC_ZERO;
  int r;

  if (u->what == USERLINE_REMOVE) return users_edit(out, text, len, u->name, 0, 0);
  if ((u->what == USERLINE_CLAIM) == (m.hash != 0)) return 0;
  r = userline_hash(&hash, u, &m);
  if (!r && sets) r = userline_rest(&rest, m.rest, m.restlen, u->quota);
  if (!r)
    r = users_edit(out, text, len, u->name, hash.s, sets ? rest.s : 0) < 0 ? -1 : 1;
  else if (r > 0)
    r = 0;
  stralloc_free(&hash);
  stralloc_free(&rest);
  return r;
}

int userline_next(char const *text, size_t len, size_t *pos, char const **name, size_t *n)
{
  while (*pos < len)
  {
    char const *s = text + *pos;
    char const *end = memchr(s, '\n', len - *pos);
    size_t line = end ? (size_t)(end - s) : len - *pos;
    char const *colon = memchr(s, ':', line);
    *pos += line + 1;
    if (*s == '#' || !colon || colon == s) continue;
    *name = s;
    *n = (size_t)(colon - s);
    return 1;
  }
  return 0;
}
