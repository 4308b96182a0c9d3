// Clocks, sleeping, random bytes: monotonic time does not go back, a timeout takes its time, poll_oneoff reports
// each event once. Wants real clocks.
#include "check.h"

#define MILLISECOND 1000000ull

static __wasi_timestamp_t now(__wasi_clockid_t clock) {
    __wasi_timestamp_t time = 0;
    if (__wasi_clock_time_get(clock, 1, &time)) return 0;
    return time;
}

static __wasi_subscription_t timeout(__wasi_userdata_t tag, __wasi_timestamp_t length, __wasi_subclockflags_t flags) {
    __wasi_subscription_t s = {.userdata = tag, .u = {.tag = __WASI_EVENTTYPE_CLOCK}};
    s.u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
    s.u.u.clock.timeout = length;
    s.u.u.clock.flags = flags;
    return s;
}

int main(void) {
    __wasi_timestamp_t resolution;
    __wasi_event_t events[4];
    __wasi_size_t count;
    EQUAL("resolution of the monotonic clock", __wasi_clock_res_get(__WASI_CLOCKID_MONOTONIC, &resolution), 0);
    CHECK("it is not zero", resolution > 0);
    EQUAL("resolution of the real-time clock", __wasi_clock_res_get(__WASI_CLOCKID_REALTIME, &resolution), 0);
    __wasi_timestamp_t last = now(__WASI_CLOCKID_MONOTONIC);
    int back = 0;
    for (int i = 0; i < 1000; i++) {
        __wasi_timestamp_t next = now(__WASI_CLOCKID_MONOTONIC);
        back += next < last;
        last = next;
    }
    EQUAL("monotonic time goes back", back, 0);
    CHECK("it is later than 2024", now(__WASI_CLOCKID_REALTIME) > 1704067200ull * 1000 * MILLISECOND);

    __wasi_subscription_t one = timeout(0x1234567890abcdefull, 20 * MILLISECOND, 0);
    __wasi_timestamp_t start = now(__WASI_CLOCKID_MONOTONIC);
    EQUAL("sleep 20 ms", __wasi_poll_oneoff(&one, events, 1, &count), 0);
    CHECK("it took 20 ms", now(__WASI_CLOCKID_MONOTONIC) - start >= 20 * MILLISECOND);
    EQUAL("events", count, 1);
    EQUAL("user data", events[0].userdata, 0x1234567890abcdefull);
    EQUAL("type", events[0].type, __WASI_EVENTTYPE_CLOCK);
    EQUAL("error", events[0].error, 0);

    one = timeout(1, now(__WASI_CLOCKID_MONOTONIC) + 10 * MILLISECOND, __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME);
    start = now(__WASI_CLOCKID_MONOTONIC);
    EQUAL("sleep until a time", __wasi_poll_oneoff(&one, events, 1, &count), 0);
    CHECK("it took up to 10 ms and more", now(__WASI_CLOCKID_MONOTONIC) - start >= 9 * MILLISECOND);
    one = timeout(2, 1, __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME);
    EQUAL("sleep until the past", __wasi_poll_oneoff(&one, events, 1, &count), 0);
    EQUAL("events", count, 1);

    __wasi_subscription_t both[2] = {timeout(1, 60000 * MILLISECOND, 0), timeout(2, 5 * MILLISECOND, 0)};
    EQUAL("two timeouts", __wasi_poll_oneoff(both, events, 2, &count), 0);
    EQUAL("events", count, 1);
    EQUAL("the shorter one", events[0].userdata, 2);
    both[1] = (__wasi_subscription_t){.userdata = 9, .u = {.tag = __WASI_EVENTTYPE_FD_WRITE}};
    both[1].u.u.fd_write.file_descriptor = 1;
    EQUAL("standard output or a minute", __wasi_poll_oneoff(both, events, 2, &count), 0);
    EQUAL("events", count, 1);
    EQUAL("it can be written", events[0].userdata, 9);
    EQUAL("type", events[0].type, __WASI_EVENTTYPE_FD_WRITE);
    EQUAL("nothing to wait for", __wasi_poll_oneoff(both, events, 0, &count), __WASI_ERRNO_INVAL);

    uint8_t a[64] = {0}, b[64] = {0};
    EQUAL("random", __wasi_random_get(a, sizeof a), 0);
    EQUAL("random", __wasi_random_get(b, sizeof b), 0);
    CHECK("they differ", memcmp(a, b, sizeof a) != 0);
    a[0] = 1, b[0] = 1;
    EQUAL("no random bytes", __wasi_random_get(b, 0), 0);
    EQUAL("nothing written", b[0], 1);
    return finish();
}
