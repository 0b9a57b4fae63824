#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/nameser.h>
#include <spf2/spf.h>
#include <spf2/spf_dns_zone.h>

/* libspf2 on the lines of tests/tools/spf-suite.py: spfpeer ROUNDS. Prints evaluations a second of CPU. */

static void decode(char *s)
{
  size_t n = 0;
  unsigned int byte;

  for (char const *from = s; *from; n++)
    if (*from == '%' && sscanf(from + 1, "%2x", &byte) == 1)
    {
      s[n] = (char)byte;
      from += 3;
    }
    else
      s[n] = *from++;
  s[n] = 0;
}

static void add(SPF_dns_server_t *dns, char **f)
{
  static struct
  {
    char const *name;
    ns_type type;
  } const types[] = {
      {"A", ns_t_a}, {"AAAA", ns_t_aaaa}, {"MX", ns_t_mx}, {"PTR", ns_t_ptr}, {"TXT", ns_t_txt}};

  if (!strcmp(f[1], "TIMEOUT")) SPF_dns_zone_add_str(dns, f[2], ns_t_any, TRY_AGAIN, 0);
  for (unsigned int i = 0; i < 5; i++)
    if (!strcmp(f[1], types[i].name)) SPF_dns_zone_add_str(dns, f[2], types[i].type, NETDB_SUCCESS, f[3]);
}

static void query(SPF_server_t *server, char **f)
{
  SPF_request_t *rq = SPF_request_new(server);
  SPF_response_t *rs = 0;
  struct in6_addr six;

  if (inet_pton(AF_INET6, f[2], &six) == 1)
    SPF_request_set_ipv6(rq, six);
  else
    SPF_request_set_ipv4_str(rq, f[2]);
  SPF_request_set_helo_dom(rq, f[3]);
  if (*f[4]) SPF_request_set_env_from(rq, f[4]);
  SPF_request_query_mailfrom(rq, &rs);
  if (rs) SPF_response_free(rs);
  SPF_request_free(rq);
}

int main(int argc, char **argv)
{
  unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], 0, 10) : 1, n;
  unsigned long total = 0;
  SPF_dns_server_t *dns = 0;
  SPF_server_t *server = 0;
  clock_t spent = 0;
  char *line = 0, *f[12];
  size_t room = 0;

  while (getline(&line, &room, stdin) > 0)
  {
    n = 0;
    for (char *s = strtok(line, " \n"); s && n < 12; s = strtok(0, " \n"), n++) f[n] = s;
    for (unsigned int i = 1; i < n; i++)
      if (*f[i] == '=') decode(++f[i]);
    if (!strcmp(f[0], "scenario"))
    {
      dns = SPF_dns_zone_new(0, "suite", 0);
      server = SPF_server_new_dns(dns, 0);
      SPF_server_set_rec_dom(server, "here.test");
    }
    else if (!strcmp(f[0], "zone"))
      add(dns, f);
    else
    {
      clock_t start = clock();
      for (unsigned int i = 0; i < rounds; i++) query(server, f);
      spent += clock() - start;
      total += rounds;
    }
  }
  printf("%.0f\n", (double)total * CLOCKS_PER_SEC / (double)spent);
  free(line);
  return 0;
}
