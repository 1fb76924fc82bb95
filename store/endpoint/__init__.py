"""The embedded engine, served on loopback over the ClickHouse HTTP protocol by the one process that may open it.

1. `claim`     one owner per directory: a file lock that the kernel frees at death
2. `engine`    opens chDB with limits, after `tokens` has mended what a crash left; one connection per statement
3. `server`    HTTP in, statements out: who asks, how many at once, what when a client goes away; `transfer` its bytes
4. `statement` what a text is: insert with data behind it, query with its format, or forbidden
5. `job`       one statement on its own engine connection; `incoming` the rows of an insert until all are there
6. `reading`   what the reader's password may run, decided on the engine's own parsed form; `functions` its allow-list
7. `protocol`  URL parameters, status codes, headers, error texts
8. `place`     `endpoint.json`: where the owner listens, and the two passwords of this start
9. `owner`     1 to 8 in order, and back; `role` runs it under the supervisor, `__main__` until nobody asks any more
"""
