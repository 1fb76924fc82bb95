"""The mathematics: values in, values out. No clock, no randomness, no store.

1. `moments`   means and variances that survive large offsets, merged from parts
2. `influence` what each group of pairs adds to an estimate: all that a robust error needs
3. `mean`      mean of paired differences; `ratio` difference of two ratios of sums
4. `robust`    cluster-robust standard errors (CR1, CR2) with their degrees of freedom
5. `blocks`    neighbouring time blocks merged until they are uncorrelated
6. `interval`  fixed-horizon intervals, one-sided bounds, p-values
7. `unanimous` exact limits where every pair says the same
8. `multiple`  several hypotheses at once
9. `sample_ratio` did sampling take the share that it should
"""
