"""One leg to an upstream: the same code for the primary and for every candidate, so that their times compare.

1. `deadlines`   limits in time, without a timer per leg
2. `tape`        what arrived and when, bounded
3. `connection`  one connection: writes a request, frames the response
4. `pool`        idle connections to one origin, and new ones
5. `leg`         one exchange with an upstream: marks, limits, how it ended
"""
