"""What judges read and write, and what is asked about it afterwards.

1. `pair`      one pair with its texts, as it is judged
2. `survey`    what a window holds to be judged, and how verdicts have varied
3. `rows`      rows of `judge_calls`, `judgements`, `text_scores` and `labels_human`
4. `due`       pairs of a stretch of time, oldest first, and what is known of each already
5. `calls`     what was asked already: open calls after a death, and the day's spend
6. `progress`  up to where pairs were taken up, and which process judges
7. `labels`    what people said, and which pairs they are asked about next
8. `standing`  how judging and labelling stand, for people who look
9. `quality`   verdicts by judge, order, length and person, for the report
10. `answers`  calls and their cost, failures, repeats and canaries, for the report
"""
