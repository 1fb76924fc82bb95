"""Parent of all roles of a machine.

1. `serve`      builds everything from a configuration, and runs it until a signal
2. `plan`       which roles run, and what each is called
3. `place`      the capture directory, looked at before anything starts
   `sockets`    listening sockets, kept open over the restarts of workers
4. `child`      one process and the link to it
5. `keeper`     keeps one role running: start, restart with `backoff`, stop
6. `supervisor` order of start and stop
7. `reload`     takes up a changed configuration; `watch` sees that a secret or a certificate has changed
   `mirroring`  the kill switch: who gets no copies for now
8. `admin`      probes and `/metrics`; `metrics` and `boards` say what stands there, `catalogue` what it means
   `api`        status, reload and the kill switch for programs; `access` says whom the admin port answers
9. `terminal`   one clear line per event
"""
