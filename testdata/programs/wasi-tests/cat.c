// Copies standard input to standard output through a buffer of 64 KiB, as `cat` does, with one call for each
// transfer: what the host's side of a stream costs.
#include <stdint.h>
#include <wasi/api.h>

static uint8_t buffer[64 << 10];

int main(void) {
    for (;;) {
        __wasi_iovec_t space = {buffer, sizeof buffer};
        __wasi_size_t length, done = 0, part;
        if (__wasi_fd_read(0, &space, 1, &length)) return 1;
        if (!length) return 0;
        while (done < length) {
            __wasi_ciovec_t bytes = {buffer + done, length - done};
            if (__wasi_fd_write(1, &bytes, 1, &part) || !part) return 2;
            done += part;
        }
    }
}
