"""What a pair is: frozen values that every other package agrees on.

1. `ids`      names a request so that both arms, the log and the store can be joined
2. `states`   the one counted state in which each request ends, per candidate
3. `outcome`  how one leg (one arm's exchange) ended
4. `timing`   when its bytes moved, `usage` how many tokens, `cost` how many dollars
5. `model_names`  when two names mean one model, and who made it
6. `pair`     both legs of one sampled request, or the primary's alone when the copy was skipped

Standard library only. Differences are candidate minus primary, everywhere. Unknown is None, never 0.
"""
