// File times: set to a value, to now, left alone; by path and by descriptor; flags that exclude each other.
// Descriptor 3 has to be an empty preopened directory. Wants a real clock.
#include "check.h"

#define DIR_FD 3
#define SECOND 1000000000ull

int main(void) {
    __wasi_fd_t fd;
    __wasi_filestat_t stat;
    __wasi_timestamp_t now;
    EQUAL("create", __wasi_path_open(DIR_FD, 0, "t", __WASI_OFLAGS_CREAT, ~(__wasi_rights_t)0 >> 34, 0, 0, &fd), 0);
    EQUAL("set both", __wasi_path_filestat_set_times(DIR_FD, 0, "t", 1000 * SECOND, 2000 * SECOND, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM), 0);
    EQUAL("stat", __wasi_path_filestat_get(DIR_FD, 0, "t", &stat), 0);
    EQUAL("accessed", stat.atim, 1000 * SECOND);
    EQUAL("modified", stat.mtim, 2000 * SECOND);
    EQUAL("set one by descriptor", __wasi_fd_filestat_set_times(fd, 0, 3000 * SECOND, __WASI_FSTFLAGS_MTIM), 0);
    EQUAL("stat by descriptor", __wasi_fd_filestat_get(fd, &stat), 0);
    EQUAL("accessed is as before", stat.atim, 1000 * SECOND);
    EQUAL("modified", stat.mtim, 3000 * SECOND);
    EQUAL("nothing to set", __wasi_fd_filestat_set_times(fd, 5, 5, 0), 0);
    __wasi_fd_filestat_get(fd, &stat);
    EQUAL("modified is as before", stat.mtim, 3000 * SECOND);
    EQUAL("to now", __wasi_fd_filestat_set_times(fd, 0, 0, __WASI_FSTFLAGS_MTIM_NOW), 0);
    __wasi_fd_filestat_get(fd, &stat);
    EQUAL("clock", __wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 1, &now), 0);
    CHECK("modified within a minute", stat.mtim + 60 * SECOND > now && now + 60 * SECOND > stat.mtim);
    EQUAL("a value and now", __wasi_fd_filestat_set_times(fd, 0, 0, __WASI_FSTFLAGS_MTIM_NOW | __WASI_FSTFLAGS_MTIM), __WASI_ERRNO_INVAL);
    EQUAL("symlink", __wasi_path_symlink("t", DIR_FD, "l"), 0);
    EQUAL("set the link's own", __wasi_path_filestat_set_times(DIR_FD, 0, "l", 0, 77 * SECOND, __WASI_FSTFLAGS_MTIM), 0);
    EQUAL("set through the link", __wasi_path_filestat_set_times(DIR_FD, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, "l", 0, 88 * SECOND, __WASI_FSTFLAGS_MTIM), 0);
    __wasi_path_filestat_get(DIR_FD, 0, "l", &stat);
    EQUAL("the link's", stat.mtim, 77 * SECOND);
    __wasi_path_filestat_get(DIR_FD, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, "l", &stat);
    EQUAL("the file's", stat.mtim, 88 * SECOND);
    EQUAL("of what is not there", __wasi_path_filestat_set_times(DIR_FD, 0, "no", 0, 1, __WASI_FSTFLAGS_MTIM), __WASI_ERRNO_NOENT);
    EQUAL("close", __wasi_fd_close(fd), 0);
    EQUAL("unlink l", __wasi_path_unlink_file(DIR_FD, "l"), 0);
    EQUAL("unlink t", __wasi_path_unlink_file(DIR_FD, "t"), 0);
    return finish();
}
