// Standard streams: copies lines of standard input with numbers, writes a megabyte, ends with an exit code from
// within a handler.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void at_exit(void) { printf("at exit\n"); }

static void leave(int depth) {
    if (depth) leave(depth - 1);
    else exit(42);
    printf("not reached\n");
}

int main(void) {
    char line[256];
    int number = 0;
    atexit(at_exit);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        printf("%d: %s (%zu bytes)\n", ++number, line, strlen(line));
    }
    printf("end of input: %d\n", feof(stdin));
    fprintf(stderr, "to standard error\n");
    for (int i = 0; i < 2048; i++) {
        for (int j = 0; j < 63; j++) putchar('a' + (i + j) % 26);
        putchar('\n');
    }
    fflush(stdout);
    leave(5);
}
