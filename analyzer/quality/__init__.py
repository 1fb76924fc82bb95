"""What a report says of judgements: how good judges are, which way they lean, what people say, what is missing.

1. `figures`    what is read, plain values; `stored` asks a store, `filed` a file of pairs
2. `weighted`   sums by time and conversation -> means, differences of judges, errors
3. `judges`     one judge: verdicts, order, length, repeats, attacks, cost
4. `failures`   pairs that no judge could judge, by reason and by label: missing data
5. `people`     labels: how far people agree with each other, and judges with them
6. `families`   does a judge prefer models of its own maker
7. `corrected`  what people would say of all pairs: metrics corrected by labels (PPI++)
8. `summary`    all of it as `results`, for `study`
9. `agreement`  the same agreement for a command, from rows of labels and judgements
"""
