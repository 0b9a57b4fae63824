#include <unistd.h>

/* The trivial program that the servers run: it says a line and ends. */
int main(void)
{
  return write(1, "hello\r\n", 7) == 7 ? 0 : 1;
}
