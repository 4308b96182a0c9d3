// Runs a fixed workload against SQLite and prints its results: tables, 20,000 rows, indexes, joins, aggregates,
// recursive queries, a transaction that is rolled back. The database is in memory, or in the file named by the
// first argument. With --shell, reads SQL statements from standard input instead.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sqlite3.h"

static sqlite3 *database;

static int print_row(void *unused, int count, char **values, char **names) {
    (void)unused, (void)names;
    for (int i = 0; i < count; i++) printf("%s%s", i ? "|" : "  ", values[i] ? values[i] : "NULL");
    printf("\n");
    return 0;
}

// Runs statements and prints their rows; an error ends the program unless it is expected.
static void run(const char *title, const char *sql, int may_fail) {
    char *message = NULL;
    if (title) printf("%s\n", title);
    int result = sqlite3_exec(database, sql, print_row, NULL, &message);
    if (result != SQLITE_OK) {
        printf("  error %d: %s\n", result, message ? message : "?");
        sqlite3_free(message);
        if (!may_fail) exit(1);
    }
}

static unsigned next_random(unsigned *state) {
    unsigned x = *state;
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    return *state = x;
}

static void insert_rows(int rows) {
    static const char *const cities[] = {"Aarhus", "Bergen", "Cork", "Delft", "Évora", "Faro", "Gdańsk"};
    sqlite3_stmt *insert;
    unsigned state = 20251120;
    if (sqlite3_prepare_v2(database, "INSERT INTO orders(id, city, amount, price, note) VALUES(?1, ?2, ?3, ?4, ?5)", -1, &insert, NULL)) {
        printf("prepare: %s\n", sqlite3_errmsg(database));
        exit(1);
    }
    run(NULL, "BEGIN", 0);
    for (int id = 1; id <= rows; id++) {
        char note[64];
        unsigned r = next_random(&state);
        snprintf(note, sizeof note, "order %d of lot %c%u", id, 'A' + (int)(r % 26), r % 97);
        sqlite3_bind_int(insert, 1, id);
        sqlite3_bind_text(insert, 2, cities[r % 7], -1, SQLITE_STATIC);
        sqlite3_bind_int(insert, 3, (int)(r >> 8) % 500);
        sqlite3_bind_double(insert, 4, (double)(r >> 12 & 0xfff) / 16.0);
        if (r % 11) sqlite3_bind_text(insert, 5, note, -1, SQLITE_TRANSIENT);
        else sqlite3_bind_null(insert, 5);
        if (sqlite3_step(insert) != SQLITE_DONE) {
            printf("insert: %s\n", sqlite3_errmsg(database));
            exit(1);
        }
        sqlite3_reset(insert);
    }
    run(NULL, "COMMIT", 0);
    sqlite3_finalize(insert);
}

static void workload(void) {
    run("tables", "CREATE TABLE orders(id INTEGER PRIMARY KEY, city TEXT NOT NULL, amount INTEGER, price REAL, note TEXT CHECK(length(note) < 60));"
                  "CREATE TABLE regions(city TEXT PRIMARY KEY, region TEXT) WITHOUT ROWID;"
                  "INSERT INTO regions VALUES('Aarhus','north'),('Bergen','north'),('Cork','west'),('Delft','west'),('Évora','south'),('Faro','south');", 0);
    insert_rows(20000);
    run("count", "SELECT count(*), count(note), min(id), max(id), sum(amount) FROM orders", 0);
    run("indexes", "CREATE INDEX by_city ON orders(city, amount); CREATE INDEX by_note ON orders(note) WHERE note IS NOT NULL; ANALYZE;", 0);
    run("by city", "SELECT city, count(*), sum(amount), round(avg(price), 4), max(price) FROM orders GROUP BY city ORDER BY city", 0);
    run("join", "SELECT coalesce(region, 'none'), count(*), sum(amount * price) FROM orders LEFT JOIN regions USING(city) GROUP BY 1 ORDER BY 1", 0);
    run("top five", "SELECT id, city, amount, price FROM orders ORDER BY amount * price DESC, id LIMIT 5", 0);
    run("text", "SELECT upper(substr(note, 1, 12)), length(note), hex(substr(note, -2)) FROM orders WHERE note LIKE '%lot Q9%' ORDER BY id LIMIT 4", 0);
    run("plan", "EXPLAIN QUERY PLAN SELECT id FROM orders WHERE city = 'Faro' AND amount > 400", 0);
    run("update", "UPDATE orders SET amount = amount + 1 WHERE city = 'Cork'; SELECT changes(); DELETE FROM orders WHERE id % 3 = 0; SELECT changes();", 0);
    run("rolled back", "BEGIN; DELETE FROM orders; SELECT count(*) FROM orders; ROLLBACK; SELECT count(*) FROM orders", 0);
    run("constraints", "INSERT INTO regions VALUES('Faro', 'again')", 1);
    run("window", "SELECT id, amount, rank() OVER (PARTITION BY city ORDER BY amount DESC, id), sum(amount) OVER (ORDER BY id) FROM orders WHERE id < 12", 0);
    run("recursion", "WITH RECURSIVE fib(n, a, b) AS (VALUES(0, 0, 1) UNION ALL SELECT n + 1, b, a + b FROM fib WHERE n < 80) SELECT n, a FROM fib WHERE n % 20 = 0", 0);
    run("six queens", "WITH RECURSIVE q(row, used) AS (VALUES(0, '') UNION ALL SELECT row + 1, used || c.x FROM q, (SELECT 1 x UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6) c "
                              "WHERE row < 6 AND instr(used, c.x) = 0 AND NOT EXISTS (WITH RECURSIVE k(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM k WHERE i < length(used)) "
                              "SELECT 1 FROM k WHERE abs(CAST(substr(used, i, 1) AS INTEGER) - c.x) = row + 1 - i)) SELECT used FROM q WHERE row = 6 ORDER BY used", 0);
    run("functions", "SELECT printf('%08.3f|%x|%s', 3.14159, 48879, 'x'), quote(x'c0ffee'), date('2025-11-20', '+1 month'), json_extract('{\"a\":[1,2,{\"b\":\"c\"}]}', '$.a[2].b'), 7 / 2, 7 % -3, 1e308 * 10, CAST('12abc' AS INTEGER)", 0);
    run("group", "SELECT group_concat(n, ',') FROM (SELECT amount % 10 AS n, count(*) c FROM orders GROUP BY 1 ORDER BY c DESC, n)", 0);
    run("check", "PRAGMA integrity_check; SELECT count(*), sum(id), total(price) FROM orders", 0);
}

static int shell(void) {
    static char buffer[1 << 16];
    size_t length = fread(buffer, 1, sizeof buffer - 1, stdin);
    buffer[length] = 0;
    run(NULL, buffer, 1);
    return 0;
}

int main(int argc, char **argv) {
    int interactive = argc > 1 && !strcmp(argv[1], "--shell");
    const char *name = argc > 1 && !interactive ? argv[1] : ":memory:";
    if (sqlite3_open(name, &database)) {
        printf("open %s: %s\n", name, sqlite3_errmsg(database));
        return 1;
    }
    if (interactive) return shell();
    printf("SQLite %s\n", sqlite3_libversion());
    workload();
    sqlite3_close(database);
    return 0;
}
