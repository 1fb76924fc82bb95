"""The demonstration: simulated providers and traffic around the real pipeline.

1. `simulation`  what a simulated model answers, drawn from a seed (pure)
2. `provider`    an OpenAI-compatible server that answers so, in a process of its own
   `verdicts`, `judge`  the same for a simulated judge: what it prefers (pure), and its server in that process
3. `schedule`    which calls arrive when, drawn from a seed (pure)
4. `traffic`     sends the schedule through the proxy
5. `setting`     the arms of the demonstration and the configuration file for them
6. `processes`   starts and ends what the demonstration needs, by process id; `place` is its folder
7. `recorded`    waits until the store holds what was sent, and until it was judged
8. `run`         the order of events, on a `screen`

Nothing here is used by the pipeline itself, and every answer says that it is simulated.
"""
