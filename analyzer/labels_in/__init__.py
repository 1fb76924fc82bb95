"""What people say of pairs, on its way into the store: from files and from programs, by the same rules.

1. `columns`    columns of a label, and what a row may not say
2. `key`        names a pair on a blind sheet, and which of its answers is called `a`
3. `rubrics`    by what measure a label was given
4. `reading`    rows -> labels, or every fault with its place (pure)
5. `importing`  labels -> rows that the store lacks
"""
