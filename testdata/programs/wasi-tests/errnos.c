// Calls every function in every way that can fail without being malformed, and compares the errno. Descriptor 3 is
// an empty directory and is empty afterwards, 4 a read-only view of one with the file `f`, the directory `d` and the
// link `l` to `f`. Standard output is no file with positions. Prints what differs, and a count.
#include "check_raw.h"
#include <string.h>

enum { ROOT = 3, VIEW = 4, NONE = 99 };

static uint32_t word, words[2];
static uint64_t number;
static uint8_t buffer[512], stat[64], fdstat[24];
static char long_name[300], long_path[5000];
static struct { uint32_t at, len; } iov = {0, 4};

NOINLINE uint32_t open_at(uint32_t fd, const char *path, uint32_t how, uint64_t rights, uint32_t flags) {
    uint32_t opened = NONE;
    int result = raw_path_open(fd, FOLLOW, TEXT(path), how, rights, R_ALL, flags, AT(&opened));
    expect(__LINE__, path, result, OK);
    return opened;
}

NOINLINE int try_open(uint32_t fd, uint32_t follow, const char *path, uint32_t how, uint64_t rights, uint32_t flags) {
    uint32_t opened;
    int result = raw_path_open(fd, follow, TEXT(path), how, rights, 0, flags, AT(&opened));
    if (!result) raw_fd_close(opened);
    return result;
}

// Descriptors that may do everything but one thing.
NOINLINE uint32_t file_without(uint64_t rights) { return open_at(ROOT, "file", 0, R_ALL & ~rights, 0); }
NOINLINE uint32_t dir_without(uint64_t rights) { return open_at(ROOT, ".", DIRECTORY, R_DIR & ~rights, 0); }
#define WITHOUT(want, open, right, call) \
    do {                                 \
        uint32_t fd = open(right);       \
        E(want, call);                   \
        raw_fd_close(fd);                \
    } while (0)

static void arguments_and_clocks(void) {
    static uint32_t pointers[16];
    static char strings[512];
    E(OK, raw_args_sizes_get(AT(&words[0]), AT(&words[1])));
    E(1, words[0] >= 1);
    E(OK, raw_args_get(AT(pointers), AT(strings)));
    E(OK, raw_environ_sizes_get(AT(&words[0]), AT(&words[1])));
    E(OK, raw_environ_get(AT(pointers), AT(strings)));
    for (uint32_t id = 0; id < 4; id++) {
        E(OK, raw_clock_res_get(id, AT(&number)));
        E(1, number > 0);
        E(OK, raw_clock_time_get(id, 0, AT(&number)));
    }
    E(INVAL, raw_clock_res_get(4, AT(&number)));
    E(INVAL, raw_clock_time_get(4, 0, AT(&number)));
    E(INVAL, raw_clock_time_get(~0u, 0, AT(&number)));
    E(OK, raw_sched_yield());
    E(OK, raw_random_get(AT(buffer), sizeof buffer));
    E(OK, raw_random_get(AT(buffer), 0));
    E(NOSYS, raw_proc_raise(6));
}

