"""Steps of the schema: `NNNN_name.sql`, applied in order, once, and never edited after a release.

Statements name the database as `{database:Identifier}`, can be repeated (`IF NOT EXISTS`), and end with a semicolon at
the end of a line.
"""
