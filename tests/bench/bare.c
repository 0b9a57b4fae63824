/* bare: nothing but a start and an end, linked as plugins are: the floor of what a plugin can cost. */
int main(void)
{
  return 0;
}