static void descriptors(void) {
    uint32_t file = open_at(ROOT, "file", CREAT, R_ALL, 0), fd;
    iov.at = AT(buffer);
    E(OK, raw_fd_write(file, AT(&iov), 1, AT(&word)));

    E(OK, raw_fd_advise(file, 0, 0, 3));
    E(OK, raw_fd_advise(file, 0, ~0ull, 0));
    E(OK, raw_fd_advise(ROOT, 0, 0, 0));
    E(BADF, raw_fd_advise(NONE, 0, 0, 0));
    E(SPIPE, raw_fd_advise(1, 0, 0, 0));
    E(INVAL, raw_fd_advise(file, 0, 0, 6));
    E(INVAL, raw_fd_advise(file, 1ull << 63, 0, 0));
    WITHOUT(NOTCAPABLE, file_without, R_ADVISE, raw_fd_advise(fd, 0, 0, 0));
    WITHOUT(NOTCAPABLE, dir_without, R_ADVISE, raw_fd_advise(fd, 0, 0, 0));

    E(OK, raw_fd_allocate(file, 0, 10));
    E(BADF, raw_fd_allocate(NONE, 0, 1));
    E(ISDIR, raw_fd_allocate(ROOT, 0, 1));
    E(SPIPE, raw_fd_allocate(1, 0, 1));
    E(INVAL, raw_fd_allocate(file, 0, 0));
    E(FBIG, raw_fd_allocate(file, ~0ull, 1));
    E(FBIG, raw_fd_allocate(file, 1ull << 63, 1ull << 63));
    WITHOUT(NOTCAPABLE, file_without, R_ALLOCATE, raw_fd_allocate(fd, 0, 1));
    WITHOUT(BADF, file_without, R_WRITE, raw_fd_allocate(fd, 0, 1));

    E(BADF, raw_fd_close(NONE));
    fd = open_at(ROOT, "file", 0, R_ALL, 0);
    E(OK, raw_fd_close(fd));
    E(BADF, raw_fd_close(fd));

    E(OK, raw_fd_datasync(file));
    E(OK, raw_fd_datasync(ROOT));
    E(BADF, raw_fd_datasync(NONE));
    WITHOUT(NOTCAPABLE, file_without, R_DATASYNC, raw_fd_datasync(fd));
    E(OK, raw_fd_sync(file));
    E(OK, raw_fd_sync(ROOT));
    E(BADF, raw_fd_sync(NONE));
    WITHOUT(NOTCAPABLE, file_without, R_SYNC, raw_fd_sync(fd));

    E(OK, raw_fd_fdstat_get(file, AT(fdstat)));
    E(4, fdstat[0]);
    E(BADF, raw_fd_fdstat_get(NONE, AT(fdstat)));
    E(OK, raw_fd_fdstat_set_flags(file, APPEND | NONBLOCK));
    E(OK, raw_fd_fdstat_get(file, AT(fdstat)));
    E(APPEND | NONBLOCK, fdstat[2]);
    E(OK, raw_fd_fdstat_set_flags(file, 0));
    E(BADF, raw_fd_fdstat_set_flags(NONE, 0));
    E(INVAL, raw_fd_fdstat_set_flags(file, 32));
    E(INVAL, raw_fd_fdstat_set_flags(file, 1 << 16));
    WITHOUT(NOTCAPABLE, file_without, R_SET_FLAGS, raw_fd_fdstat_set_flags(fd, APPEND));
    E(BADF, raw_fd_fdstat_set_rights(NONE, 0, 0));
    fd = open_at(ROOT, "file", 0, R_READ | R_SEEK, 0);
    E(NOTCAPABLE, raw_fd_fdstat_set_rights(fd, R_READ | R_WRITE, 0));
    E(NOTCAPABLE, raw_fd_fdstat_set_rights(fd, R_READ, R_READ));
    E(OK, raw_fd_fdstat_set_rights(fd, R_SEEK, 0));
    E(BADF, raw_fd_read(fd, AT(&iov), 1, AT(&word)));
    E(NOTCAPABLE, raw_fd_fdstat_set_rights(fd, R_READ | R_SEEK, 0));
    raw_fd_close(fd);

    E(OK, raw_fd_filestat_get(file, AT(stat)));
    E(4, stat[16]);
    E(10, stat[32]);
    E(BADF, raw_fd_filestat_get(NONE, AT(stat)));
    WITHOUT(NOTCAPABLE, file_without, R_STAT, raw_fd_filestat_get(fd, AT(stat)));
    E(OK, raw_fd_filestat_set_size(file, 8));
    E(BADF, raw_fd_filestat_set_size(NONE, 0));
    E(ISDIR, raw_fd_filestat_set_size(ROOT, 0));
    E(INVAL, raw_fd_filestat_set_size(1, 0));
    E(INVAL, raw_fd_filestat_set_size(file, 1ull << 63));
    WITHOUT(NOTCAPABLE, file_without, R_SIZE, raw_fd_filestat_set_size(fd, 0));
    WITHOUT(INVAL, file_without, R_WRITE, raw_fd_filestat_set_size(fd, 0));
    E(OK, raw_fd_filestat_set_times(file, 1, 2, 1 | 4));
    E(OK, raw_fd_filestat_get(file, AT(stat)));
    E(2, (int)stat[48]);
    E(OK, raw_fd_filestat_set_times(ROOT, 1, 2, 2 | 8));
    E(BADF, raw_fd_filestat_set_times(NONE, 1, 2, 0));
    E(INVAL, raw_fd_filestat_set_times(file, 1, 2, 1 | 2));
    E(INVAL, raw_fd_filestat_set_times(file, 1, 2, 4 | 8));
    E(INVAL, raw_fd_filestat_set_times(file, 1, 2, 16));
    WITHOUT(NOTCAPABLE, file_without, R_TIMES, raw_fd_filestat_set_times(fd, 1, 2, 1));

    E(OK, raw_fd_read(file, AT(&iov), 1, AT(&word)));
    E(4, word);
    E(BADF, raw_fd_read(NONE, AT(&iov), 1, AT(&word)));
    E(ISDIR, raw_fd_read(ROOT, AT(&iov), 1, AT(&word)));
    E(BADF, raw_fd_read(1, AT(&iov), 1, AT(&word)));
    WITHOUT(BADF, file_without, R_READ, raw_fd_read(fd, AT(&iov), 1, AT(&word)));
    E(BADF, raw_fd_write(NONE, AT(&iov), 1, AT(&word)));
    E(ISDIR, raw_fd_write(ROOT, AT(&iov), 1, AT(&word)));
    E(BADF, raw_fd_write(0, AT(&iov), 1, AT(&word)));
    WITHOUT(BADF, file_without, R_WRITE, raw_fd_write(fd, AT(&iov), 1, AT(&word)));
    E(OK, raw_fd_pread(file, AT(&iov), 1, 6, AT(&word)));
    E(2, word);
    E(OK, raw_fd_pread(file, AT(&iov), 1, 1000, AT(&word)));
    E(0, word);
    E(BADF, raw_fd_pread(NONE, AT(&iov), 1, 0, AT(&word)));
    E(ISDIR, raw_fd_pread(ROOT, AT(&iov), 1, 0, AT(&word)));
    E(INVAL, raw_fd_pread(file, AT(&iov), 1, 1ull << 63, AT(&word)));
    WITHOUT(BADF, file_without, R_READ, raw_fd_pread(fd, AT(&iov), 1, 0, AT(&word)));
    WITHOUT(NOTCAPABLE, file_without, R_SEEK, raw_fd_pread(fd, AT(&iov), 1, 0, AT(&word)));
    E(OK, raw_fd_pwrite(file, AT(&iov), 1, 4, AT(&word)));
    E(BADF, raw_fd_pwrite(NONE, AT(&iov), 1, 0, AT(&word)));
    E(ISDIR, raw_fd_pwrite(ROOT, AT(&iov), 1, 0, AT(&word)));
    E(SPIPE, raw_fd_pwrite(1, AT(&iov), 1, 0, AT(&word)));
    E(INVAL, raw_fd_pwrite(file, AT(&iov), 1, 1ull << 63, AT(&word)));
    WITHOUT(BADF, file_without, R_WRITE, raw_fd_pwrite(fd, AT(&iov), 1, 0, AT(&word)));
    WITHOUT(NOTCAPABLE, file_without, R_SEEK, raw_fd_pwrite(fd, AT(&iov), 1, 0, AT(&word)));

    E(OK, raw_fd_seek(file, -1, 2, AT(&number)));
    E(7, (int)number);
    E(OK, raw_fd_tell(file, AT(&number)));
    E(7, (int)number);
    E(BADF, raw_fd_seek(NONE, 0, 0, AT(&number)));
    E(ISDIR, raw_fd_seek(ROOT, 0, 0, AT(&number)));
    E(SPIPE, raw_fd_seek(1, 0, 1, AT(&number)));
    E(INVAL, raw_fd_seek(file, 0, 3, AT(&number)));
    E(INVAL, raw_fd_seek(file, -1, 0, AT(&number)));
    E(INVAL, raw_fd_seek(file, -100, 1, AT(&number)));
    E(INVAL, raw_fd_seek(file, -100, 2, AT(&number)));
    E(INVAL, raw_fd_seek(file, INT64_MIN, 2, AT(&number)));
    WITHOUT(NOTCAPABLE, file_without, R_SEEK, raw_fd_seek(fd, 1, 0, AT(&number)));
    WITHOUT(OK, file_without, R_SEEK, raw_fd_seek(fd, 0, 1, AT(&number)));
    WITHOUT(NOTCAPABLE, file_without, R_SEEK | R_TELL, raw_fd_seek(fd, 0, 1, AT(&number)));
    E(BADF, raw_fd_tell(NONE, AT(&number)));
    E(ISDIR, raw_fd_tell(ROOT, AT(&number)));
    E(SPIPE, raw_fd_tell(1, AT(&number)));
    WITHOUT(NOTCAPABLE, file_without, R_SEEK | R_TELL, raw_fd_tell(fd, AT(&number)));

    E(OK, raw_fd_prestat_get(ROOT, AT(words)));
    E(BADF, raw_fd_prestat_get(NONE, AT(words)));
    E(BADF, raw_fd_prestat_get(file, AT(words)));
    E(BADF, raw_fd_prestat_get(1, AT(words)));
    E(OK, raw_fd_prestat_dir_name(ROOT, AT(buffer), words[1]));
    E(OK, raw_fd_prestat_dir_name(ROOT, AT(buffer), words[1] + 1));
    E(NAMETOOLONG, raw_fd_prestat_dir_name(ROOT, AT(buffer), words[1] - 1));
    E(BADF, raw_fd_prestat_dir_name(file, AT(buffer), 10));
    E(BADF, raw_fd_prestat_dir_name(NONE, AT(buffer), 10));

    E(OK, raw_fd_readdir(ROOT, AT(buffer), sizeof buffer, 0, AT(&word)));
    E(OK, raw_fd_readdir(ROOT, AT(buffer), 1, 0, AT(&word)));
    E(1, word);
    E(OK, raw_fd_readdir(ROOT, AT(buffer), 0, 0, AT(&word)));
    E(0, word);
    E(OK, raw_fd_readdir(ROOT, AT(buffer), sizeof buffer, 3, AT(&word)));
    E(0, word);
    E(NOENT, raw_fd_readdir(ROOT, AT(buffer), sizeof buffer, 4, AT(&word)));
    E(NOENT, raw_fd_readdir(ROOT, AT(buffer), sizeof buffer, ~0ull, AT(&word)));
    E(BADF, raw_fd_readdir(NONE, AT(buffer), sizeof buffer, 0, AT(&word)));
    E(NOTDIR, raw_fd_readdir(file, AT(buffer), sizeof buffer, 0, AT(&word)));
    E(NOTDIR, raw_fd_readdir(1, AT(buffer), sizeof buffer, 0, AT(&word)));
    WITHOUT(NOTCAPABLE, dir_without, R_READDIR, raw_fd_readdir(fd, AT(buffer), sizeof buffer, 0, AT(&word)));

    fd = open_at(ROOT, ".", DIRECTORY, R_DIR, 0);
    E(BADF, raw_fd_renumber(file, NONE));
    E(BADF, raw_fd_renumber(NONE, file));
    E(BADF, raw_fd_renumber(NONE, NONE));
    E(OK, raw_fd_renumber(file, file));
    E(OK, raw_fd_renumber(fd, file));
    E(BADF, raw_fd_renumber(fd, file));
    E(OK, raw_fd_fdstat_get(file, AT(fdstat)));
    E(3, fdstat[0]);
    E(OK, raw_fd_close(file));
}

