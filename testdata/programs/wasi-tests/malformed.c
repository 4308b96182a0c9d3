// Passes every function what no compiler would: pointers that lead out of the memory, counts and lengths that
// overflow when they are multiplied or added, structures across the end. Each call answers with an errno, and the
// memory stays what it was. Descriptor 3 is a directory with the file `f`, and there is an environment variable.
#include "check_raw.h"
#include <string.h>

enum { ROOT = 3 };
static const uint32_t HUGE_ = 0xffffffffu;
static uint32_t end;
static uint32_t word;
static struct { uint32_t at, len; } iov[4];
static uint8_t buffer[64];
static uint8_t subscription[48], event[32];

// One byte that is there, then none.
#define EDGE (end - 1)

// Result pointers that are wrong in every way; `call` has the result in P.
#define BAD_RESULT(call)                                                                       \
    do {                                                                                       \
        const uint32_t wrong[] = {end, end - 1, 0xfffffff0u, 0xfffffffeu, HUGE_, 0x80000000u}; \
        for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {                          \
            uint32_t P = wrong[i];                                                             \
            E(FAULT, call);                                                                    \
        }                                                                                      \
    } while (0)

static void results(uint32_t file) {
    BAD_RESULT(raw_args_get(P, AT(buffer)));
    BAD_RESULT(raw_args_sizes_get(P, AT(&word)));
    BAD_RESULT(raw_args_sizes_get(AT(&word), P));
    BAD_RESULT(raw_environ_get(P, AT(buffer)));
    BAD_RESULT(raw_environ_sizes_get(P, AT(&word)));
    BAD_RESULT(raw_clock_res_get(0, P));
    BAD_RESULT(raw_clock_time_get(0, 0, P));
    BAD_RESULT(raw_fd_fdstat_get(file, P));
    BAD_RESULT(raw_fd_filestat_get(file, P));
    BAD_RESULT(raw_fd_prestat_get(ROOT, P));
    BAD_RESULT(raw_fd_seek(file, 0, 0, P));
    BAD_RESULT(raw_fd_tell(file, P));
    BAD_RESULT(raw_fd_read(file, AT(iov), 1, P));
    BAD_RESULT(raw_fd_pread(file, AT(iov), 1, 0, P));
    BAD_RESULT(raw_fd_write(file, AT(iov), 1, P));
    BAD_RESULT(raw_fd_pwrite(file, AT(iov), 1, 0, P));
    BAD_RESULT(raw_fd_readdir(ROOT, AT(buffer), 8, 0, P));
    BAD_RESULT(raw_path_filestat_get(ROOT, 0, PATH("f"), P));
    BAD_RESULT(raw_path_open(ROOT, 0, PATH("f"), 0, R_READ, 0, 0, P));
    BAD_RESULT(raw_path_readlink(ROOT, PATH("f"), AT(buffer), 8, P));
    BAD_RESULT(raw_poll_oneoff(AT(subscription), AT(event), 1, P));
    BAD_RESULT(raw_poll_oneoff(P, AT(event), 1, AT(&word)));
    BAD_RESULT(raw_poll_oneoff(AT(subscription), P, 1, AT(&word)));
    BAD_RESULT(raw_random_get(P, 16));
    BAD_RESULT(raw_fd_readdir(ROOT, P, 64, 0, AT(&word)));
    E(FAULT, raw_fd_prestat_dir_name(ROOT, end, 16));
    E(FAULT, raw_fd_prestat_dir_name(ROOT, HUGE_, HUGE_));
    BAD_RESULT(raw_fd_read(file, P, 1, AT(&word)));
    BAD_RESULT(raw_fd_write(file, P, 1, AT(&word)));
}

// Every path argument, with a pointer or a length that leads out of the memory.
static void paths(uint32_t file) {
    const struct { uint32_t at, len; } wrong[] = {
        {end, 1}, {EDGE, 2}, {HUGE_, 1}, {HUGE_, HUGE_}, {AT(buffer), HUGE_}, {1, 0xfffffffeu}, {0x80000000u, 0x80000000u},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint32_t at = wrong[i].at, len = wrong[i].len;
        E(FAULT, raw_path_create_directory(ROOT, at, len));
        E(FAULT, raw_path_filestat_get(ROOT, 0, at, len, AT(buffer)));
        E(FAULT, raw_path_filestat_set_times(ROOT, 0, at, len, 0, 0, 0));
        E(FAULT, raw_path_link(ROOT, 0, at, len, ROOT, PATH("new")));
        E(FAULT, raw_path_link(ROOT, 0, PATH("f"), ROOT, at, len));
        E(FAULT, raw_path_open(ROOT, 0, at, len, CREAT, R_WRITE, 0, 0, AT(&word)));
        E(FAULT, raw_path_readlink(ROOT, at, len, AT(buffer), 8, AT(&word)));
        E(FAULT, raw_path_remove_directory(ROOT, at, len));
        E(FAULT, raw_path_rename(ROOT, at, len, ROOT, PATH("new")));
        E(FAULT, raw_path_rename(ROOT, PATH("f"), ROOT, at, len));
        E(FAULT, raw_path_symlink(at, len, ROOT, PATH("new")));
        E(FAULT, raw_path_symlink(PATH("f"), ROOT, at, len));
        E(FAULT, raw_path_unlink_file(ROOT, at, len));
        E(FAULT, raw_path_readlink(ROOT, PATH("f"), at, len, AT(&word)));
        E(FAULT, raw_fd_readdir(ROOT, at, len, 0, AT(&word)));
        E(FAULT, raw_random_get(at, len));
        // A buffer of a transfer.
        iov[0].at = at, iov[0].len = len;
        E(FAULT, raw_fd_read(file, AT(iov), 1, AT(&word)));
        E(FAULT, raw_fd_write(file, AT(iov), 1, AT(&word)));
        E(FAULT, raw_fd_pread(file, AT(iov), 1, 0, AT(&word)));
        E(FAULT, raw_fd_pwrite(file, AT(iov), 1, 0, AT(&word)));
        // The bad one last: nothing is transferred.
        iov[0].at = AT(buffer), iov[0].len = 4;
        iov[1].at = at, iov[1].len = len;
        E(FAULT, raw_fd_read(file, AT(iov), 2, AT(&word)));
        E(FAULT, raw_fd_write(file, AT(iov), 2, AT(&word)));
    }
}

