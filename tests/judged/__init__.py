"""What real judges and real people said, through the whole of judging: store, worker, HTTP, verdicts, report.

1. `recordings`  annotations, outputs and labels, read where SHADOWBENCH_SHARED points; absent: skipped with a message
2. `asked`       pairs of a store whose drawn order is the recorded one
3. `answering`   an upstream that knows a call by the texts that it shows, and answers what was recorded
4. `judging`     the worker in its own process until everything is judged
5. `reported`    what the report says of it
6. `test_*`      published win rates, length control, places; agreement with people; what can go wrong
"""
