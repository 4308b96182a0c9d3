// Accepts a connection on descriptor 3, which listens in blocking mode, and answers each byte by the next one; then
// what sockets can answer otherwise. The other side sends `abc`, waits for `bcd`, sends `xyz` and closes.
#include "check_raw.h"
#include <string.h>

static uint8_t buffer[16];
static struct { uint32_t at, len; } iov[2];
static uint32_t words[2];

static int receive(uint32_t fd, uint32_t len, uint32_t flags) {
    iov[0].at = AT(buffer), iov[0].len = len;
    return raw_sock_recv(fd, AT(iov), 1, flags, AT(&words[0]), AT(&words[1]));
}

int main(void) {
    uint32_t listener = 3, fd;
    static uint8_t stat[24];
    E(OK, raw_fd_fdstat_get(listener, AT(stat)));
    E(6, stat[0]);
    E(INVAL, raw_sock_accept(listener, 1, AT(&fd)));
    E(FAULT, raw_sock_accept(listener, 0, 0xfffffffeu));
    E(NOTCONN, receive(listener, 4, 0));
    E(NOTCONN, raw_sock_shutdown(listener, 3));
    E(BADF, raw_fd_prestat_get(listener, AT(words)));

    E(OK, raw_sock_accept(listener, 0, AT(&fd)));
    E(OK, raw_fd_fdstat_get(fd, AT(stat)));
    E(6, stat[0]);
    E(SPIPE, raw_fd_seek(fd, 0, 1, AT(words)));
    E(NOTSUP, receive(fd, 4, 4));
    E(FAULT, raw_sock_recv(fd, AT(iov), 1, 0, 0xfffffffeu, AT(&words[1])));
    E(FAULT, raw_sock_recv(fd, AT(iov), 1, 0, AT(&words[0]), 0xffffffffu));
    E(FAULT, raw_sock_recv(fd, 0xfffffff8u, 2, 0, AT(&words[0]), AT(&words[1])));
    // Peeking leaves the bytes; then all three are waited for.
    E(OK, receive(fd, 1, 1));
    E('a', buffer[0]);
    E(OK, receive(fd, 3, 2));
    E(3, words[0]);
    E(0, memcmp(buffer, "abc", 3));
    E(OK, raw_fd_fdstat_set_flags(fd, NONBLOCK));
    E(AGAIN, receive(fd, 1, 0));
    E(AGAIN, receive(fd, 1, 1));
    E(OK, raw_fd_fdstat_set_flags(fd, 0));
    for (int i = 0; i < 3; i++) buffer[i]++;
    iov[0].at = AT(buffer), iov[0].len = 1, iov[1].at = AT(buffer + 1), iov[1].len = 2;
    E(NOTSUP, raw_sock_send(fd, AT(iov), 2, 1, AT(words)));
    E(FAULT, raw_sock_send(fd, AT(iov), 2, 0, 0xfffffffdu));
    E(OK, raw_sock_send(fd, AT(iov), 2, 0, AT(words)));
    E(3, words[0]);
    E(INVAL, raw_sock_shutdown(fd, 0));
    E(INVAL, raw_sock_shutdown(fd, 4));
    E(OK, raw_sock_shutdown(fd, 2));
    E(OK, receive(fd, 8, 2));
    E(3, words[0]);
    E(OK, receive(fd, 8, 0));
    E(0, words[0]);
    iov[0].at = AT(buffer), iov[0].len = 1;
    E(PIPE, raw_sock_send(fd, AT(iov), 1, 0, AT(words)));
    E(OK, raw_fd_close(fd));
    E(BADF, raw_sock_shutdown(fd, 1));

    E(OK, raw_fd_fdstat_set_flags(listener, NONBLOCK));
    E(AGAIN, raw_sock_accept(listener, 0, AT(&fd)));
    return finish();
}
