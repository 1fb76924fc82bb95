"""What every role's process shares: the tie to its supervisor, its background tasks, its log lines.

1. `link`   messages between the supervisor and a role, over an inherited socket
2. `tasks`  background work with a name and a kept reference
3. `log`    one JSON object per line on standard error
4. `outlet` writes lines without ever making anybody wait
5. `offload` blocking calls in one thread of their own
6. `access` whom a port of ours answers: own names, bearers of a token, no page of another site
7. `version` which shadowbench this is
"""
