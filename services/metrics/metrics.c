#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/exec.h>
#include <skalibs/strerr.h>

/*
 * metrics COMMAND...: one HTTP request on descriptor 0, for /metrics alone; the answer on 1 is what COMMAND prints, which
 * ends in `# EOF` if it is whole.
 */

#define REQUEST_MAX  4096
#define READ_TIME    5 /* s; then SIGALRM ends the process */
#define COMMAND_TIME 20

#define HEAD(status, type) "HTTP/1.1 " status "\r\nConnection: close\r\nContent-Type: " type "\r\n"

static char request[REQUEST_MAX];

/* Reads up to the empty line that ends the request's header. Returns its length, or 0. */
static size_t read_request(void)
{
  size_t n = 0;

  while (n < sizeof request)
  {
    ssize_t r = read(0, request + n, sizeof request - n);
    if (r <= 0) return 0;
    n += (size_t)r;
    if (memmem(request, n, "\r\n\r\n", 4) || memmem(request, n, "\n\n", 2)) return n;
  }
  return 0;
}

static void refuse(char const *answer)
{
  (void)dprintf(1, "%s", answer);
  _exit(1);
}

static int begins(size_t n, char const *with)
{
  size_t len = strlen(with);
  return n >= len && !memcmp(request, with, len);
}

int main(int argc, char const *const *argv)
{
  size_t n;

  PROG = "metrics";
  if (argc < 2) strerr_dieusage(100, "metrics COMMAND...");
  alarm(READ_TIME);
  n = read_request();
  if (!n) refuse(HEAD("400 Bad Request", "text/plain") "\r\nno request\n");
  if (!begins(n, "GET ")) refuse(HEAD("405 Method Not Allowed", "text/plain") "Allow: GET\r\n\r\nonly GET\n");
  if (!begins(n, "GET /metrics HTTP/1."))
    refuse(HEAD("404 Not Found", "text/plain") "\r\nthere is /metrics\n");
  if (dprintf(1, "%s\r\n", HEAD("200 OK", "application/openmetrics-text; version=1.0.0; charset=utf-8")) < 0)
    return 1;
  alarm(COMMAND_TIME);
  xexec(argv + 1);
}
