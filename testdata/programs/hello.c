// Prints its arguments and the environment variable WHO; the exit code is the first argument, if there is one.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    const char *who = getenv("WHO");
    printf("Hello, %s!\n", who ? who : "world");
    printf("argc = %d\n", argc);
    for (int i = 1; i < argc; i++) printf("argv[%d] = \"%s\"\n", i, argv[i]);
    fprintf(stderr, "hello: done\n");
    return argc > 1 ? atoi(argv[1]) : 0;
}
