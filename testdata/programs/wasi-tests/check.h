// What the WASI tests share: a line per check, "ok" or "FAILED" with the observed value, and a count as exit code.
#ifndef WZ_CHECK_H
#define WZ_CHECK_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

static int failures;

#define CHECK(what, condition) check(what, (long long)(condition), 1)
#define EQUAL(what, got, want) check(what, (long long)(got), (long long)(want))

static inline void check(const char *what, long long got, long long want) {
    if (got == want) {
        printf("ok %s\n", what);
    } else {
        failures++;
        printf("FAILED %s: %lld, expected %lld\n", what, got, want);
    }
}

// Passes if the host refuses to leave the sandbox: EPERM, or ENOTCAPABLE, as either is in use.
static inline void refused(const char *what, int result) {
    check(what, result == __WASI_ERRNO_PERM || result == __WASI_ERRNO_NOTCAPABLE ? 0 : result ? result : -1, 0);
}

static inline int finish(void) {
    printf("%d failures\n", failures);
    return failures != 0;
}
#endif
