// File descriptors in the raw interface: preopens, fdstat, renumbering, positions, flags, sizes, and bad descriptors.
// Descriptor 3 has to be an empty preopened directory, the only one.
#include "check.h"

#define DIR_FD 3

static __wasi_fd_t open_file(const char *path, __wasi_oflags_t how, __wasi_fdflags_t flags) {
    __wasi_fd_t fd = 0;
    EQUAL(path, __wasi_path_open(DIR_FD, 0, path, how, ~(__wasi_rights_t)0 >> 34, 0, flags, &fd), 0);
    return fd;
}

int main(void) {
    __wasi_prestat_t prestat;
    __wasi_fdstat_t stat;
    __wasi_filestat_t info;
    __wasi_filesize_t at;
    __wasi_size_t count;
    uint8_t name[64];

    EQUAL("prestat of 3", __wasi_fd_prestat_get(DIR_FD, &prestat), 0);
    EQUAL("it is a directory", prestat.tag, __WASI_PREOPENTYPE_DIR);
    EQUAL("its name", __wasi_fd_prestat_dir_name(DIR_FD, name, prestat.u.dir.pr_name_len), 0);
    EQUAL("a name too short", __wasi_fd_prestat_dir_name(DIR_FD, name, prestat.u.dir.pr_name_len - 1), __WASI_ERRNO_NAMETOOLONG);
    EQUAL("prestat of 4", __wasi_fd_prestat_get(4, &prestat), __WASI_ERRNO_BADF);
    EQUAL("fdstat of the directory", __wasi_fd_fdstat_get(DIR_FD, &stat), 0);
    EQUAL("its type", stat.fs_filetype, __WASI_FILETYPE_DIRECTORY);
    EQUAL("fdstat of 4", __wasi_fd_fdstat_get(4, &stat), __WASI_ERRNO_BADF);
    EQUAL("close 99", __wasi_fd_close(99), __WASI_ERRNO_BADF);
    EQUAL("fdstat of 2^32-1", __wasi_fd_fdstat_get(~0u, &stat), __WASI_ERRNO_BADF);

    __wasi_fd_t a = open_file("a", __WASI_OFLAGS_CREAT, 0), b = open_file("b", __WASI_OFLAGS_CREAT, 0);
    EQUAL("fdstat of a file", __wasi_fd_fdstat_get(a, &stat), 0);
    EQUAL("its type", stat.fs_filetype, __WASI_FILETYPE_REGULAR_FILE);
    EQUAL("its flags", stat.fs_flags, 0);

    __wasi_ciovec_t out = {(const uint8_t *)"0123456789", 10};
    EQUAL("write", __wasi_fd_write(a, &out, 1, &count), 0);
    EQUAL("written", count, 10);
    EQUAL("tell", __wasi_fd_tell(a, &at), 0);
    EQUAL("position", at, 10);
    EQUAL("seek from the end", __wasi_fd_seek(a, -3, __WASI_WHENCE_END, &at), 0);
    EQUAL("position", at, 7);
    EQUAL("seek before the start", __wasi_fd_seek(a, -8, __WASI_WHENCE_CUR, &at), __WASI_ERRNO_INVAL);
    EQUAL("seek in a directory", __wasi_fd_seek(DIR_FD, 0, __WASI_WHENCE_SET, &at) != 0, 1);
    uint8_t in[16] = {0};
    __wasi_iovec_t into = {in, sizeof in};
    EQUAL("read", __wasi_fd_read(a, &into, 1, &count), 0);
    EQUAL("count", count, 3);
    CHECK("bytes", !memcmp(in, "789", 3));
    EQUAL("read at the end", __wasi_fd_read(a, &into, 1, &count), 0);
    EQUAL("count", count, 0);
    EQUAL("pread", __wasi_fd_pread(a, &into, 1, 2, &count), 0);
    EQUAL("count", count, 8);
    CHECK("bytes", !memcmp(in, "23456789", 8));
    __wasi_fd_tell(a, &at);
    EQUAL("pread does not move", at, 10);
    out.buf_len = 2;
    EQUAL("pwrite", __wasi_fd_pwrite(a, &out, 1, 20, &count), 0);
    EQUAL("no parts", __wasi_fd_write(a, &out, 0, &count), 0);
    EQUAL("nothing written", count, 0);
    EQUAL("filestat", __wasi_fd_filestat_get(a, &info), 0);
    EQUAL("size", info.size, 22);
    EQUAL("set size", __wasi_fd_filestat_set_size(a, 5), 0);
    __wasi_fd_filestat_get(a, &info);
    EQUAL("size", info.size, 5);
    EQUAL("links", info.nlink, 1);
    EQUAL("advise", __wasi_fd_advise(a, 0, 5, __WASI_ADVICE_SEQUENTIAL), 0);
    EQUAL("datasync", __wasi_fd_datasync(a), 0);

    EQUAL("set append", __wasi_fd_fdstat_set_flags(a, __WASI_FDFLAGS_APPEND), 0);
    __wasi_fd_fdstat_get(a, &stat);
    EQUAL("append is set", stat.fs_flags & __WASI_FDFLAGS_APPEND, __WASI_FDFLAGS_APPEND);
    __wasi_fd_seek(a, 0, __WASI_WHENCE_SET, &at);
    EQUAL("append", __wasi_fd_write(a, &out, 1, &count), 0);
    __wasi_fd_filestat_get(a, &info);
    EQUAL("size", info.size, 7);

    EQUAL("renumber to 99", __wasi_fd_renumber(a, 99), __WASI_ERRNO_BADF);
    EQUAL("renumber from 99", __wasi_fd_renumber(99, a), __WASI_ERRNO_BADF);
    EQUAL("renumber a to b", __wasi_fd_renumber(a, b), 0);
    EQUAL("a is gone", __wasi_fd_fdstat_get(a, &stat), __WASI_ERRNO_BADF);
    __wasi_fd_filestat_get(b, &info);
    EQUAL("b is a now", info.size, 7);
    EQUAL("close b", __wasi_fd_close(b), 0);
    EQUAL("close b again", __wasi_fd_close(b), __WASI_ERRNO_BADF);
    EQUAL("close a, opened again", __wasi_fd_close(open_file("a", 0, 0)), 0);

    EQUAL("create where it is", __wasi_path_open(DIR_FD, 0, "a", __WASI_OFLAGS_CREAT | __WASI_OFLAGS_EXCL, 0, 0, 0, &a), __WASI_ERRNO_EXIST);
    EQUAL("a file as a directory", __wasi_path_open(DIR_FD, 0, "a", __WASI_OFLAGS_DIRECTORY, 0, 0, 0, &a), __WASI_ERRNO_NOTDIR);
    EQUAL("open at a file", __wasi_path_open(1, 0, "a", 0, 0, 0, 0, &a) != 0, 1);
    EQUAL("unlink a", __wasi_path_unlink_file(DIR_FD, "a"), 0);
    EQUAL("unlink b", __wasi_path_unlink_file(DIR_FD, "b"), 0);
    EQUAL("yield", __wasi_sched_yield(), 0);
    return finish();
}
