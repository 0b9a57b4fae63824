#include "monitor.h"

char const *PROG = "monitor";

int main(int argc, char const *const *argv)
{
  return monitor_run(argc, argv);
}
