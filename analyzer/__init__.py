"""The analyzer: from pairs to what they allow one to say. The journey of a report:

1. `plan`       what was asked: window, candidates, policy, kind of interval
2. `gathering`  asks a source (`reading`) everything once; `stored` answers for a store, `filed` for a file of pairs
3. `figures`    what came of it: sums by time block and conversation bucket, histograms, counts; plain values
4. `measures`   what is taken from a pair; `metrics`: what is estimated of it, `plugins` add more (`entry_points`), and
                `text_metrics` are those of its texts
5. `estimation` a metric's estimate and what each block and bucket adds to it; `quantiles` those of times
6. `inference`  one estimate to interval, bound, p-values and `verdict`, by `evidence` or, where little happens, `rare`
7. `integrity`  was the sample what it should be, what is missing, is the control equivalent to the primary
8. `rows`       all metrics of one candidate: 5 and 6, the worst that is missing, and the pairs still `needed`
9. `ruling`     one rule of a policy against its row; `decision`: promote, reject or wait; `score`: all weighed together
10. `surroundings`, `segments`  mirroring itself, caches, drift; labels in which a candidate stands out
                `quality` what judges and people say of answers, and how far judges can be believed
11. `study`     all of it, frozen (`results`): computed from figures and plan, and from nothing else
12. `report`    a study as table, JSON, Markdown or JUnit; computes nothing
13. `gate`      decisions to go or no-go; `verdict_file`: a verdict that anybody can compute again

`stats` is the mathematics (pure). `labels_in` takes what people say of pairs; `webhooks` tell people what is new. Apart
from it all: `audit`, where received = unsampled + skips + pairs + open + lost.

Differences are candidate minus primary. Unknown is None, never 0.
"""
