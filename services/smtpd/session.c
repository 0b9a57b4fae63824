#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <skalibs/types.h>

#include "session-internal.h"

#define LINE_MAX_COMMAND 4096  /* RFC 5321 asks for 512 and what the extensions add */
#define LINE_MAX_AUTH    12288 /* RFC 4954, 4 */
#define IDLE_MAX                                                                                             \
  100 /* commands without a message: who needs more, such as MAIL and RSET, is up to something */
#define OUT_ENOUGH 2048 /* replies are sent once so many bytes of them wait */
#define OUT_ROOM   64   /* for the last one, when there is no memory for more */

void session_init(session *s, session_config const *config, operations const *e)
{
  static session const fresh = {.want = SESSION_INPUT};

  *s = fresh;
  s->config = config;
  s->operations = e;
  if (!config->control->plugins.len) s->spp.off = 1;
}

void session_free(session *s)
{
  if (s->phase == PHASE_DATA) s->operations->queue_abandon(s->operations->host);
  stralloc_free(&s->out);
  stralloc_free(&s->line);
  stralloc_free(&s->helo);
  stralloc_free(&s->tls_name);
  stralloc_free(&s->user);
  stralloc_free(&s->auth_user);
  stralloc_free(&s->from);
  stralloc_free(&s->rcpt);
  stralloc_free(&s->envelope);
  tdestroy(s->seen, &free);
  stralloc_free(&s->fixed);
  fixup_free(&s->fixup);
  spp_free(&s->spp);
  stralloc_free(&s->policy.redirect);
  stralloc_free(&s->policy.held);
  milter_free(s);
}

/* No memory for even a reply: the part of it that is there goes, and the room for this one was kept. */
static void fail(session *s)
{
  static char const event[] = "out of memory: the session ends";

  if (s->phase == PHASE_DATA) s->operations->queue_abandon(s->operations->host);
  s->phase = PHASE_COMMAND;
  s->want = SESSION_CLOSE;
  s->out.len = s->whole;
  s->operations->log(s->operations->host, event, sizeof event - 1);
  (void)reply(s, SESSION_NO_MEMORY);
}

static int greet(session *s, char const *code, char const *more)
{
  stralloc const *g = &s->config->control->greeting;
  return stralloc_cats(&s->out, code) && stralloc_catb(&s->out, g->s, g->len) && stralloc_cats(&s->out, more)
             ? 0
             : -1;
}

static int start(session *s, int early)
{
  int verdict;

  s->operations->count(s->operations->host, TALLY_CONNECTIONS);
  s->policy.began = s->operations->now(s->operations->host);
  if (early)
  {
    s->want = SESSION_CLOSE;
    return refuse(s, STAGE_CONNECTION, "554 5.5.1 you talked before my greeting");
  }
  verdict = plugins_run(s, SPP_CONNECTION, STAGE_CONNECTION, 0);
  if (verdict <= SPP_REFUSE) return verdict;
  verdict = policy_run(s, POLICY_CONNECT, STAGE_CONNECTION);
  if (verdict > SPP_REFUSE) verdict = milter_connect(s);
  if (verdict <= SPP_REFUSE) return verdict;
  return greet(s, "220 ", " ESMTP\r\n");
}

void session_start(session *s, int early)
{
  s->whole = 0;
  if (!stralloc_ready(&s->out, OUT_ENOUGH + OUT_ROOM) || start(s, early) < 0) fail(s);
}

void session_end(session *s, char const *text)
{
  if (s->phase == PHASE_DATA) s->operations->queue_abandon(s->operations->host);
  s->phase = PHASE_COMMAND;
  s->whole = s->out.len;
  if (refuse(s, STAGE_COMMAND, text) < 0) fail(s);
  s->want = SESSION_CLOSE;
}

static void forget(session *s)
{
  transaction_forget(s);
  spp_reset(&s->spp);
}

static int command_helo(session *s, char const *argument)
{
  int verdict;

  if (!*argument) return refuse(s, STAGE_HELO, "501 5.5.4 a host name is needed");
  if (spp_set(&s->spp, "SMTPHELOHOST", argument) < 0) return -1;
  verdict = plugins_run(s, SPP_HELO, STAGE_HELO, 0);
  if (verdict <= SPP_REFUSE) return verdict;
  s->policy.helo = argument;
  verdict = policy_run(s, POLICY_HELO, STAGE_HELO);
  if (verdict > SPP_REFUSE) verdict = milter_helo(s);
  if (verdict <= SPP_REFUSE) return verdict;
  transaction_forget(s);
  if (!stralloc_copys(&s->helo, argument) || !stralloc_0(&s->helo)) return -1;
  s->helo.len--;
  s->esmtp = !strcasecmp(s->verb, "EHLO");
  return s->esmtp ? 1 : greet(s, "250 ", "\r\n");
}

