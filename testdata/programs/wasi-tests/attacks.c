// Tries to get out of descriptor 3, a directory that its owner has filled with links that lead out of it:
//   absolute, absolute-file    to the directory outside, argument 1, and its file `secret`
//   relative, relative-file    to ../outside and ../outside/secret
//   up, dot-up                 to .. and ./..
//   first, second              first -> second -> absolute
//   dir/deep                   to ../../outside
//   self                       to .
//   proc, descriptors          to /proc/self/root and /proc/self/fd
// Every attempt has to fail. What the guest reads is compared with the secret, argument 2; whether anything outside
// changed is for the caller to see.
#include "check_raw.h"
#include <string.h>

enum { ROOT = 3 };

static uint32_t attempts;
static uint32_t word;
static uint8_t buffer[4096], stat[64];
static const char *secret;

NOINLINE void fails(const char *what, const char *path, int result) {
    attempts++;
    if (result) return;
    failures++;
    printf("escaped: %s %s\n", what, path);
}

NOINLINE int open_with(uint32_t follow, const char *path, uint32_t how, uint64_t rights, uint32_t flags) {
    uint32_t fd;
    int result = raw_path_open(ROOT, follow, TEXT(path), how, rights, R_ALL, flags, AT(&fd));
    if (result) return result;
    struct { uint32_t at, len; } iov = {AT(buffer), sizeof buffer - 1};
    if (!raw_fd_read(fd, AT(&iov), 1, AT(&word))) {
        buffer[word] = 0;
        if (strstr((char *)buffer, secret)) printf("read the secret through %s\n", path), failures++;
    }
    if (!raw_fd_readdir(fd, AT(buffer), sizeof buffer, 0, AT(&word)) && memmem(buffer, word, "secret", 6)) {
        printf("listed the directory outside through %s\n", path), failures++;
    }
    raw_fd_close(fd);
    return 0;
}

// What follows the last component.
NOINLINE void following(const char *path) {
    fails("open", path, open_with(FOLLOW, path, 0, R_READ, 0));
    fails("open to write", path, open_with(FOLLOW, path, 0, R_WRITE, 0));
    fails("open to append", path, open_with(FOLLOW, path, 0, R_WRITE, APPEND));
    fails("create", path, open_with(FOLLOW, path, CREAT, R_WRITE, 0));
    fails("create new", path, open_with(FOLLOW, path, CREAT | EXCL, R_WRITE, 0));
    fails("truncate", path, open_with(FOLLOW, path, TRUNC, R_WRITE, 0));
    fails("open as directory", path, open_with(FOLLOW, path, DIRECTORY, R_DIR, 0));
    fails("open without rights", path, open_with(FOLLOW, path, 0, 0, 0));
    fails("stat", path, raw_path_filestat_get(ROOT, FOLLOW, TEXT(path), AT(stat)));
    fails("set times", path, raw_path_filestat_set_times(ROOT, FOLLOW, TEXT(path), 1, 2, 1 | 4));
    fails("make a directory", path, raw_path_create_directory(ROOT, TEXT(path)));
    fails("remove a directory", path, raw_path_remove_directory(ROOT, TEXT(path)));
}

// What acts on the last component itself: an escape only if what is before it leads out.
NOINLINE void acting(const char *path) {
    fails("open, not following", path, open_with(0, path, 0, R_READ, 0));
    fails("stat, not following", path, raw_path_filestat_get(ROOT, 0, TEXT(path), AT(stat)));
    fails("set times, not following", path, raw_path_filestat_set_times(ROOT, 0, TEXT(path), 1, 2, 1 | 4));
    fails("read a link", path, raw_path_readlink(ROOT, TEXT(path), AT(buffer), sizeof buffer, AT(&word)));
    fails("unlink", path, raw_path_unlink_file(ROOT, TEXT(path)));
    fails("make a link", path, raw_path_symlink(PATH("x"), ROOT, TEXT(path)));
    fails("hard link to", path, raw_path_link(ROOT, 0, TEXT(path), ROOT, PATH("stolen")));
    fails("hard link at", path, raw_path_link(ROOT, 0, PATH("inside"), ROOT, TEXT(path)));
    fails("rename from", path, raw_path_rename(ROOT, TEXT(path), ROOT, PATH("stolen")));
    fails("rename to", path, raw_path_rename(ROOT, PATH("inside"), ROOT, TEXT(path)));
}

