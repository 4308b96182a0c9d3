// What tests over raw calls share: counted expectations that print only what differs.
#ifndef WZ_CHECK_RAW_H
#define WZ_CHECK_RAW_H
#include "raw.h"
#include <stdio.h>

#define NOINLINE __attribute__((noinline)) static

static unsigned checks, failures;

NOINLINE void expect(int line, const char *what, int got, int want) {
    checks++;
    if (got == want) return;
    failures++;
    printf("line %d: %s: %d, expected %d\n", line, what, got, want);
}
#define E(want, call) expect(__LINE__, #call, call, want)

static int finish(void) {
    printf("%u checks, %u failures\n", checks, failures);
    return failures != 0;
}
#endif
