"""Single pairs for people who look, and for programs: which ones, in which order, and all that is known of one.

1. `wanted`    which pairs are asked for, and in which order; their conditions
2. `stretch`   how much of a window is looked at: of a large one the newest pairs
3. `listing`   a page of a list, and the neighbours of a pair in it
4. `cursor`    a place in a list as a word
5. `pairs`     pairs by their keys, with what judges and people said of them
6. `details`   one pair with its texts, and the other pairs of its request
7. `choices`   values that lists can be narrowed by
"""
