"""AlpacaEval's recorded annotations, asked anew over HTTP: the report's figures beside the published ones."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analyzer.results import Study
from bench.machine import BenchError, say
from bench.recordings import RecordingsMissingError, shared_directory
from bench.results import table
from tests.fakes.judge import JudgeUpstream
from tests.fakes.judged_pairs import Asked, fill
from tests.judged import alpaca
from tests.judged.answering import Recorded
from tests.judged.asked import alpaca_requests, named
from tests.judged.judging import Judged, opened
from tests.judged.recordings import JUDGES, Published, annotations, published
from tests.judged.reported import metric, of, reported

_HEAD = (
    "judge",
    "model",
    "pairs",
    "published, %",
    "ours, %",
    "the same, directly, %",
    "length-controlled: published",
    "ours",
    "first shown wins: recorded",
    "ours",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One model by one judge; per cent."""

    published: Published
    pairs: int
    win_rate: float
    directly: float
    """From the recording; equal answers are ties, what a model did not answer is left out."""
    length_controlled: float | None
    first_shown: float | None


def measure() -> list[Line]:
    """All models whose texts are here, by all four judges.

    Raises:
        BenchError: no recordings, or something was asked that nobody recorded.
    """
    try:
        outputs = shared_directory() / "data" / "pairs" / "outputs"
    except RecordingsMissingError as error:
        raise BenchError(str(error)) from None
    here = {path.name.removesuffix(".jsonl.gz") for path in outputs.iterdir()}
    waves = {judge: sorted(here & annotations(judge).keys()) for judge in JUDGES}
    with tempfile.TemporaryDirectory(prefix="shadowbench-recorded-") as directory:
        return asyncio.run(_asked(Path(directory), waves))


async def _asked(directory: Path, waves: Mapping[str, Sequence[str]]) -> list[Line]:
    now, lines = datetime.now(UTC), list[Line]()
    recorded = Recorded()
    with opened(directory) as judged:
        async with JudgeUpstream(recorded) as upstream:
            for number, (judge, models) in enumerate(waves.items()):
                say(f"recorded judge {judge}: {len(models)} models")
                begin = now - timedelta(days=len(waves) - number)
                requests = alpaca_requests(judge, models, begin)
                alpaca.add_recorded(recorded, judge, models, requests)
                await asyncio.to_thread(fill, judged.store, list(requests.values()))
                pairs = int(judged.rows("SELECT count() AS n FROM pairs")[0]["n"])
                await judged.judge(alpaca.configured(directory, judge, upstream, begin, now), pairs)
                lines += await asyncio.to_thread(_lines, judged, judge, models, requests, begin)
        if recorded.strange or upstream.refused:
            raise BenchError(f"asked, and not recorded: {len(recorded.strange)}; refused: {upstream.refused[:1]}")
    return lines


def _lines(
    judged: Judged, judge: str, models: Sequence[str], requests: Mapping[str, Asked], since: datetime
) -> list[Line]:
    result = reported(judged.reader(), since, tuple(named(judge, model) for model in models))
    return [_line(result, judge, model, requests) for model in models]


def _line(result: Study, judge: str, model: str, requests: Mapping[str, Asked]) -> Line:
    found = of(result, named(judge, model))
    row = metric(found, "judge_preference", "mean")
    if row.candidate is None or found.quality is None:
        raise BenchError(f"{model} by {judge} was not judged")
    (quality,) = found.quality.judges
    share = quality.position[0].first_share
    controlled = quality.length.controlled if quality.length is not None else None
    return Line(
        published()[judge, model],
        row.n,
        50 * (1 + row.candidate),
        alpaca.win_rate(judge, model, requests),
        None if controlled is None else 100 * controlled,
        None if share is None else 100 * share.value,
    )


def section_of(lines: Sequence[Line]) -> str:
    """What is added to the section of the judge."""
    rows = [
        (
            line.published.judge,
            line.published.model,
            f"{line.pairs:,}",
            _percent(line.published.win_rate, 4),
            _percent(line.win_rate, 4),
            _percent(line.directly, 4),
            _percent(line.published.length_controlled),
            _percent(line.length_controlled),
            _percent(None if line.published.first_shown is None else 100 * line.published.first_shown),
            _percent(line.first_shown if line.published.first_shown is not None else None),
        )
        for line in lines
    ]
    return f"""
Recorded judges: {_summary(lines)}

{table(_HEAD, rows)}

Each is asked over HTTP in the order that was recorded, for its answers to real outputs of real models. Its win rate is
the mean preference; that of `weighted` comes from probabilities. Where the published figure differs from ours, the old
judge was asked about answers that are equal to the letter, which are ties here, or an output is not in the recording;
the direct computation leaves both out. Published length control has terms for single instructions, ours has not.
"""


def _summary(lines: Sequence[Line]) -> str:
    known = [line for line in lines if line.published.win_rate is not None]
    same = [line for line in known if abs(line.win_rate - (line.published.win_rate or 0.0)) < 1e-4]
    directly = sum(abs(line.win_rate - line.directly) < 1e-4 for line in lines)
    moved = [line for line in known if _moves(line) is not None]
    alike = sum(bool(_moves(line)) for line in moved)
    return (
        f"{len(same)} of {len(known)} published win rates are reproduced to 0.0001 points, {directly} of {len(lines)} "
        f"direct computations. Length control moves {alike} of the {len(moved)} win rates the same way in which "
        "published length control moves them by more than two points."
    )


def _moves(line: Line) -> bool | None:
    """Does ours move the same way? None: nothing to compare."""
    raw, theirs, ours = line.published.win_rate, line.published.length_controlled, line.length_controlled
    if raw is None or theirs is None or ours is None or abs(theirs - raw) <= 2:
        return None
    return (theirs - raw) * (ours - line.win_rate) > 0


def _percent(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