static int command_ehlo(session *s, char const *argument)
{
  session_config const *c = s->config;
  char text[UINT64_FMT];
  int r = command_helo(s, argument);

  if (r <= 0) return r;
  if (greet(s, "250-", "\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n") < 0) return -1;
  if (c->starttls != STARTTLS_OFF && !s->tls && !stralloc_cats(&s->out, "250-STARTTLS\r\n")) return -1;
  if (auth_offered(s) && !stralloc_cats(&s->out, "250-AUTH PLAIN LOGIN\r\n")) return -1;
  text[uint64_fmt(text, c->databytes)] = 0;
  return stralloc_cats(&s->out, "250-SIZE ") && stralloc_cats(&s->out, text) &&
                 stralloc_cats(&s->out, "\r\n250 ENHANCEDSTATUSCODES\r\n")
             ? 0
             : -1;
}

static int command_rset(session *s, char const *argument)
{
  (void)argument;
  forget(s);
  return reply(s, "250 2.0.0 flushed");
}

static int command_noop(session *s, char const *argument)
{
  (void)argument;
  return reply(s, "250 2.0.0 ok");
}

static int command_help(session *s, char const *argument)
{
  (void)argument;
  return reply(s, "214 2.0.0 this is smtpd of mailctl, see smtpd(8)");
}

static int command_vrfy(session *s, char const *argument)
{
  if (!*argument) return refuse(s, STAGE_COMMAND, "501 5.5.4 VRFY needs an address");
  return reply(s, "252 2.5.0 send some mail, I'll try my best");
}

static int command_quit(session *s, char const *argument)
{
  (void)argument;
  s->want = SESSION_CLOSE;
  return greet(s, "221 2.0.0 ", "\r\n");
}

static int command_unimplemented(session *s, char const *argument)
{
  (void)argument;
  return refuse(s, STAGE_COMMAND, "502 5.5.1 unimplemented");
}

/* A browser was made to talk to this port: what follows is not for us. */
static int command_http(session *s, char const *argument)
{
  (void)argument;
  s->want = SESSION_CLOSE;
  return refuse(s, STAGE_COMMAND, "421 4.7.0 this is SMTP");
}

static int command_starttls(session *s, char const *argument)
{
  if (s->config->starttls == STARTTLS_OFF) return command_unimplemented(s, argument);
  if (*argument) return refuse(s, STAGE_COMMAND, "501 5.5.4 STARTTLS takes no argument");
  if (s->tls) return refuse(s, STAGE_COMMAND, "503 5.5.1 TLS is on already");
  if (!s->esmtp) return refuse(s, STAGE_COMMAND, "503 5.5.1 EHLO first");
  /* What is known of the user would have to be forgotten, by plugins as well. */
  if (s->user.len) return refuse(s, STAGE_COMMAND, "503 5.5.1 no STARTTLS after AUTH");
  s->want = SESSION_TLS;
  return 0;
}

static struct
{
  char const *name;
  command_function *run;
} const commands[] = {
    {"MAIL", command_mail},          {"RCPT", command_rcpt},          {"DATA", command_data},
    {"EHLO", command_ehlo},          {"HELO", command_helo},          {"QUIT", command_quit},
    {"RSET", command_rset},          {"NOOP", command_noop},          {"AUTH", command_auth},
    {"STARTTLS", command_starttls},  {"VRFY", command_vrfy},          {"HELP", command_help},
    {"EXPN", command_unimplemented}, {"ETRN", command_unimplemented}, {"TURN", command_unimplemented},
    {"BDAT", command_unimplemented}, {"GET", command_http},           {"POST", command_http},
    {"PUT", command_http},           {"CONNECT", command_http},       {0, 0}};

/* Each command costs something, HELO and MAIL plugins' processes. */
static int idle(session *s, command_function *run)
{
  return run != &command_rcpt && run != &command_data && run != &command_quit && ++s->idle > IDLE_MAX;
}

static int too_idle(session *s)
{
  s->want = SESSION_CLOSE;
  return refuse(s, STAGE_COMMAND, "421 4.7.0 too many commands without a message");
}

static int unknown(session *s)
{
  int verdict = milter_unknown(s, s->verb);
  return verdict <= SPP_REFUSE ? verdict : refuse(s, STAGE_COMMAND, "500 5.5.1 command not recognized");
}

