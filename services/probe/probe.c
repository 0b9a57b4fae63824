#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include <services/probe/talk.h>

/*
 * probe [-i] [-s] [-4] [-u NAME] [-m ADDRESS] [-t SECONDS] ADDRESS:PORT[/tls]: a session with a listener of one's own, for
 * mailctl, which runs it after it has made a generation live. Exit 0: it answers as it should; 1: it does not, and the
 * last reason is on stderr; 100: usage.
 */

typedef struct probe_s probe;
struct probe_s
{
  char const *address;
  size_t len; /* of ADDRESS:PORT */
  int tls;    /* from the first byte */
  int imap;
  int starttls;          /* it must be offered, and work */
  int busy;              /* a greeting that says to come later is an answer: it is overloaded */
  char const *name;      /* logs in */
  char const *recipient; /* and sends a message */
  char password[256];
  SSL_CTX *ctx;
};

/* --- SMTP ---------------------------------------------------------------------------------------- */

/* A command (0: the greeting) and its reply, which must begin with the digit good. offers: a word of EHLO to look for. */
static int ask(talk *t, char const *what, char const *command, char good, char const *offers, int *offered)
{
  char said[sizeof t->line];

  if (command && talk_say(t, command) < 0) return -1;
  do
  {
    if (talk_hear(t) < 0)
    {
      memcpy(said, t->why, sizeof said - 1);
      said[sizeof said - 1] = 0;
      snprintf(t->why, sizeof t->why, "%s: %s", what, said);
      return -1;
    }
    if (offers && strlen(t->line) > 4 && !strncmp(t->line + 4, offers, strlen(offers))) *offered = 1;
  } while (strlen(t->line) > 3 && t->line[3] == '-');
  if (t->line[0] == good) return 0;
  snprintf(t->why, sizeof t->why, "%s: %s", what, t->line);
  return -1;
}

static int smtp_login(probe const *p, talk *t)
{
  unsigned char plain[600], coded[sizeof plain * 2];
  char command[sizeof coded + 20];
  int n = snprintf((char *)plain, sizeof plain, "%c%s%c%s", 0, p->name, 0, p->password);

  EVP_EncodeBlock(coded, plain, n < (int)sizeof plain ? n : (int)sizeof plain - 1);
  snprintf(command, sizeof command, "AUTH PLAIN %s\r\n", (char *)coded);
  return ask(t, "AUTH", command, '2', 0, 0);
}

static int smtp_message(probe const *p, talk *t)
{
  char command[600], date[64];
  time_t now = time(0);

  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime(&now));
  snprintf(command, sizeof command, "MAIL FROM:<%s>\r\n", p->recipient);
  if (ask(t, "MAIL", command, '2', 0, 0) < 0) return -1;
  snprintf(command, sizeof command, "RCPT TO:<%s>\r\n", p->recipient);
  if (ask(t, "RCPT", command, '2', 0, 0) < 0 || ask(t, "DATA", "DATA\r\n", '3', 0, 0) < 0) return -1;
  snprintf(command, sizeof command,
           "Subject: probe\r\nFrom: <%s>\r\nDate: %s\r\n\r\nmailctl probes itself.\r\n.\r\n", p->recipient,
           date);
  return ask(t, "end of DATA", command, '2', 0, 0);
}

/* Returns 0; -1; or 1: it says to come later, which ends the session well where that is to be. */
static int smtp_session(probe const *p, talk *t)
{
  static char const hello[] = "EHLO localhost\r\n";
  int offered = 0;

  if (p->tls && talk_tls(t, p->ctx) < 0) return -1;
  if (ask(t, "greeting", 0, '2', 0, 0) < 0) return p->busy && t->line[0] == '4' ? 1 : -1;
  if (ask(t, "EHLO", hello, '2', "STARTTLS", &offered) < 0) return -1;
  if (p->starttls)
  {
    if (!offered) return (strcpy(t->why, "STARTTLS is not offered"), -1);
    if (ask(t, "STARTTLS", "STARTTLS\r\n", '2', 0, 0) < 0 || talk_tls(t, p->ctx) < 0 ||
        ask(t, "EHLO", hello, '2', 0, 0) < 0)
      return -1;
  }
  if (p->name && smtp_login(p, t) < 0) return -1;
  if (p->recipient && smtp_message(p, t) < 0) return -1;
  (void)ask(t, "QUIT", "QUIT\r\n", '2', 0, 0); /* whatever it says to that */
  return 0;
}

