"""Pairs of a file, in memory: the same answers as a store's, without one.

1. `reading`     a file, row by row and checked; `places` says where a row stands that does not say it itself
2. `building`    rows into `columns`, numpy arrays of some hundred bytes a pair; names become codes (`labels`)
3. `conditions`  which pairs count, `numbers` which whole numbers they give, `statistics` what is added up under which
                 name: all as the store's views have it
4. `exact`       sums of whole numbers by group, of products and of cubes, to the last digit
5. `summing`     tables by time and by conversation bucket, totals, histograms, labels
6. `counting`    exact counts at thresholds; `describing`: experiments; `judged`: judgements, metrics of plug-ins
7. `views`       columns as rows again, for what is told row by row: conduct and surroundings
8. `source`      all of it as an `analyzer.reading.Source`; `rows` makes one of rows that are in memory anyway
"""