/* line: NUL-terminated, and no NUL or other control byte is in it. */
static int dispatch(session *s, char *line, size_t len)
{
  size_t n = strcspn(line, " \t");
  char const *argument = line + n + strspn(line + n, " \t");

  while (len > n && (line[len - 1] == ' ' || line[len - 1] == '\t')) line[--len] = 0;
  line[n] = 0;
  if (argument > line + len) argument = line + len;
  s->verb = line;
  for (unsigned int i = 0; commands[i].name; i++)
    if (!strcasecmp(line, commands[i].name))
      return idle(s, commands[i].run) ? too_idle(s) : commands[i].run(s, argument);
  return unknown(s);
}

/* A whole line is in s->line, without its end. */
static int obey(session *s)
{
  size_t len = s->line.len;
  int auth = s->phase == PHASE_AUTH || (len >= 5 && !strncasecmp(s->line.s, "AUTH ", 5));
  int overlong = s->overlong || len > (auth ? LINE_MAX_AUTH : LINE_MAX_COMMAND);

  s->overlong = 0;
  if (overlong && auth) return auth_end(s, "500 5.5.6 line too long");
  if (overlong) return refuse(s, STAGE_COMMAND, "500 5.5.2 line too long");
  for (size_t i = 0; i < len; i++)
    if (((unsigned char)s->line.s[i] < 32 && s->line.s[i] != '\t') || s->line.s[i] == 127)
      return s->phase == PHASE_AUTH ? auth_line(s, "!")
                                    : refuse(s, STAGE_COMMAND, "500 5.5.2 control character");
  while (s->phase == PHASE_AUTH && len && (s->line.s[len - 1] == ' ' || s->line.s[len - 1] == '\t')) len--;
  s->line.s[len] = 0;
  return s->phase == PHASE_AUTH ? auth_line(s, s->line.s) : dispatch(s, s->line.s, len);
}

static size_t command_feed(session *s, char const *bytes, size_t len)
{
  char const *newline = memchr(bytes, '\n', len);
  size_t n = newline ? (size_t)(newline - bytes) : len;

  if (s->overlong || s->line.len + n > LINE_MAX_AUTH + 1)
    s->overlong = 1;
  else if (!stralloc_readyplus(&s->line, n + 1))
    s->failed = 1;
  else
    stralloc_catb(&s->line, bytes, n);
  if (!newline || s->failed) return len;
  if (s->line.len && s->line.s[s->line.len - 1] == '\r') s->line.len--;
  s->failed = obey(s) < 0;
  s->line.len = 0;
  return n + 1;
}

/* Plaintext behind STARTTLS would be taken for something that came encrypted. */
static int injected(session *s)
{
  s->want = SESSION_CLOSE;
  return refuse(s, STAGE_COMMAND, "554 5.5.0 nothing may follow STARTTLS in the clear");
}

size_t session_feed(session *s, char const *bytes, size_t len)
{
  size_t took = 0;

  s->want = SESSION_INPUT;
  while (took < len && s->want == SESSION_INPUT)
  {
    s->whole = s->out.len;
    if (s->phase == PHASE_DATA)
      took += message_feed(s, bytes + took, len - took);
    else
      took += command_feed(s, bytes + took, len - took);
    if (s->want == SESSION_TLS && took < len) s->failed |= injected(s) < 0;
    if (s->failed) fail(s);
    if (s->want == SESSION_INPUT && s->out.len >= OUT_ENOUGH) s->want = SESSION_FLUSH;
  }
  return took;
}

/* What plugins and the queue program learn of TLS: the names that s6-tlsd uses. */
static int tls_variables(session *s, char const *protocol, char const *cipher, char const *sni)
{
  if (!stralloc_copys(&s->tls_name, protocol) || !stralloc_cats(&s->tls_name, " ") ||
      !stralloc_cats(&s->tls_name, cipher) || !stralloc_0(&s->tls_name))
    return -1;
  s->tls_name.len--;
  if (spp_set(&s->spp, "SSL_PROTOCOL", protocol) < 0 || spp_set(&s->spp, "SSL_CIPHER", cipher) < 0) return -1;
  return spp_set(&s->spp, "SSL_TLS_SNI_SERVERNAME", *sni ? sni : 0);
}

void session_tls(session *s, char const *protocol, char const *cipher, char const *sni)
{
  s->want = SESSION_INPUT;
  forget(s);
  s->helo.len = 0;
  s->esmtp = 0;
  s->tls = 1;
  s->operations->count(s->operations->host, TALLY_TLS);
  s->whole = s->out.len;
  if (tls_variables(s, protocol, cipher, sni) < 0) fail(s);
}

void session_no_tls(session *s)
{
  s->want = SESSION_INPUT;
  s->whole = s->out.len;
  if (refuse(s, STAGE_COMMAND, "454 4.7.0 TLS is not available now") < 0) fail(s);
}
