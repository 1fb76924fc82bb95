"""Metrics of texts without a model: what an answer, or a pair of answers, is worth by itself.

1. `tokens`      a text as words, the same for all metrics
2. `declared`    what a metric of texts is, and what it gets and gives
3. `token_f1`, `rouge_l`, `embedding_similarity`, `regex_match`: the project's own; `built_in` is their list
4. `matcher`     asks a process of its own, `matching`, which patterns a text holds
5. `plugged`     metrics of other packages
6. `registry`    from the settings of judging to the metrics that are asked for
7. `scoring`     all of them on one pair
"""
