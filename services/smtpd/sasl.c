#include <string.h>
#include <strings.h>

#include "base64.h"
#include "session-internal.h"

/* AUTH PLAIN (RFC 4616) and LOGIN, by RFC 4954. */

enum
{
  WAIT_PLAIN,
  WAIT_USER,
  WAIT_PASSWORD
};

int auth_offered(session const *s)
{
  session_config const *c = s->config;
  return c->auth && !s->user.len && (s->tls || (c->auth_plain && c->starttls != STARTTLS_REQUIRE));
}

static void wipe(stralloc *sa)
{
  if (sa->s) explicit_bzero(sa->s, sa->a);
  sa->len = 0;
}

int auth_end(session *s, char const *text)
{
  s->phase = PHASE_COMMAND;
  wipe(&s->auth_user);
  return refuse(s, STAGE_AUTH, text);
}

static int bad_login(session *s, char const *user)
{
  operations const *e = s->operations;

  e->count(e->host, TALLY_AUTH_BAD);
  if (log_event(s, "auth-bad:", "login", user) < 0) return -1;
  s->phase = PHASE_COMMAND;
  wipe(&s->auth_user);
  return refuse_slow(s, STAGE_AUTH, "535 5.7.8 authentication failed");
}

/* The password is right: the plugins of [auth] have the last word. */
static int good_login(session *s, char const *user, char const *method)
{
  operations const *e = s->operations;
  int verdict;

  s->phase = PHASE_COMMAND;
  if (spp_set(&s->spp, "SMTPAUTHMETHOD", method) < 0 || spp_set(&s->spp, "SMTPAUTHUSER", user) < 0) return -1;
  verdict = plugins_run(s, SPP_AUTH, STAGE_AUTH, 0);
  if (verdict < 0) return -1;
  if (verdict == SPP_REFUSE)
    return spp_set(&s->spp, "SMTPAUTHMETHOD", 0) < 0 || spp_set(&s->spp, "SMTPAUTHUSER", 0) < 0 ? -1 : 0;
  if (!stralloc_copys(&s->user, user) || !stralloc_0(&s->user)) return -1;
  s->user.len--;
  /* As with the AUTH patches of qmail-smtpd: later plugins and the queue program see it, too. */
  if (spp_set(&s->spp, "TCPREMOTEINFO", user) < 0) return -1;
  if (!relayclient(s) && spp_set(&s->spp, "RELAYCLIENT", "") < 0) return -1;
  e->count(e->host, TALLY_AUTH_GOOD);
  if (log_event(s, "auth-good:", 0, 0) < 0) return -1;
  return reply(s, "235 2.7.0 ok, go ahead");
}

/* joe@example.test, whom nobody knows by that name, is joe where mail for example.test is taken. */
static login ask(session *s, char const **user, char const *password, char local[256])
{
  operations const *e = s->operations;
  login r = e->auth(e->host, *user, password);
  char const *at = strrchr(*user, '@');
  size_t n = at ? (size_t)(at - *user) : 0;

  if (r != LOGIN_REFUSED || !n || n >= 256 || control_accepts(s->config->control, *user) <= 0) return r;
  memcpy(local, *user, n);
  local[n] = 0;
  r = e->auth(e->host, local, password);
  if (r == LOGIN_GOOD) *user = local;
  return r;
}

static int check(session *s, char const *user, char const *password, char const *method)
{
  operations const *e = s->operations;
  char local[256];
  login r;

  if (!*user || !*password) return auth_end(s, "501 5.5.2 a user and a password are needed");
  if (e->throttled(e->host))
  {
    s->want = SESSION_CLOSE;
    return auth_end(s, "421 4.7.0 too many failed logins");
  }
  r = ask(s, &user, password, local);
  if (r != LOGIN_REFUSED) e->forgive(e->host);
  switch (r)
  {
    case LOGIN_GOOD: return good_login(s, user, method);
    case LOGIN_REFUSED: return bad_login(s, user);
    default: return auth_end(s, "454 4.7.0 temporary authentication failure");
  }
}

/* authorization NUL user NUL password; who wants to act as another is refused. */
static int plain(session *s, stralloc const *response)
{
  char const *user = response->s + strlen(response->s) + 1;
  char const *last = response->s + response->len;
  char const *password;

  if (user > last) return auth_end(s, "501 5.5.2 malformed response");
  password = user + strlen(user) + 1;
  if (password > last || password + strlen(password) != last)
    return auth_end(s, "501 5.5.2 malformed response");
  if (*response->s && strcmp(response->s, user)) return auth_end(s, "535 5.7.8 authentication failed");
  return check(s, user, password, "PLAIN");
}

static int step(session *s, stralloc const *response)
{
  switch (s->auth_state)
  {
    case WAIT_PLAIN: return plain(s, response);
    case WAIT_USER:
      if (strlen(response->s) != response->len) return auth_end(s, "501 5.5.2 malformed response");
      if (!stralloc_copyb(&s->auth_user, response->s, response->len + 1)) return -1;
      s->auth_state = WAIT_PASSWORD;
      s->phase = PHASE_AUTH;
      return reply(s, "334 UGFzc3dvcmQ6");
    default:
      if (strlen(response->s) != response->len) return auth_end(s, "501 5.5.2 malformed response");
      return check(s, s->auth_user.s, response->s, "LOGIN");
  }
}

/* text: base64, `=` for an empty initial response, `*` to cancel. */
int auth_line(session *s, char const *text)
{
  stralloc response = STRALLOC_ZERO;
  size_t len = strlen(text);
  int r;

  if (!strcmp(text, "*")) return auth_end(s, "501 5.7.0 authentication cancelled");
  if (!stralloc_ready(&response, len + 1)) return -1;
  if (base64_decode(text, len, response.s, &response.len) < 0)
    r = auth_end(s, "501 5.5.2 malformed base64");
  else
  {
    response.s[response.len] = 0;
    r = step(s, &response);
  }
  wipe(&response);
  stralloc_free(&response);
  if (s->phase != PHASE_AUTH) wipe(&s->auth_user);
  return r;
}

static int begin(session *s, int state, char const *initial, char const *challenge)
{
  s->phase = PHASE_AUTH;
  s->auth_state = state;
  if (!*initial) return reply(s, challenge);
  return auth_line(s, strcmp(initial, "=") ? initial : "");
}

int command_auth(session *s, char const *argument)
{
  size_t n = strcspn(argument, " \t");
  char const *initial = argument + n + strspn(argument + n, " \t");

  if (!s->helo.len || !s->esmtp) return refuse(s, STAGE_AUTH, "503 5.5.1 EHLO first");
  if (s->user.len) return refuse(s, STAGE_AUTH, "503 5.5.1 already authenticated");
  if (s->mail) return refuse(s, STAGE_AUTH, "503 5.5.1 no AUTH during a mail transaction");
  if (!s->config->auth) return refuse(s, STAGE_AUTH, "502 5.5.1 AUTH is not available");
  if (!auth_offered(s)) return refuse(s, STAGE_AUTH, "538 5.7.11 encryption required for AUTH");
  if (n == 5 && !strncasecmp(argument, "PLAIN", 5)) return begin(s, WAIT_PLAIN, initial, "334 ");
  if (n == 5 && !strncasecmp(argument, "LOGIN", 5)) return begin(s, WAIT_USER, initial, "334 VXNlcm5hbWU6");
  return refuse(s, STAGE_AUTH,
                n ? "504 5.5.4 unrecognized authentication type" : "501 5.5.4 AUTH needs a mechanism");
}
