"""What people see, page by page.

1. `login`     the token, once
2. `overview`  what is compared, how judging and labelling stand
3. `choosing`  what can be labelled, and what a person asked for
4. `label`     two answers side by side, and which is better
5. `pairs`     single pairs: a list to filter and sort, and all of one
"""
