// Creates, writes, seeks, reads, renames, stats, lists and removes files and directories below one preopened
// directory (the first argument, "/" if there is none), and prints a transcript that is the same everywhere.
// The directory has to be empty at the start, and is empty again at the end.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char root[256];

// A path below the preopened directory; four may be in use at a time.
static const char *at(const char *name) {
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ & 3];
    snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static const char *error_name(int error) {
    switch (error) {
    case 0: return "ok";
    case EBADF: return "EBADF";
    case EEXIST: return "EEXIST";
    case EINVAL: return "EINVAL";
    case EISDIR: return "EISDIR";
    case ELOOP: return "ELOOP";
    case ENOENT: return "ENOENT";
    case ENOTDIR: return "ENOTDIR";
    case ENOTEMPTY: return "ENOTEMPTY";
    case EPERM: case ENOTCAPABLE: return "refused";
    default: return strerror(error);
    }
}

// Prints what was done and how it ended.
static int report(const char *what, int result) {
    printf("%s: %s\n", what, result < 0 ? error_name(errno) : "ok");
    return result;
}

static void show_stat(const char *name) {
    struct stat s;
    if (lstat(at(name), &s) < 0) {
        printf("stat %s: %s\n", name, error_name(errno));
        return;
    }
    const char *kind = S_ISDIR(s.st_mode) ? "directory" : S_ISREG(s.st_mode) ? "file" : S_ISLNK(s.st_mode) ? "link" : "?";
    if (S_ISREG(s.st_mode)) printf("stat %s: %s of %lld bytes\n", name, kind, (long long)s.st_size);
    else printf("stat %s: %s\n", name, kind);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *name) {
    char *names[300];
    int count = 0;
    DIR *directory = opendir(at(name));
    if (!directory) {
        printf("list %s: %s\n", name, error_name(errno));
        return;
    }
    for (struct dirent *entry; count < 300 && (entry = readdir(directory));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
            names[count] = malloc(strlen(entry->d_name) + 3);
            sprintf(names[count++], "%s%s", entry->d_name, entry->d_type == DT_DIR ? "/" : entry->d_type == DT_LNK ? "@" : "");
        }
    closedir(directory);
    qsort(names, (size_t)count, sizeof names[0], by_name);
    printf("list %s: %d entries:", name, count);
    for (int i = 0; i < count; i++) {
        if (i < 4 || i >= count - 2) printf(" %s", names[i]);
        else if (i == 4) printf(" ...");
        free(names[i]);
    }
    printf("\n");
}

static void show_file(const char *name) {
    char buffer[128];
    int fd = open(at(name), O_RDONLY);
    if (fd < 0) {
        printf("read %s: %s\n", name, error_name(errno));
        return;
    }
    ssize_t count = read(fd, buffer, sizeof buffer);
    close(fd);
    printf("read %s: %zd bytes \"", name, count);
    for (ssize_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)buffer[i];
        if (c == '\n') printf("\\n");
        else if (c < ' ' || c > '~') printf("\\x%02x", c);
        else putchar(c);
    }
    printf("\"\n");
}

// Repeats a vectored call until all parts are done: a host may stop after any of them.
static ssize_t vectored(ssize_t (*call)(int, const struct iovec *, int), int fd, struct iovec *parts, int count) {
    ssize_t total = 0;
    for (int i = 0; i < count;) {
        if (!parts[i].iov_len) {
            i++;
            continue;
        }
        ssize_t done = call(fd, parts + i, count - i);
        if (done <= 0) return done < 0 ? done : total;
        total += done;
        while (done) {
            size_t step = (size_t)done < parts[i].iov_len ? (size_t)done : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + step;
            parts[i].iov_len -= step;
            done -= (ssize_t)step;
            if (!parts[i].iov_len) i++;
        }
    }
    return total;
}

