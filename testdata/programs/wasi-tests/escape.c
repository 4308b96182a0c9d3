// Tries to leave the preopened directory (fd 3): "..", absolute paths, symbolic links, renames and links through them.
// Nothing outside may be read, made or changed. The directory has to be empty at the start, and is at the end.
#include "check.h"

#define DIR_FD 3
static const char secret[] = "../outside";

static int open_path(const char *path, __wasi_lookupflags_t follow, __wasi_oflags_t how) {
    __wasi_fd_t fd;
    int result = __wasi_path_open(DIR_FD, follow, path, how, __WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE, 0, 0, &fd);
    if (!result) __wasi_fd_close(fd);
    return result;
}

static int make_link(const char *target, const char *path) { return __wasi_path_symlink(target, DIR_FD, path); }

int main(void) {
    const __wasi_lookupflags_t follow = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW;
    __wasi_filestat_t stat;
    uint8_t buffer[64];
    __wasi_size_t length;

    refused("open ..", open_path("..", follow, 0));
    refused("open ../outside", open_path(secret, follow, 0));
    refused("create ../outside", open_path(secret, follow, __WASI_OFLAGS_CREAT));
    refused("open ../../../../etc/passwd", open_path("../../../../etc/passwd", follow, 0));
    refused("open /etc/passwd", open_path("/etc/passwd", follow, 0));
    refused("stat ..", __wasi_path_filestat_get(DIR_FD, follow, "..", &stat));
    refused("mkdir ../made", __wasi_path_create_directory(DIR_FD, "../made"));
    refused("rmdir ..", __wasi_path_remove_directory(DIR_FD, "../outside"));
    refused("unlink ../outside", __wasi_path_unlink_file(DIR_FD, secret));
    refused("symlink at ../made", make_link("x", "../made"));
    refused("readlink ../outside", __wasi_path_readlink(DIR_FD, secret, buffer, sizeof buffer, &length));

    EQUAL("mkdir d", __wasi_path_create_directory(DIR_FD, "d"), 0);
    EQUAL("mkdir d/e", __wasi_path_create_directory(DIR_FD, "d/e"), 0);
    EQUAL("create f", open_path("f", follow, __WASI_OFLAGS_CREAT), 0);
    EQUAL("open d/../f stays inside", open_path("d/../f", follow, 0), 0);
    EQUAL("open d/e/../../f stays inside", open_path("d/e/../../f", follow, 0), 0);
    refused("open d/../../outside", open_path("d/../../outside", follow, 0));
    EQUAL("open through what is not there", open_path("no/../f", follow, 0), __WASI_ERRNO_NOENT);
    EQUAL("open below a file", open_path("f/../f", follow, 0), __WASI_ERRNO_NOTDIR);

    EQUAL("symlink up -> ..", make_link("..", "up"), 0);
    EQUAL("symlink out -> ../outside", make_link(secret, "out"), 0);
    EQUAL("symlink d/up2 -> ../..", make_link("../..", "d/up2"), 0);
    EQUAL("symlink in -> d/../f", make_link("d/../f", "in"), 0);
    EQUAL("symlink a -> b", make_link("b", "a"), 0);
    EQUAL("symlink b -> a", make_link("a", "b"), 0);
    EQUAL("open in", open_path("in", follow, 0), 0);
    EQUAL("open in without following", open_path("in", 0, 0), __WASI_ERRNO_LOOP);
    EQUAL("open a", open_path("a", follow, 0), __WASI_ERRNO_LOOP);
    refused("open out", open_path("out", follow, 0));
    refused("create through out", open_path("out", follow, __WASI_OFLAGS_CREAT));
    refused("truncate through out", open_path("out", follow, __WASI_OFLAGS_TRUNC));
    refused("open up/outside", open_path("up/outside", follow, 0));
    refused("create up/made", open_path("up/made", follow, __WASI_OFLAGS_CREAT));
    refused("create d/up2/made", open_path("d/up2/made", follow, __WASI_OFLAGS_CREAT));
    refused("stat up/outside", __wasi_path_filestat_get(DIR_FD, 0, "up/outside", &stat));
    refused("stat out, following", __wasi_path_filestat_get(DIR_FD, follow, "out", &stat));
    EQUAL("stat out, not following", __wasi_path_filestat_get(DIR_FD, 0, "out", &stat), 0);
    EQUAL("it is a link", stat.filetype, __WASI_FILETYPE_SYMBOLIC_LINK);
    refused("set times through out", __wasi_path_filestat_set_times(DIR_FD, follow, "out", 1, 1, __WASI_FSTFLAGS_MTIM));
    refused("mkdir up/made", __wasi_path_create_directory(DIR_FD, "up/made"));
    refused("rmdir up/made", __wasi_path_remove_directory(DIR_FD, "up/made"));
    refused("unlink up/outside", __wasi_path_unlink_file(DIR_FD, "up/outside"));
    refused("symlink at up/made", make_link("x", "up/made"));
    refused("rename f to up/made", __wasi_path_rename(DIR_FD, "f", DIR_FD, "up/made"));
    refused("rename up/outside to g", __wasi_path_rename(DIR_FD, "up/outside", DIR_FD, "g"));
    refused("link f at up/made", __wasi_path_link(DIR_FD, 0, "f", DIR_FD, "up/made"));
    refused("link up/outside at g", __wasi_path_link(DIR_FD, 0, "up/outside", DIR_FD, "g"));
    refused("readlink up/outside", __wasi_path_readlink(DIR_FD, "up/outside", buffer, sizeof buffer, &length));
    CHECK("an absolute link is refused, or leads nowhere", make_link("/etc/passwd", "absolute") != 0 || open_path("absolute", follow, 0) != 0);
    __wasi_path_unlink_file(DIR_FD, "absolute");

    static const char *const files[] = {"up", "out", "d/up2", "in", "a", "b", "f"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) EQUAL(files[i], __wasi_path_unlink_file(DIR_FD, files[i]), 0);
    EQUAL("rmdir d/e", __wasi_path_remove_directory(DIR_FD, "d/e"), 0);
    EQUAL("rmdir d", __wasi_path_remove_directory(DIR_FD, "d"), 0);
    return finish();
}
