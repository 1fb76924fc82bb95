"""Forms of a study. Nothing is computed here, so all forms say the same.

1. `json_form`      for programs (schema_version 1); `json_integrity`, `json_quality` and `json_values` are parts of it,
                   `json_schema` describes it
2. `table_form`     for a terminal: `metrics_form` has the table of a candidate, `segments_form` what a search found
3. `markdown_form`  for the comment of a pull request: texts of others are text there and nothing else
4. `junit_form`     for CI systems
5. `integrity_form` and `control_form`  sentences about the sample, for all of these; `quality_form` about judges
6. `audit_form`, `agreement_form`  an audit, and how far judges agree with people, as a table and as JSON
7. `selection`, `words`  what people are shown, in which order, and how it reads
8. `fitting`, `printable`  what a terminal has room for, and what must not steer it
"""