static void writing_and_seeking(void) {
    int fd = report("open a.txt, exclusively", open(at("a.txt"), O_CREAT | O_EXCL | O_RDWR, 0644));
    printf("write: %zd\n", write(fd, "Hello, file system!\n", 20));
    printf("seek to 7: %lld\n", (long long)lseek(fd, 7, SEEK_SET));
    printf("write: %zd\n", write(fd, "FILE", 4));
    printf("seek back 4: %lld\n", (long long)lseek(fd, -4, SEEK_CUR));
    char four[5] = {0};
    printf("read 4: %zd \"%s\"\n", read(fd, four, 4), four);
    printf("seek past the end: %lld\n", (long long)lseek(fd, 4, SEEK_END));
    printf("write: %zd\n", write(fd, "!", 1));
    report("seek before the start", lseek(fd, -1, SEEK_SET) < 0 ? -1 : 0);
    struct stat s;
    report("fstat", fstat(fd, &s));
    printf("size: %lld\n", (long long)s.st_size);
    report("truncate to 12", ftruncate(fd, 12));
    char one[3] = {0}, two[8] = {0};
    printf("pwrite at 0: %zd\n", pwrite(fd, "J", 1, 0));
    printf("pread at 7: %zd", pread(fd, two, 7, 7));
    printf(" \"%s\"\n", two);
    lseek(fd, 0, SEEK_SET);
    memset(two, 0, sizeof two);
    printf("readv: %zd", vectored(readv, fd, (struct iovec[2]){{one, 2}, {two, 5}}, 2));
    printf(" \"%s\" \"%s\"\n", one, two);
    printf("writev: %zd\n", vectored(writev, fd, (struct iovec[3]){{"x", 1}, {"", 0}, {"yz", 2}}, 3));
    printf("position: %lld\n", (long long)lseek(fd, 0, SEEK_CUR));
    report("sync", fsync(fd));
    report("close", close(fd));
    report("close again", close(fd));
    show_file("a.txt");
    show_stat("a.txt");
    fd = report("open a.txt for appending", open(at("a.txt"), O_WRONLY | O_APPEND));
    lseek(fd, 0, SEEK_SET);
    printf("write: %zd\n", write(fd, "+end", 4));
    report("read from a file open for writing", (int)read(fd, four, 4));
    close(fd);
    show_file("a.txt");
    report("open a.txt, exclusively", open(at("a.txt"), O_CREAT | O_EXCL | O_RDWR, 0644));
    report("open what is not there", open(at("nothing"), O_RDONLY));
    report("open below a file", open(at("a.txt/b"), O_RDONLY));
    report("open a file as a directory", open(at("a.txt"), O_RDONLY | O_DIRECTORY));
    report("open a path that leaves the directory", open(at("../outside"), O_RDONLY));
    fd = open(at("a.txt"), O_RDWR | O_TRUNC);
    close(fd);
    show_stat("a.txt");
}

static void directories(void) {
    report("mkdir d", mkdir(at("d"), 0755));
    report("mkdir d again", mkdir(at("d"), 0755));
    report("mkdir without a parent", mkdir(at("no/such"), 0755));
    report("mkdir d/e", mkdir(at("d/e"), 0755));
    show_stat("d");
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/file-%03d.txt", i);
        FILE *file = fopen(at(name), "w");
        if (!file) {
            printf("create %s: %s\n", name, error_name(errno));
            break;
        }
        fprintf(file, "%d\n", i * i);
        fclose(file);
    }
    list("");
    list("d");
    list("d/e");
    show_file("d/file-123.txt");
    report("open d for writing", open(at("d"), O_WRONLY));
    report("rename d/file-007.txt to d/e/seven", rename(at("d/file-007.txt"), at("d/e/seven")));
    report("rename it once more", rename(at("d/file-007.txt"), at("d/e/seven")));
    report("rename over a file", rename(at("d/file-008.txt"), at("d/e/seven")));
    show_file("d/e/seven");
    report("rename a directory", rename(at("d/e"), at("f")));
    report("rename a directory into itself", rename(at("d"), at("d/inside")));
    list("f");
    report("hard link", link(at("f/seven"), at("d/same")));
    report("unlink one name", unlink(at("f/seven")));
    show_file("d/same");
    report("symlink", symlink("same", at("d/soft")));
    show_stat("d/soft");
    char target[16] = {0};
    printf("readlink: %zd", readlink(at("d/soft"), target, sizeof target - 1));
    printf(" \"%s\"\n", target);
    show_file("d/soft");
    report("symlink that leaves the directory", symlink("../../outside", at("d/escape")));
    report("open through it", open(at("d/escape"), O_RDONLY));
    report("symlink to itself", symlink("circle", at("d/circle")));
    report("open it", open(at("d/circle"), O_RDONLY));
}

static void removing(void) {
    report("rmdir d", rmdir(at("d")));
    report("rmdir a file", rmdir(at("a.txt")));
    report("unlink what is not there", unlink(at("nothing")));
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/file-%03d.txt", i);
        if (unlink(at(name)) < 0) printf("unlink %s: %s\n", name, error_name(errno));
    }
    list("d");
    report("unlink", unlink(at("d/same")));
    show_file("d/soft");
    report("unlink the links", unlink(at("d/soft")) | unlink(at("d/escape")) | unlink(at("d/circle")));
    report("rmdir d", rmdir(at("d")));
    report("rmdir f", rmdir(at("f")));
    int fd = open(at("a.txt"), O_RDWR);
    report("unlink a.txt while it is open", unlink(at("a.txt")));
    printf("write to it: %zd\n", write(fd, "gone", 4));
    close(fd);
    list("");
}

int main(int argc, char **argv) {
    snprintf(root, sizeof root, "%s", argc > 1 ? argv[1] : "");
    if (!strcmp(root, "/")) root[0] = 0;
    writing_and_seeking();
    directories();
    removing();
    return 0;
}
