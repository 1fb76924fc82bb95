"""The configuration: what a user may write, and what is wrong with it.

1. `scalars`  durations, sizes and shares as people write them
2. `model`    every setting, once, with its default, bounds and description
3. `source`   YAML text with `${...}` references -> plain values that remember file and line
4. `load`     file -> validated `Config`, or every fault at once
5. `experiment`  what is compared, and the id that stands for it
6. `wire`     the configuration between processes of ours
"""
