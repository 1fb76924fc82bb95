"""The JSON API under `/api/v1`: what pages show, for programs; feedback and labels in. The way of a call:

1. `operations`  what there is: path, what is asked (`asked`, `bodies`), what is told (`told`, `facts_told`); `shapes`:
                what their models share
2. `routes`      which part answers which operation
3. `border`      from an HTTP request to checked values, and from an answer, or what went wrong, to JSON
4. `comparisons` the study of a window, as report, `watch` and pages have it
5. `pairs`       lists of pairs, and all that is kept of one
6. `facts`       metrics, states, reports, configuration, experiments, decisions
7. `feedback`    what users say of answers; `together` stores what many say at once; `labels` batches of labels
8. `openapi`     the document that describes all of it, made from `operations`
"""