// What all functions on paths have in common.
#define COMMON(call)                  \
    do {                              \
        E(BADF, call(NONE, "x"));     \
        E(NOTDIR, call(file, "x"));   \
        E(NOTDIR, call(1, "x"));      \
        E(NOENT, call(ROOT, ""));     \
        E(PERM, call(ROOT, "/x"));    \
        E(PERM, call(ROOT, "../x"));  \
        E(NOENT, call(ROOT, "no/x")); \
        E(NOTDIR, call(ROOT, "file/x")); \
        E(LOOP, call(ROOT, "loop/x")); \
        E(PERM, call(ROOT, "up/x"));  \
        E(NAMETOOLONG, call(ROOT, long_name)); \
        E(NAMETOOLONG, call(ROOT, long_path)); \
        E(ILSEQ, call(ROOT, "\xff")); \
    } while (0)

NOINLINE int mkdir_(uint32_t fd, const char *path) { return raw_path_create_directory(fd, TEXT(path)); }
NOINLINE int rmdir_(uint32_t fd, const char *path) { return raw_path_remove_directory(fd, TEXT(path)); }
NOINLINE int unlink_(uint32_t fd, const char *path) { return raw_path_unlink_file(fd, TEXT(path)); }
NOINLINE int stat_(uint32_t fd, const char *path) { return raw_path_filestat_get(fd, 0, TEXT(path), AT(stat)); }
NOINLINE int times_(uint32_t fd, const char *path) {
    return raw_path_filestat_set_times(fd, 0, TEXT(path), 1, 2, 1 | 4);
}
NOINLINE int readlink_(uint32_t fd, const char *path) {
    return raw_path_readlink(fd, TEXT(path), AT(buffer), sizeof buffer, AT(&word));
}
NOINLINE int symlink_(uint32_t fd, const char *path) { return raw_path_symlink(PATH("target"), fd, TEXT(path)); }
NOINLINE int open_(uint32_t fd, const char *path) { return try_open(fd, 0, path, 0, R_READ, 0); }
NOINLINE int create_(uint32_t fd, const char *path) { return try_open(fd, 0, path, CREAT, R_WRITE, 0); }
NOINLINE int link_to(uint32_t fd, const char *path) { return raw_path_link(ROOT, 0, PATH("file"), fd, TEXT(path)); }
NOINLINE int link_from(uint32_t fd, const char *path) { return raw_path_link(fd, 0, TEXT(path), ROOT, PATH("new")); }
NOINLINE int rename_to(uint32_t fd, const char *path) { return raw_path_rename(ROOT, PATH("file"), fd, TEXT(path)); }
NOINLINE int rename_from(uint32_t fd, const char *path) { return raw_path_rename(fd, TEXT(path), ROOT, PATH("new")); }

