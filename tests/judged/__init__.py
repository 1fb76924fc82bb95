"""What real judges and real people said, through the whole of judging: store, worker, HTTP, verdicts, report.

1. `recordings`  annotations, outputs and labels, read where SHADOWBENCH_SHARED points; absent: skipped with a message
2. `asked`       requests of a store whose drawn order is the recorded one
3. `answering`   an upstream that knows a call by the texts that it shows, and answers what was recorded
4. `alpaca`      AlpacaEval's annotators as judges; `people`: LLMBar's and PandaLM's pairs, judges and labels
5. `judging`     the worker in its own process until everything is judged
6. `reported`    what the report says of it
7. `test_published`, `test_length`, `test_people`   against what was published, and what a direct computation gives
8. `hostile`     pairs of every awkward kind and judge models that misbehave, for `test_hostile`
9. `test_drawn`, `test_material`, `test_two`, `test_rejudge`   the draw, a prompt's borders, processes side by side

`python -m bench.judge --recorded` asks about all recorded models whose texts are here.
"""
