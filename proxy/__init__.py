"""The proxy program: the journey of a request.

1. `serve`     reads the request, opens the primary leg, copies the answer to the client (the client waits here)
2. `shadow`    decides whether to copy it, sends the copies, writes the capture log (nobody waits here)
3. `wire`      turns bytes into meaning: heads, server-sent events, one dialect per API (pure)
4. `recorder`  capture log -> dialects -> pairs -> store, in a process of its own
5. `worker`    builds 1 and 2 into one process
"""
