"""Blind labelling: two answers side by side, and which is better.

1. `people`  names under which people label
2. `desk`    pairs that wait for one person, and those that they put aside
3. `labels`  which pair comes next, and what was said of it, from and to the store
4. `order`   which answer a person sees first
5. `task`    a pair as a person sees it
"""
