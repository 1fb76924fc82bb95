"""Kill -9 at random moments under load, and a list of the client's own that says what must be there afterwards.

1. `upstreams`  answers of the test's own making, and when each was sent to its end
2. `client`     steady traffic, and the list of what was asked and what came back
3. `program`    `shadowbench serve` in its own processes, which are killed and waited for
4. `plan`       who is killed, drawn from a seed
5. `account`    what the store holds in the end
6. `oracle`     the list against the store: nothing missing, nothing doubled, every loss counted
7. `run`        all of it; `python -m tests.kills` for the long form, `test_kills` for the short one

The same for judging, where the judge model's own bill is the list:

8. `judge_pairs`    pairs to be judged, and a judge model that knows every question and counts what it is paid
9. `judge_account`  what the store holds of judging in the end
10. `judge_oracle`  the bill against the store: nothing lost or doubled, little paid twice, no budget broken
11. `judge_run`     all of it; `python -m tests.kills --judge`, `test_judge_kills`

Power loss is another matter: these kills leave the machine and its page cache alone.
"""
