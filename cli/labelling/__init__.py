"""What people say of pairs, in files; what comes in goes through `analyzer.labels_in`.

1. `rubrics`    by what measure a label was given, as an option says it
2. `sheet`      pairs -> a blind sheet to fill in
3. `exporting`  labels and sheets into a file
"""
