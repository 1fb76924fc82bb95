"""What every role's process shares: the tie to its supervisor, its background tasks, its log lines.

1. `link`   messages between the supervisor and a role, over an inherited socket
2. `tasks`  background work with a name and a kept reference
3. `log`    one JSON object per line on standard error
4. `outlet` writes lines without ever making anybody wait
"""
