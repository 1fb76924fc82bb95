"""Pairs out of a store into files, and out of files into a store. The journey of a row:

1. `layout` says which columns a file has, `kinds` and `column_kinds` what each may hold and how it is written
2. `exporting` asks the store block by block; a form (`json_form`, `csv_form`, `parquet_form`) writes it, and `target`
   sees to it that there is a whole file or none
3. `reading` opens a file of any form and checks every row; it needs no store
4. `completion` makes what a row leaves out: id, time, block
5. `importing` sends a file stretch by stretch, each under a token that the file itself determines
"""
