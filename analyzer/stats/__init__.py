"""The mathematics: values in, values out. No clock, no randomness, no store.

What an estimate is made of:
1. `moments`   means, variances and skewness that survive large offsets
2. `influence` what each group of pairs adds to an estimate: all that a robust error needs
3. `mean`      mean of paired differences; `ratio` difference of two ratios of sums
4. `histogram` quantiles of values counted in bins; `quantile` difference of a quantile of two dependent samples
5. `estimate`  levels, difference and influence: what every method gives

How sure it is:
6. `robust`    cluster-robust standard errors (CR1, CR2) with their degrees of freedom
7. `blocks`    neighbouring time blocks merged until they are uncorrelated
8. `bootstrap` the same errors by drawing whole groups again (Poisson weights from a hash), as a check
9. `interval`  one look: intervals, one-sided bounds, p-values
10. `anytime`  any number of looks: asymptotic confidence sequences, e-values, always-valid p-values
11. `hall`     one-sided bounds of means of skewed values
12. `bounds`   how far missing pairs could move an estimate (worst case)

Counts, exactly or nearly so:
13. `proportions`  two rates in the same pairs: score interval and test (Tango), McNemar, Wilson, Newcombe
14. `sequential`   anytime and without asymptotics: sample ratio, sign test, share, mean of bounded scores
15. `unanimous`    exact limits where every pair says the same
16. `sample_ratio` did sampling take the share that it should

Questions over several estimates:
17. `multiple` several hypotheses at once: Holm, Benjamini-Hochberg, intersection-union
18. `power`    pairs that a statement needs, and what the present ones can show
19. `drift`    changes of level over time, with their dates
20. `periods`  do days of the week, or other parts of a window, differ by more than chance

Judges and people:
21. `preference`         net win rate and win rate from wins, ties and losses
22. `bradley_terry`      strengths of several candidates from who was preferred to whom
23. `length_control`     win rate if both answers were equally long
24. `agreement`          kappa of two raters and of several; does the order of the answers decide
25. `prediction_powered` a mean of human labels, sharpened by a judge's scores (PPI++)
"""