static void paths(void) {
    uint32_t file = open_at(ROOT, "file", 0, R_ALL, 0);
    memset(long_name, 'n', sizeof long_name - 1);
    memset(long_path, 'p', sizeof long_path - 1);
    for (unsigned i = 100; i < sizeof long_path - 1; i += 100) long_path[i] = '/';
    E(OK, mkdir_(ROOT, "dir"));
    E(OK, raw_path_symlink(PATH("loop"), ROOT, PATH("loop")));
    E(OK, raw_path_symlink(PATH(".."), ROOT, PATH("up")));
    E(OK, raw_path_symlink(PATH("file"), ROOT, PATH("link")));
    E(OK, raw_path_symlink(PATH("dir"), ROOT, PATH("dirlink")));
    E(OK, raw_path_symlink(PATH("nothing"), ROOT, PATH("dangling")));

    COMMON(mkdir_);
    E(EXIST, mkdir_(ROOT, "dir"));
    E(EXIST, mkdir_(ROOT, "dir/"));
    E(EXIST, mkdir_(ROOT, "file"));
    E(EXIST, mkdir_(ROOT, "dangling"));
    E(EXIST, mkdir_(ROOT, "."));
    E(ROFS, mkdir_(VIEW, "new"));
    E(INVAL, raw_path_create_directory(ROOT, PATH("a\0b")));
    WITHOUT(NOTCAPABLE, dir_without, R_CREATE_DIRECTORY, mkdir_(fd, "new"));
    E(OK, mkdir_(ROOT, "slash/"));
    E(OK, rmdir_(ROOT, "slash/"));

    COMMON(rmdir_);
    E(NOENT, rmdir_(ROOT, "no"));
    E(NOTDIR, rmdir_(ROOT, "file"));
    E(NOTDIR, rmdir_(ROOT, "dirlink"));
    E(INVAL, rmdir_(ROOT, "."));
    E(NOTEMPTY, rmdir_(ROOT, "dir/.."));
    E(OK, mkdir_(ROOT, "dir/sub"));
    E(NOTEMPTY, rmdir_(ROOT, "dir"));
    E(OK, rmdir_(ROOT, "dir/sub"));
    E(ROFS, rmdir_(VIEW, "d"));
    WITHOUT(NOTCAPABLE, dir_without, R_REMOVE_DIRECTORY, rmdir_(fd, "dir"));

    COMMON(unlink_);
    E(NOENT, unlink_(ROOT, "no"));
    E(ISDIR, unlink_(ROOT, "dir"));
    E(ISDIR, unlink_(ROOT, "dir/"));
    E(ISDIR, unlink_(ROOT, "."));
    E(NOTDIR, unlink_(ROOT, "file/"));
    E(ROFS, unlink_(VIEW, "f"));
    WITHOUT(NOTCAPABLE, dir_without, R_UNLINK, unlink_(fd, "file"));

    COMMON(stat_);
    E(OK, stat_(ROOT, "link"));
    E(7, stat[16]);
    E(OK, raw_path_filestat_get(ROOT, FOLLOW, PATH("link"), AT(stat)));
    E(4, stat[16]);
    E(NOENT, stat_(ROOT, "no"));
    E(OK, stat_(ROOT, "dangling"));
    E(NOENT, raw_path_filestat_get(ROOT, FOLLOW, PATH("dangling"), AT(stat)));
    E(LOOP, raw_path_filestat_get(ROOT, FOLLOW, PATH("loop"), AT(stat)));
    E(PERM, raw_path_filestat_get(ROOT, FOLLOW, PATH("up"), AT(stat)));
    E(NOTDIR, stat_(ROOT, "file/"));
    E(OK, stat_(ROOT, "dirlink/"));
    E(3, stat[16]);
    E(INVAL, raw_path_filestat_get(ROOT, 2, PATH("file"), AT(stat)));
    E(OK, stat_(VIEW, "f"));
    WITHOUT(NOTCAPABLE, dir_without, R_PATH_STAT, stat_(fd, "file"));

    COMMON(times_);
    E(OK, times_(ROOT, "file"));
    E(OK, times_(ROOT, "link"));
    E(OK, times_(ROOT, "dangling"));
    E(OK, times_(ROOT, "dir"));
    E(OK, times_(ROOT, "."));
    E(NOENT, times_(ROOT, "no"));
    E(NOENT, raw_path_filestat_set_times(ROOT, FOLLOW, PATH("dangling"), 1, 2, 1));
    E(LOOP, raw_path_filestat_set_times(ROOT, FOLLOW, PATH("loop"), 1, 2, 1));
    E(INVAL, raw_path_filestat_set_times(ROOT, 2, PATH("file"), 1, 2, 1));
    E(INVAL, raw_path_filestat_set_times(ROOT, 0, PATH("file"), 1, 2, 3));
    E(INVAL, raw_path_filestat_set_times(ROOT, 0, PATH("file"), 1, 2, 12));
    E(INVAL, raw_path_filestat_set_times(ROOT, 0, PATH("file"), 1, 2, 16));
    E(NOTDIR, times_(ROOT, "file/"));
    E(ROFS, times_(VIEW, "f"));
    WITHOUT(NOTCAPABLE, dir_without, R_PATH_TIMES, times_(fd, "file"));

    COMMON(readlink_);
    E(OK, readlink_(ROOT, "link"));
    E(4, word);
    E(0, memcmp(buffer, "file", 4));
    E(OK, raw_path_readlink(ROOT, PATH("link"), AT(buffer), 2, AT(&word)));
    E(2, word);
    E(OK, raw_path_readlink(ROOT, PATH("link"), AT(buffer), 0, AT(&word)));
    E(0, word);
    E(NOENT, readlink_(ROOT, "no"));
    E(INVAL, readlink_(ROOT, "file"));
    E(INVAL, readlink_(ROOT, "dir"));
    E(INVAL, readlink_(ROOT, "."));
    E(INVAL, readlink_(ROOT, "dirlink/"));
    E(OK, readlink_(VIEW, "l"));
    WITHOUT(NOTCAPABLE, dir_without, R_READLINK, readlink_(fd, "link"));

    COMMON(symlink_);
    E(EXIST, symlink_(ROOT, "file"));
    E(EXIST, symlink_(ROOT, "dir"));
    E(EXIST, symlink_(ROOT, "dir/"));
    E(EXIST, symlink_(ROOT, "."));
    E(EXIST, symlink_(ROOT, "dangling"));
    E(NOENT, symlink_(ROOT, "new/"));
    E(NOENT, raw_path_symlink(PATH(""), ROOT, PATH("new")));
    E(PERM, raw_path_symlink(PATH("/"), ROOT, PATH("new")));
    E(PERM, raw_path_symlink(PATH("/etc"), ROOT, PATH("new")));
    E(INVAL, raw_path_symlink(PATH("a\0b"), ROOT, PATH("new")));
    E(ILSEQ, raw_path_symlink(PATH("\xfe"), ROOT, PATH("new")));
    E(NAMETOOLONG, raw_path_symlink(TEXT(long_path), ROOT, PATH("new")));
    E(ROFS, symlink_(VIEW, "new"));
    WITHOUT(NOTCAPABLE, dir_without, R_SYMLINK, symlink_(fd, "new"));

    COMMON(link_to);
    COMMON(link_from);
    E(OK, link_to(ROOT, "hard"));
    E(EXIST, link_to(ROOT, "hard"));
    E(EXIST, link_to(ROOT, "file"));
    E(EXIST, link_to(ROOT, "dir"));
    E(EXIST, link_to(ROOT, "dangling"));
    E(NOENT, link_to(ROOT, "new/"));
    E(NOENT, link_from(ROOT, "no"));
    E(PERM, link_from(ROOT, "dir"));
    E(PERM, link_from(ROOT, "."));
    E(OK, raw_path_link(ROOT, 0, PATH("dangling"), ROOT, PATH("hardlink")));
    E(OK, stat_(ROOT, "hardlink"));
    E(7, stat[16]);
    E(OK, unlink_(ROOT, "hardlink"));
    E(INVAL, raw_path_link(ROOT, FOLLOW, PATH("link"), ROOT, PATH("new")));
    E(INVAL, raw_path_link(ROOT, 2, PATH("file"), ROOT, PATH("new")));
    E(ROFS, link_to(VIEW, "new"));
    E(ROFS, link_from(VIEW, "f"));
    WITHOUT(NOTCAPABLE, dir_without, R_LINK_TARGET, link_to(fd, "new"));
    WITHOUT(NOTCAPABLE, dir_without, R_LINK_SOURCE, link_from(fd, "file"));

    COMMON(rename_to);
    COMMON(rename_from);
    E(NOENT, rename_from(ROOT, "no"));
    E(ISDIR, rename_to(ROOT, "dir"));
    E(NOTDIR, rename_to(ROOT, "new/"));
    E(NOTDIR, rename_from(ROOT, "file/"));
    E(NOTDIR, raw_path_rename(ROOT, PATH("dir"), ROOT, PATH("file")));
    E(INVAL, raw_path_rename(ROOT, PATH("dir"), ROOT, PATH("dir/sub")));
    E(BUSY, raw_path_rename(ROOT, PATH("."), ROOT, PATH("new")));
    E(BUSY, raw_path_rename(ROOT, PATH("dir"), ROOT, PATH("dir/..")));
    E(OK, mkdir_(ROOT, "full"));
    E(OK, mkdir_(ROOT, "full/sub"));
    E(NOTEMPTY, raw_path_rename(ROOT, PATH("dir"), ROOT, PATH("full")));
    E(OK, raw_path_rename(ROOT, PATH("dir"), ROOT, PATH("full/sub")));
    E(OK, raw_path_rename(ROOT, PATH("full/sub/"), ROOT, PATH("dir/")));
    E(OK, rmdir_(ROOT, "full"));
    E(OK, raw_path_rename(ROOT, PATH("file"), ROOT, PATH("hard")));
    E(OK, raw_path_rename(ROOT, PATH("file"), ROOT, PATH("file")));
    E(ROFS, rename_to(VIEW, "new"));
    E(ROFS, rename_from(VIEW, "f"));
    WITHOUT(NOTCAPABLE, dir_without, R_RENAME_TARGET, rename_to(fd, "new"));
    WITHOUT(NOTCAPABLE, dir_without, R_RENAME_SOURCE, rename_from(fd, "file"));

    COMMON(open_);
    COMMON(create_);
    E(NOENT, open_(ROOT, "no"));
    E(LOOP, open_(ROOT, "link"));
    E(LOOP, open_(ROOT, "dangling"));
    E(NOENT, try_open(ROOT, FOLLOW, "dangling", 0, R_READ, 0));
    E(LOOP, try_open(ROOT, FOLLOW, "loop", 0, R_READ, 0));
    E(PERM, try_open(ROOT, FOLLOW, "up", 0, R_READ, 0));
    E(NOTDIR, try_open(ROOT, 0, "file", DIRECTORY, R_READ, 0));
    E(NOTDIR, try_open(ROOT, FOLLOW, "link", DIRECTORY, R_READ, 0));
    E(NOTDIR, open_(ROOT, "file/"));
    E(OK, open_(ROOT, "dirlink/"));
    E(EXIST, try_open(ROOT, 0, "file", CREAT | EXCL, R_WRITE, 0));
    E(EXIST, try_open(ROOT, FOLLOW, "dangling", CREAT | EXCL, R_WRITE, 0));
    E(ISDIR, create_(ROOT, "new/"));
    E(ISDIR, create_(ROOT, "dir"));
    E(ISDIR, try_open(ROOT, 0, "dir", 0, R_READ | R_WRITE, 0));
    E(ISDIR, try_open(ROOT, 0, "dir", DIRECTORY, R_WRITE, 0));
    E(ISDIR, try_open(ROOT, 0, "dir", TRUNC, R_READ, 0));
    E(OK, try_open(ROOT, 0, ".", 0, 0, NONBLOCK));
    E(INVAL, try_open(ROOT, 0, "new", CREAT | DIRECTORY, R_READ, 0));
    E(INVAL, try_open(ROOT, 0, "file", 16, R_READ, 0));
    E(INVAL, try_open(ROOT, 0, "file", 0, R_READ, 32));
    E(INVAL, try_open(ROOT, 2, "file", 0, R_READ, 0));
    E(OK, try_open(VIEW, 0, "f", 0, R_READ, 0));
    E(ROFS, try_open(VIEW, 0, "f", 0, R_WRITE, 0));
    E(ROFS, try_open(VIEW, 0, "f", TRUNC, R_READ, 0));
    E(ROFS, create_(VIEW, "new"));
    WITHOUT(NOTCAPABLE, dir_without, R_OPEN, open_(fd, "file"));
    WITHOUT(NOTCAPABLE, dir_without, R_CREATE_FILE, create_(fd, "new"));
    WITHOUT(NOTCAPABLE, dir_without, R_PATH_SIZE, try_open(fd, 0, "file", TRUNC, R_WRITE, 0));

    // Descriptors are limited; nothing is created for one that there is no number for.
    uint32_t opened, last = 0, count = 0;
    int result;
    while (!(result = raw_path_open(ROOT, 0, PATH("file"), 0, R_READ, 0, 0, AT(&opened)))) last = opened, count++;
    E(MFILE, result);
    E(1, count > 10);
    E(MFILE, create_(ROOT, "new"));
    E(NOENT, stat_(ROOT, "new"));
    for (; count; count--) raw_fd_close(last--);

    E(OK, raw_fd_close(file));
    static const char *const names[] = {"loop", "up", "link", "dirlink", "dangling", "file", "hard"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) E(OK, unlink_(ROOT, names[i]));
    E(OK, rmdir_(ROOT, "dir"));
}

