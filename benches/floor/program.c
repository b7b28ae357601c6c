/* The floor, with a C library. */
#include <sys/file.h>

int main(int count, char **arguments)
{
	(void)arguments;
	return count > 1 && flock(9, LOCK_EX | LOCK_NB) != 0;
}
