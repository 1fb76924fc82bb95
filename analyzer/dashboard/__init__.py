"""Pages for people, and the JSON API for programs: the dashboard role. The way of a request:

1. `role`          serves the inherited socket until the supervisor asks for a drain
2. `app`           what is served where
3. `access`        whom it answers, what every answer says of itself, what becomes of errors
4. `session`       who has logged in
5. `pages`         what people see, page by page; `labelling`: what stands behind the blind page, `pairs`: behind the
                   browser of pairs
   `api`           the same for programs under `/api/v1`, and what they say
6. `store_thread`  the store, asked from one thread; `kept`: readings that many pages share
7. `templating`    values into `templates`, escaped; `visible`, `turns`: stored texts that do nothing
8. `static_files`  style sheets and scripts of `static`

`site` is what all pages share: configuration, store, `figures` for `/metrics`, log.
"""
