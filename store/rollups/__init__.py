"""Sums over pairs that are kept up to date by views, so that a look at 30 days reads thousands of rows, not millions.

1. `measures`   which pairs count for a metric, and the whole numbers that each arm gives
2. `vectors`    what is added up of a measure: places in vectors of whole numbers
3. `tables`     the rollup tables: by what they group, and which vectors they keep
4. `steps`      definitions that name each other, as SELECTs inside each other
5. `statements` tables and views, and the same sums over chosen rows with either sign
6. `reading`    sums, labels and histograms of a window
7. `direct`     the same from the pairs themselves
8. `thresholds` pairs at or below a time; `restricted` what means up to a cap add to the sums
9. `layout`     which of these answer for a window; `grid` the steps of time that blocks are added up to

Migrations hold what `statements` makes; a test compares both.
"""
