// Reads a directory through buffers of many sizes: every entry exactly once, cookies that can be gone back to.
// Descriptor 3 has to be an empty preopened directory.
#include "check.h"

#define DIR_FD 3
#define FILES 130

static int seen[FILES], dots, others;
static __wasi_dircookie_t cookies[FILES + 2];

// Reads the whole directory with this buffer size; returns the number of entries, or the negated error.
static int read_all(__wasi_size_t size, __wasi_dircookie_t cookie, int limit) {
    static uint8_t buffer[8192];
    int entries = 0;
    memset(seen, 0, sizeof seen);
    dots = others = 0;
    for (;;) {
        __wasi_size_t used;
        int result = __wasi_fd_readdir(DIR_FD, buffer, size, cookie, &used);
        if (result) return -result;
        if (used > size) return -1000;
        __wasi_size_t at = 0;
        int whole = 0;
        while (at + sizeof(__wasi_dirent_t) <= used) {
            __wasi_dirent_t entry;
            memcpy(&entry, buffer + at, sizeof entry);
            if (at + sizeof entry + entry.d_namlen > used) break;
            const char *name = (const char *)buffer + at + sizeof entry;
            int number;
            char text[32] = {0};
            memcpy(text, name, entry.d_namlen < 31 ? entry.d_namlen : 31);
            if (!strcmp(text, ".") || !strcmp(text, "..")) dots++;
            else if (sscanf(text, "entry-%d-", &number) == 1 && number >= 0 && number < FILES && entry.d_type == (number % 10 ? __WASI_FILETYPE_REGULAR_FILE : __WASI_FILETYPE_DIRECTORY)) seen[number]++;
            else others++;
            at += sizeof entry + entry.d_namlen;
            cookie = entry.d_next;
            if (entries < FILES + 2) cookies[entries] = cookie;
            whole++;
            if (++entries == limit) return entries;
        }
        if (used < size) return entries; // the end of the directory
        if (!whole) return -1001;        // the buffer does not hold one entry
    }
}

static int all_seen(void) {
    for (int i = 0; i < FILES; i++)
        if (seen[i] != 1) return 0;
    return dots == 2 && others == 0;
}

int main(void) {
    char name[40];
    for (int i = 0; i < FILES; i++) {
        __wasi_fd_t fd;
        // Names of different lengths.
        snprintf(name, sizeof name, "entry-%d-%.*s", i, i % 13, "abcdefghijklm");
        int result = i % 10 ? __wasi_path_open(DIR_FD, 0, name, __WASI_OFLAGS_CREAT, __WASI_RIGHTS_FD_WRITE, 0, 0, &fd) : __wasi_path_create_directory(DIR_FD, name);
        if (result) EQUAL(name, result, 0);
        else if (i % 10) __wasi_fd_close(fd);
    }
    static const __wasi_size_t sizes[] = {8192, 4096, 1000, 256, 100, 64};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(name, sizeof name, "buffer of %u", (unsigned)sizes[i]);
        EQUAL(name, read_all(sizes[i], 0, -1), FILES + 2);
        CHECK("  each once", all_seen());
    }
    EQUAL("a buffer for no entry", read_all(10, 0, -1), -1001);
    read_all(8192, 0, -1);
    EQUAL("from the cookie of the tenth entry", read_all(512, cookies[9], -1), FILES + 2 - 10);
    EQUAL("only five", read_all(512, 0, 5), 5);
    EQUAL("once more from the start", read_all(512, 0, -1), FILES + 2);
    CHECK("  each once", all_seen());
    __wasi_size_t used;
    EQUAL("a file is no directory", __wasi_fd_readdir(1, (uint8_t *)name, sizeof name, 0, &used) != 0, 1);
    EQUAL("bad descriptor", __wasi_fd_readdir(77, (uint8_t *)name, sizeof name, 0, &used), __WASI_ERRNO_BADF);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "entry-%d-%.*s", i, i % 13, "abcdefghijklm");
        int result = i % 10 ? __wasi_path_unlink_file(DIR_FD, name) : __wasi_path_remove_directory(DIR_FD, name);
        if (result) EQUAL(name, result, 0);
    }
    EQUAL("empty", read_all(4096, 0, -1), 2);
    return finish();
}
