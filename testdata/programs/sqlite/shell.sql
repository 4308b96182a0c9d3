-- Read by the SQLite program with --shell: a few statements, the last of them wrong.
CREATE TABLE t(a INTEGER, b TEXT);
INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, NULL);
SELECT a, b, typeof(b) FROM t ORDER BY a DESC;
SELECT sum(a), group_concat(b, '+') FROM t;
SELECT * FROM missing;
