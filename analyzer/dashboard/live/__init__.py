"""The live comparison: what is asked, who keeps it up to date, and what is new since.

1. `asked`     window and filters of a page, from and to its address
2. `choices`   values that the filters offer
3. `watching`  one study per question, computed again and again while somebody looks, shared by all who do
4. `recent`    what arrived within the last minutes: cheap enough to be asked every second
5. `money`     what candidates and judges have cost today
6. `admin`     the supervisor of this machine: roles, paused candidates, the kill switch
7. `now`       these three together, candidate by candidate
"""
