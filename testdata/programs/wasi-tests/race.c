// Resolves paths through `swap` while somebody else replaces it again and again, by a directory inside descriptor 3
// and by a link to one outside. The file inside says `inside`; nothing else may be read, and what is made is made
// inside. Argument 1 is how often. Prints how often it got through.
#include "check_raw.h"
#include <stdlib.h>
#include <string.h>

enum { ROOT = 3 };

int main(int argc, char **argv) {
    static uint8_t buffer[64], stat[64];
    static const char path[] = "swap/file", made[] = "swap/made", sub[] = "swap/sub";
    unsigned through = 0, rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    uint32_t fd, length;
    for (unsigned i = 0; i < rounds; i++) {
        if (!raw_path_open(ROOT, i & 1, PATH(path), 0, R_READ | R_STAT, 0, 0, AT(&fd))) {
            struct { uint32_t at, len; } iov = {AT(buffer), sizeof buffer};
            E(OK, raw_fd_read(fd, AT(&iov), 1, AT(&length)));
            E(1, length == 6 && !memcmp(buffer, "inside", 6));
            raw_fd_close(fd);
            through++;
        }
        if (!raw_path_open(ROOT, FOLLOW, PATH(made), CREAT, R_WRITE, 0, 0, AT(&fd))) {
            raw_fd_close(fd);
            raw_path_unlink_file(ROOT, PATH(made));
        }
        if (!raw_path_create_directory(ROOT, PATH(sub))) raw_path_remove_directory(ROOT, PATH(sub));
        if (!raw_path_open(ROOT, FOLLOW, PATH("swap"), DIRECTORY, R_DIR, R_ALL, 0, AT(&fd))) {
            E(1, raw_path_filestat_get(fd, 0, PATH("secret"), AT(stat)) != OK);
            raw_fd_close(fd);
        }
        raw_path_filestat_set_times(ROOT, FOLLOW, PATH(path), 1, 1, 1 | 4);
        raw_path_rename(ROOT, PATH("ball"), ROOT, PATH("swap/ball"));
        raw_path_rename(ROOT, PATH("swap/ball"), ROOT, PATH("ball"));
        raw_path_link(ROOT, 0, PATH(path), ROOT, PATH("linked"));
        raw_path_unlink_file(ROOT, PATH("linked"));
        raw_path_symlink(PATH("x"), ROOT, PATH("swap/own"));
        raw_path_unlink_file(ROOT, PATH("swap/own"));
    }
    printf("%u of %u\n", through, rounds);
    return finish();
}
