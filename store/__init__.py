"""ClickHouse: your server, or the embedded engine served on loopback.

1. `tables`     each column once: name, type, codec, meaning
2. `migrations` numbered SQL, applied forward only by `migrate`
3. `endpoint`   one process owns a directory and serves the embedded engine over the ClickHouse HTTP protocol
4. `locate`     finds the server of a configuration, or the embedded owner, or has `spawn` start one
   `cluster`    the same statements for a cluster; `retention` how long texts stay
5. `writer`     rows with a deduplication token; `redaction` what is taken out of texts before
6. `reader`     runs questions; those of the analyzer: `comparison`, `experiments`, `weighed`, `conduct`, `surroundings`
   `parts`      which pairs a question is about; `browsing` single pairs
7. `erase`      takes requests out again; `mutations` deletes their rows for good
8. `notices`    what webhooks were told
9. `errors`     what can go wrong, as one line each
"""