static uint8_t subscriptions[3][48], events[3][32];

NOINLINE void subscribe(int at, uint8_t kind, uint32_t id, uint64_t timeout, uint8_t flags) {
    memset(subscriptions[at], 0, 48);
    subscriptions[at][0] = (uint8_t)(0x40 + at);
    subscriptions[at][8] = kind;
    memcpy(&subscriptions[at][16], &id, 4);
    memcpy(&subscriptions[at][24], &timeout, 8);
    subscriptions[at][40] = flags;
}

NOINLINE int poll(uint32_t count) { return raw_poll_oneoff(AT(subscriptions), AT(events), count, AT(&word)); }

// The event's errno if there is exactly one, about the subscription; else -1.
NOINLINE int event_of(int at) {
    int result = poll((uint32_t)at + 1);
    if (result) return 1000 + result;
    return word == 1 && events[0][0] == 0x40 + at ? events[0][8] | events[0][9] << 8 : -1;
}

static void polling_and_sockets(void) {
    E(INVAL, poll(0));
    subscribe(0, 9, 0, 0, 0);
    E(INVAL, poll(1));
    subscribe(0, 0, 1, 1000, 0);
    E(OK, event_of(0));
    subscribe(0, 0, 1, 1, 1);
    E(OK, event_of(0));
    subscribe(0, 0, 0, 1, 1);
    E(OK, event_of(0));
    subscribe(0, 0, 7, 1, 0);
    E(INVAL, event_of(0));
    subscribe(0, 0, 2, 1, 0);
    E(NOTSUP, event_of(0));
    subscribe(0, 0, 3, 1, 0);
    E(NOTSUP, event_of(0));
    subscribe(0, 0, 1, 1, 2);
    E(INVAL, event_of(0));
    subscribe(0, 1, NONE, 0, 0);
    E(BADF, event_of(0));
    subscribe(0, 2, 0, 0, 0);
    E(BADF, event_of(0));
    // A distant clock and what is ready at once.
    subscribe(0, 0, 1, 1ull << 62, 0);
    subscribe(1, 1, ROOT, 0, 0);
    E(OK, event_of(1));
    subscribe(1, 2, 1, 0, 0);
    E(OK, event_of(1));

    E(BADF, raw_sock_accept(NONE, 0, AT(&word)));
    E(NOTSOCK, raw_sock_accept(1, 0, AT(&word)));
    E(NOTSOCK, raw_sock_accept(ROOT, 0, AT(&word)));
    E(BADF, raw_sock_recv(NONE, AT(&iov), 1, 0, AT(&words[0]), AT(&words[1])));
    E(NOTSOCK, raw_sock_recv(0, AT(&iov), 1, 0, AT(&words[0]), AT(&words[1])));
    E(BADF, raw_sock_send(NONE, AT(&iov), 1, 0, AT(&word)));
    E(NOTSOCK, raw_sock_send(1, AT(&iov), 1, 0, AT(&word)));
    E(BADF, raw_sock_shutdown(NONE, 1));
    E(NOTSOCK, raw_sock_shutdown(1, 1));
}

int main(void) {
    arguments_and_clocks();
    descriptors();
    paths();
    polling_and_sockets();
    return finish();
}
