"""What tokens cost: used for both arms by the recorder, and for judges by the analyzer.

1. `names`  where in the price list a model may stand
2. `rates`  own prices, listed ones, and what a number of tokens costs by them
"""