int main(int argc, char **argv) {
    if (argc < 3) return 3;
    const char *outside = argv[1];
    secret = argv[2];
    // The way there leads out.
    static const char *const through[] = {
        "../outside/secret", "../outside/made", "./../outside/secret", ".//..//outside//secret", "dir/../../outside/secret",
        "dir/./.././../outside/made", "absolute/secret", "absolute/made", "relative/secret", "relative/made",
        "relative/./secret", "relative/../outside/secret", "up/outside/secret", "up/outside/made", "dot-up/outside/secret",
        "first/secret", "first/made", "second/made", "dir/deep/secret", "dir/deep/made", "dir/../relative/secret",
        "self/self/up/outside/secret", "self/relative/made", "self/../outside/secret", "proc/etc/hostname",
        "descriptors/0", "absolute/../outside/secret", "dir/deep/../outside/made", "../root/../outside/secret",
        "absolute/secret/", "relative/made/", "up/outside/",
    };
    for (unsigned i = 0; i < sizeof through / sizeof *through; i++) {
        following(through[i]);
        acting(through[i]);
    }
    // The last component leads out.
    static const char *const last[] = {
        "absolute", "absolute-file", "relative", "relative-file", "up", "dot-up", "first", "second", "dir/deep",
        "self/relative-file", "proc", "descriptors", "dir/../absolute-file", "self/self/self/up",
    };
    for (unsigned i = 0; i < sizeof last / sizeof *last; i++) {
        static char slashed[64];
        following(last[i]);
        snprintf(slashed, sizeof slashed, "%s/", last[i]);
        following(slashed);
        snprintf(slashed, sizeof slashed, "%s/.", last[i]);
        following(slashed);
        snprintf(slashed, sizeof slashed, "%s/..", last[i]);
        following(slashed);
    }
    // Absolute paths, and the directory above.
    static char absolute[4200];
    for (int slashes = 1; slashes < 4; slashes++) {
        snprintf(absolute, sizeof absolute, "%.*s%s/secret", slashes - 1, "//", outside);
        following(absolute);
        acting(absolute);
    }
    static const char *const above[] = {"..", "../", "../.", "dir/../..", "./..", "/", "//", "/.", "/.."};
    for (unsigned i = 0; i < sizeof above / sizeof *above; i++) {
        following(above[i]);
        acting(above[i]);
    }
    // Links that the guest makes.
    static const char *const targets[] = {"..", "../outside", "../outside/secret", "dir/../../outside/secret", "absolute/secret", "up/outside"};
    for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
        if (raw_path_symlink(TEXT(targets[i]), ROOT, PATH("own"))) continue;
        following("own");
        following("own/secret");
        acting("own/secret");
        raw_path_unlink_file(ROOT, PATH("own"));
    }
    fails("make an absolute link", outside, raw_path_symlink(TEXT(outside), ROOT, PATH("own")));
    // A directory moved below what its links were made for.
    E(OK, raw_path_create_directory(ROOT, PATH("a")));
    E(OK, raw_path_create_directory(ROOT, PATH("a/b")));
    E(OK, raw_path_symlink(PATH("../../inside"), ROOT, PATH("a/b/link")));
    E(OK, open_with(FOLLOW, "a/b/link", 0, R_READ, 0));
    E(OK, raw_path_rename(ROOT, PATH("a/b"), ROOT, PATH("b")));
    following("b/link");
    // A directory's descriptor is no way up either, nor after it was moved.
    uint32_t fd, file;
    E(OK, raw_path_open(ROOT, 0, PATH("b"), DIRECTORY, R_DIR, R_ALL, 0, AT(&fd)));
    fails("open above a descriptor", "..", raw_path_open(fd, FOLLOW, PATH(".."), 0, R_READ, 0, 0, AT(&file)));
    fails("open beside a descriptor", "../inside", raw_path_open(fd, FOLLOW, PATH("../inside"), 0, R_READ, 0, 0, AT(&file)));
    E(OK, raw_path_rename(ROOT, PATH("b"), ROOT, PATH("a/b")));
    fails("open above a moved descriptor", "../../inside", raw_path_open(fd, FOLLOW, PATH("../../inside"), 0, R_READ, 0, 0, AT(&file)));
    raw_fd_close(fd);
    E(OK, raw_path_unlink_file(ROOT, PATH("a/b/link")));
    E(OK, raw_path_remove_directory(ROOT, PATH("a/b")));
    E(OK, raw_path_remove_directory(ROOT, PATH("a")));
    printf("%u attempts\n", attempts);
    return finish();
}
