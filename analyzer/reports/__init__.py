"""Reports that are written by themselves, and the shelf on which they stand.

1. `schedule`  when the next one is due, and about which window
2. `shelf`     files of a directory: writing, listing, making room
3. `index`     the page of a shelf: past reports, and how verdicts moved
4. `press`     a study of the due window onto the shelf, again and again
"""