/* --- IMAP ---------------------------------------------------------------------------------------- */

static int imap_ask(talk *t, char const *command)
{
  if (talk_say(t, command) < 0) return -1;
  do
    if (talk_hear(t) < 0) return -1;
  while (strncmp(t->line, "a ", 2));
  if (!strncmp(t->line, "a OK", 4)) return 0;
  snprintf(t->why, sizeof t->why, "%.*s: %.500s", (int)strcspn(command + 2, "\r"), command + 2, t->line);
  return -1;
}

static int imap_session(probe const *p, talk *t)
{
  if (p->tls && talk_tls(t, p->ctx) < 0) return -1;
  if (talk_hear(t) < 0) return -1;
  if (strncmp(t->line, "* OK", 4)) return (snprintf(t->why, sizeof t->why, "greeting: %.500s", t->line), -1);
  if (imap_ask(t, "a CAPABILITY\r\n") < 0) return -1;
  if (p->starttls && (imap_ask(t, "a STARTTLS\r\n") < 0 || talk_tls(t, p->ctx) < 0)) return -1;
  (void)imap_ask(t, "a LOGOUT\r\n");
  return 0;
}

/* ------------------------------------------------------------------------------------------------- */

/*
 * What passes, such as a place that is not free, is tried again until the deadline; what a server says for good is not, nor
 * a message that may have been taken.
 */
static int probe_run(probe const *p, long deadline)
{
  struct timespec const pause = {.tv_nsec = 100000000};
  talk t;
  int r;

  for (;;)
  {
    r = talk_open(&t, p->address, p->len, deadline);
    if (!r) r = p->imap ? imap_session(p, &t) : smtp_session(p, &t);
    talk_close(&t);
    if (r >= 0) return 0;
    if (t.line[0] == '5' || !strncmp(t.why, "end of DATA", 11) || talk_now() + 100 >= deadline) break;
    nanosleep(&pause, 0);
  }
  fprintf(stderr, "%.*s: %s\n", (int)p->len, p->address, t.why);
  return 1;
}

static void probe_password(probe *p)
{
  ssize_t n = read(0, p->password, sizeof p->password - 1);

  p->password[n > 0 ? n : 0] = 0;
  p->password[strcspn(p->password, "\n")] = 0;
}

static int usage(void)
{
  fputs("probe: usage: probe [-i] [-s] [-4] [-u NAME] [-m ADDRESS] [-t SECONDS] ADDRESS:PORT[/tls]\n",
        stderr);
  return 100;
}

int main(int argc, char **argv)
{
  probe p = {.address = 0};
  long seconds = 10;
  int opt;

  signal(SIGPIPE, SIG_IGN);
  while ((opt = getopt(argc, argv, "is4u:m:t:")) != -1) switch (opt)
    {
      case 'i': p.imap = 1; break;
      case 's': p.starttls = 1; break;
      case '4': p.busy = 1; break;
      case 'u': p.name = optarg; break;
      case 'm': p.recipient = optarg; break;
      case 't': seconds = strtol(optarg, 0, 10); break;
      default: return usage();
    }
  if (optind + 1 != argc || seconds < 1 || seconds > 86400) return usage();
  p.address = argv[optind];
  p.len = strcspn(p.address, "/");
  p.tls = !strcmp(p.address + p.len, "/tls");
  if (p.name) probe_password(&p);
  p.ctx = p.tls || p.starttls ? SSL_CTX_new(TLS_client_method()) : 0;
  if ((p.tls || p.starttls) && !p.ctx) return 111;
  return probe_run(&p, talk_now() + seconds * 1000);
}
