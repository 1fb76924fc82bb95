"""What the product's report says of a store: the study behind `shadowbench report`."""

from datetime import UTC, datetime, timedelta

from analyzer.gathering import gather
from analyzer.plan import Plan
from analyzer.reading import Setting
from analyzer.results import CandidateStudy, Comparison, Study
from analyzer.source import Window
from analyzer.stored import StoredPairs
from analyzer.study import study
from store.reader import Reader

BLOCK_S = 60.0


def reported(reader: Reader, since: datetime, candidates: tuple[str, ...]) -> Study:
    """For one look at a window from `since` to now."""
    now = datetime.now(UTC)
    plan = Plan(Window(since, now - timedelta(seconds=1)), candidates, block_s=BLOCK_S, kind="fixed")
    figures = gather(StoredPairs(reader.columns), plan, Setting(block_s=BLOCK_S), now=now)
    return study(figures, plan)


def of(result: Study, candidate: str) -> CandidateStudy:
    """One candidate's part."""
    (found,) = (one for one in result.candidates if one.name == candidate)
    return found


def metric(candidate: CandidateStudy, name: str, estimand: str) -> Comparison:
    """One row."""
    (found,) = (row for row in candidate.comparisons if row.metric.key == (name, estimand))
    return found
