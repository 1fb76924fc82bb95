"""Benchmarks and the replay of recorded data. Nothing here is part of the product, and no test times anything.

1. `machine`     cores, CPU clocks, versions
2. `load`        the load generator (wrk) and what it counted
3. `upstreams`   cheap upstreams that answer from memory and count
4. `contenders`  the mirrors of nginx and Envoy, `worker` one proxy worker of shadowbench
5. `captured`    what a capture log holds, counted frame by frame
6. `rounds`      one round of one of them, and the check of its counts
7. `recorder_cost` CPU of the recorder and the store for the same log
8. `results`     the tables in `RESULTS.md`
9. `mirror`      the comparison: `python -m bench.mirror`
10. `replay`      recorded outputs of real models through the whole pipeline: `python -m bench.replay`
"""
