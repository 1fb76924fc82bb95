"""Forms of a study. Nothing is computed here, so all forms say the same.

1. `json_form`   for programs (schema_version 1)
2. `table_form`  for people: `metrics_form` has the table of a candidate, `control_form` the control's sentence
3. `audit_form`  an audit, for both
4. `words`       how values and verdicts read; `fitting`: which form a terminal has room for
"""