static void counts(uint32_t file) {
    // 8 * count, 48 * count and 32 * count overflow 32 bits.
    const uint32_t many[] = {HUGE_, 0x80000000u, 0x20000000u, 0x20000001u, 0x10000000u, 0x05555556u, 0x08000001u};
    for (unsigned i = 0; i < sizeof many / sizeof *many; i++) {
        E(FAULT, raw_fd_read(file, AT(iov), many[i], AT(&word)));
        E(FAULT, raw_fd_write(file, AT(iov), many[i], AT(&word)));
        E(FAULT, raw_fd_pread(file, AT(iov), many[i], 0, AT(&word)));
        E(FAULT, raw_fd_pwrite(file, AT(iov), many[i], 0, AT(&word)));
        E(1, raw_poll_oneoff(AT(subscription), AT(event), many[i], AT(&word)) != OK);
    }
    // Offsets at the edges of 64 bits.
    iov[0].at = AT(buffer), iov[0].len = 4;
    const uint64_t far[] = {1ull << 63, ~0ull, ~0ull - 3, (1ull << 63) + 1};
    for (unsigned i = 0; i < sizeof far / sizeof *far; i++) {
        E(INVAL, raw_fd_pread(file, AT(iov), 1, far[i], AT(&word)));
        E(INVAL, raw_fd_pwrite(file, AT(iov), 1, far[i], AT(&word)));
        E(1, raw_fd_allocate(file, far[i], far[i]) != OK);
        E(1, raw_fd_allocate(file, 1, far[i]) != OK);
        E(INVAL, raw_fd_filestat_set_size(file, far[i]));
        E(INVAL, raw_fd_advise(file, far[i], 1, 0));
        E(OK, raw_fd_advise(file, 0, far[i], 0));
    }
    E(1, raw_fd_pwrite(file, AT(iov), 1, INT64_MAX, AT(&word)) != OK);
    E(INVAL, raw_fd_seek(file, INT64_MIN, 0, AT(&word)));
    E(INVAL, raw_fd_seek(file, INT64_MIN, 1, AT(&word)));
    // Numbers that no descriptor has.
    const uint32_t fds[] = {4, 100, 0x7fffffff, 0x80000000u, HUGE_};
    for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] == file) continue;
        E(BADF, raw_fd_close(fds[i]));
        E(BADF, raw_fd_renumber(file, fds[i]));
        E(BADF, raw_fd_renumber(fds[i], file));
        E(BADF, raw_fd_readdir(fds[i], 0, 0, 0, 0));
        E(BADF, raw_path_unlink_file(fds[i], PATH("f")));
        E(BADF, raw_sock_accept(fds[i], 0, AT(&word)));
    }
    // A path as long as the memory is not copied: it is too long, or out of range.
    E(NAMETOOLONG, raw_path_create_directory(ROOT, 0, 65536));
    E(NAMETOOLONG, raw_path_symlink(0, 65536, ROOT, PATH("new")));
}

int main(void) {
    end = (uint32_t)__builtin_wasm_memory_size(0) << 16;
    uint32_t file;
    E(OK, raw_path_open(ROOT, 0, PATH("f"), 0, R_ALL, 0, 0, AT(&file)));
    uint64_t size_before, size_after;
    static uint8_t stat[64];
    E(OK, raw_fd_filestat_get(file, AT(stat)));
    memcpy(&size_before, stat + 32, 8);
    iov[0].at = AT(buffer), iov[0].len = 4;
    memset(buffer, 0x5a, sizeof buffer);
    results(file);
    paths(file);
    for (unsigned i = 0; i < sizeof buffer; i++) E(0x5a, buffer[i]);
    counts(file);
    E(OK, raw_fd_filestat_get(file, AT(stat)));
    memcpy(&size_after, stat + 32, 8);
    E(1, size_before == size_after);
    E(NOENT, raw_path_filestat_get(ROOT, 0, PATH("new"), AT(stat)));
    return finish();
}
