"""One leg to an upstream: the same code for the primary and for every candidate, so that their times compare.

1. `resolver`    where the upstream is: names looked up off the loop, the last good answer kept
2. `dial`        one connection out of several addresses
3. `tls`         how the upstream proves who it is
4. `connector`   makes connections: name, TCP and TLS in one limit; `words` and `reachability` say why it could not
5. `pools`       what a worker's pools share; `pool`: idle connections to one origin, and new ones; `idle`: for how long
6. `connection`  one connection: writes a request, frames the response; `exchange`: what it tells, `reading`: its pauses
7. `budget`      how much is read in one turn of the loop
8. `deadlines`   limits in time, without a timer per leg
9. `tape`        what arrived and when, bounded
10. `leg`        one exchange with an upstream: marks, limits, how it ended
"""
