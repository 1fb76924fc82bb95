"""The judge: from pairs to verdicts. The journey of a pair:

1. `role`          the process: a `shift` per configuration (`plan`), while `leading` says that it is the one at work
2. `worker`        takes pairs as a `walk` hands them out, oldest first; `frontier`: how far all of them are finished
3. `scores`        metrics of texts alone, for every pair; `embedding`: those that have to be asked for
4. `judging`       one pair to its rows:
5. `ladder`        what needs no judge: equal answers, calls and JSON that mean the same (`tool_schemas`, `plain_json`)
6. `drawing`       which of the rest are judged, in which order, and how probable that was (`similarity`: by strata)
7. `conversation`  what was asked and answered, in words, whatever the API: `parts`, `offered_tools`, `wanted_json`
8. `question`      what is asked, and what may be answered; `attacks`: texts whose right answer is known
9. `rubric`        what counts; `prompt`: question and rubric in a judge's words
10. `inquiry`      a question as a call to one judge of the `panel`; `models_seen`: a judge that is an arm is not asked
11. `asking`       a call until its answer or final failure: `gate` and `away` (the judge), `purse` and `budget` (money)
12. `wire`         a prompt as bytes for an API, and bytes back; `client` sends them, `money` is what they cost
13. `verdict`      what the judge said
14. `journal`      rows on their way to the store; `books`: the store as judging sees it

`shared` is what all of them need (`wiring` makes it), `figures` and `notices` are what they tell. `rejudge` goes the
same way for one closed window; `estimate` is what that would take.

5 to 9 and 13 are pure: no clock, no socket, no dice. All texts are hostile: whatever they hold, nothing there raises,
and work grows with their length and no faster.
"""
