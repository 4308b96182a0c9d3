// The functions of wasi_snapshot_preview1 as they are imported, without the C library between: pointers are numbers,
// so that any can be passed, and paths have lengths.
#ifndef WZ_RAW_H
#define WZ_RAW_H
#include <stdint.h>

#ifndef WASI_MODULE
#define WASI_MODULE "wasi_snapshot_preview1"
#endif
#define IMPORT(name) __attribute__((import_module(WASI_MODULE), import_name(#name))) extern int32_t raw_##name

IMPORT(args_get)(uint32_t argv, uint32_t buf);
IMPORT(args_sizes_get)(uint32_t count, uint32_t len);
IMPORT(environ_get)(uint32_t environ, uint32_t buf);
IMPORT(environ_sizes_get)(uint32_t count, uint32_t len);
IMPORT(clock_res_get)(uint32_t id, uint32_t resolution);
IMPORT(clock_time_get)(uint32_t id, uint64_t precision, uint32_t time);
IMPORT(fd_advise)(uint32_t fd, uint64_t offset, uint64_t len, uint32_t advice);
IMPORT(fd_allocate)(uint32_t fd, uint64_t offset, uint64_t len);
IMPORT(fd_close)(uint32_t fd);
IMPORT(fd_datasync)(uint32_t fd);
IMPORT(fd_fdstat_get)(uint32_t fd, uint32_t stat);
IMPORT(fd_fdstat_set_flags)(uint32_t fd, uint32_t flags);
IMPORT(fd_fdstat_set_rights)(uint32_t fd, uint64_t base, uint64_t inheriting);
IMPORT(fd_filestat_get)(uint32_t fd, uint32_t stat);
IMPORT(fd_filestat_set_size)(uint32_t fd, uint64_t size);
IMPORT(fd_filestat_set_times)(uint32_t fd, uint64_t atim, uint64_t mtim, uint32_t flags);
IMPORT(fd_pread)(uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t nread);
IMPORT(fd_prestat_get)(uint32_t fd, uint32_t prestat);
IMPORT(fd_prestat_dir_name)(uint32_t fd, uint32_t path, uint32_t len);
IMPORT(fd_pwrite)(uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t nwritten);
IMPORT(fd_read)(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t nread);
IMPORT(fd_readdir)(uint32_t fd, uint32_t buf, uint32_t len, uint64_t cookie, uint32_t used);
IMPORT(fd_renumber)(uint32_t from, uint32_t to);
IMPORT(fd_seek)(uint32_t fd, int64_t offset, uint32_t whence, uint32_t position);
IMPORT(fd_sync)(uint32_t fd);
IMPORT(fd_tell)(uint32_t fd, uint32_t position);
IMPORT(fd_write)(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t nwritten);
IMPORT(path_create_directory)(uint32_t fd, uint32_t path, uint32_t len);
IMPORT(path_filestat_get)(uint32_t fd, uint32_t flags, uint32_t path, uint32_t len, uint32_t stat);
IMPORT(path_filestat_set_times)
(uint32_t fd, uint32_t flags, uint32_t path, uint32_t len, uint64_t atim, uint64_t mtim, uint32_t fst_flags);
IMPORT(path_link)
(uint32_t old_fd, uint32_t flags, uint32_t old, uint32_t old_len, uint32_t new_fd, uint32_t new, uint32_t new_len);
IMPORT(path_open)
(uint32_t fd, uint32_t dirflags, uint32_t path, uint32_t len, uint32_t oflags, uint64_t base, uint64_t inheriting,
 uint32_t fdflags, uint32_t opened);
IMPORT(path_readlink)(uint32_t fd, uint32_t path, uint32_t len, uint32_t buf, uint32_t buf_len, uint32_t used);
IMPORT(path_remove_directory)(uint32_t fd, uint32_t path, uint32_t len);
IMPORT(path_rename)(uint32_t old_fd, uint32_t old, uint32_t old_len, uint32_t new_fd, uint32_t new, uint32_t new_len);
IMPORT(path_symlink)(uint32_t target, uint32_t target_len, uint32_t fd, uint32_t path, uint32_t len);
IMPORT(path_unlink_file)(uint32_t fd, uint32_t path, uint32_t len);
IMPORT(poll_oneoff)(uint32_t in, uint32_t out, uint32_t count, uint32_t nevents);
IMPORT(proc_raise)(uint32_t signal);
IMPORT(random_get)(uint32_t buf, uint32_t len);
IMPORT(sched_yield)(void);
IMPORT(sock_accept)(uint32_t fd, uint32_t flags, uint32_t accepted);
IMPORT(sock_recv)(uint32_t fd, uint32_t data, uint32_t count, uint32_t flags, uint32_t len, uint32_t out_flags);
IMPORT(sock_send)(uint32_t fd, uint32_t data, uint32_t count, uint32_t flags, uint32_t len);
IMPORT(sock_shutdown)(uint32_t fd, uint32_t how);

// An address, and a path's address and length.
#define AT(object) ((uint32_t)(uintptr_t)(object))
#define PATH(text) AT(text), (uint32_t)(sizeof(text) - 1)
#define TEXT(text) AT(text), (uint32_t)__builtin_strlen(text)

enum {
    FOLLOW = 1,
    CREAT = 1, DIRECTORY = 2, EXCL = 4, TRUNC = 8,
    APPEND = 1, DSYNC = 2, NONBLOCK = 4, RSYNC = 8, SYNC = 16,
};
enum {
    OK = 0, ACCES = 2, AGAIN = 6, BADF = 8, BUSY = 10, EXIST = 20, FAULT = 21, FBIG = 22, ILSEQ = 25, INVAL = 28,
    ISDIR = 31, LOOP = 32, MFILE = 33, NAMETOOLONG = 37, NOENT = 44, NOSYS = 52, NOTCONN = 53, NOTDIR = 54,
    NOTEMPTY = 55, NOTSOCK = 57, NOTSUP = 58, PERM = 63, PIPE = 64, ROFS = 69, SPIPE = 70, XDEV = 75, NOTCAPABLE = 76,
};
#define RIGHT(bit) (1ull << (bit))
#define R_DATASYNC RIGHT(0)
#define R_READ RIGHT(1)
#define R_SEEK RIGHT(2)
#define R_SET_FLAGS RIGHT(3)
#define R_SYNC RIGHT(4)
#define R_TELL RIGHT(5)
#define R_WRITE RIGHT(6)
#define R_ADVISE RIGHT(7)
#define R_ALLOCATE RIGHT(8)
#define R_CREATE_DIRECTORY RIGHT(9)
#define R_CREATE_FILE RIGHT(10)
#define R_LINK_SOURCE RIGHT(11)
#define R_LINK_TARGET RIGHT(12)
#define R_OPEN RIGHT(13)
#define R_READDIR RIGHT(14)
#define R_READLINK RIGHT(15)
#define R_RENAME_SOURCE RIGHT(16)
#define R_RENAME_TARGET RIGHT(17)
#define R_PATH_STAT RIGHT(18)
#define R_PATH_SIZE RIGHT(19)
#define R_PATH_TIMES RIGHT(20)
#define R_STAT RIGHT(21)
#define R_SIZE RIGHT(22)
#define R_TIMES RIGHT(23)
#define R_SYMLINK RIGHT(24)
#define R_REMOVE_DIRECTORY RIGHT(25)
#define R_UNLINK RIGHT(26)
#define R_POLL RIGHT(27)
#define R_ALL 0x3fffffffull
// What a directory is opened with: everything but writing to it.
#define R_DIR (R_ALL & ~R_WRITE)
#endif
