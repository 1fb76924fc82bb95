"""Which metrics a form for people shows: all of them, or what decides, what is known, and the rest in one line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer.metrics import METRICS, named
from analyzer.report import selection, words
from analyzer.results import Between, CandidateStudy, Comparison, Study
from analyzer.verdict import Verdict
from record.pair import CONTROL

_PLAIN = ("p50", "p95", "corrected")
"""Estimands shown beside the first of each metric where no policy says which decide."""
_HEADLINE = (("total_ms", "p50"), ("cost_usd", "mean"), ("error_rate", "rate"))
"""What stands for all where no policy says which decide."""
MAX_NEEDED = 3
ALL = "`report --all` shows why"


@dataclass(frozen=True, slots=True)
class Shown:
    """Of one candidate, or of two with each other."""

    rows: Sequence[Comparison]
    agreements: Sequence[str] = ()
    undecided: Sequence[selection.Undecided] = ()
    """Why metrics are."""
    needed: Sequence[str] = ()
    """What their verdicts still take."""
    rest: str | None = None
    """What has no row."""


def of_candidate(candidate: CandidateStudy, study: Study, *, everything: bool) -> Shown:
    """What is shown of its metrics."""
    comparisons, has_policy = candidate.comparisons, study.policy is not None
    agreements = selection.agreements(candidate, study.control)
    if everything:
        return Shown(
            selection.rows(comparisons),
            agreements,
            selection.undecided(comparisons),
            selection.needed(comparisons),
        )
    has_own = study.control is not None or candidate.name == CONTROL
    shown = rows(comparisons, has_policy=has_policy)
    return Shown(
        shown,
        agreements if has_own else (),
        selection.undecided(shown),
        # Of the policy's metrics their rules say it.
        () if has_policy else needed(shown),
        rest(comparisons, has_policy=has_policy, is_control_known=has_own),
    )


def of_between(between: Between, study: Study, *, everything: bool) -> Shown:
    """What is shown of two candidates on the same requests."""
    if everything:
        return Shown(selection.rows(between.comparisons), undecided=selection.undecided(between.comparisons))
    shown = selection.rows(between_rows(study, between))
    return Shown(shown, undecided=selection.undecided(shown))


def rows(comparisons: Sequence[Comparison], *, has_policy: bool) -> list[Comparison]:
    """The policy's metrics (without one the latency, the cost and the failures) and those of which much is known."""
    shown = selection.rows(_considered(comparisons, has_policy=has_policy))
    return [row for row in shown if _decides(row, has_policy=has_policy) or (_is_known(row) and not _is_zero(row))]


def rest(comparisons: Sequence[Comparison], *, has_policy: bool, is_control_known: bool) -> str | None:
    """`not known yet: p95 and p99 of time to last byte; 0 so far: timeouts (...)`; None where nothing is left.

    Args:
        comparisons: of one candidate.
        has_policy: what decides was declared.
        is_control_known: agreements stand beside those of the primary with itself.
    """
    considered = _considered(comparisons, has_policy=has_policy)
    others = [row for row in considered if not (row.n and _decides(row, has_policy=has_policy)) and row.require is None]
    counted = [row for row in others if row.n]
    tables = selection.rows(counted)
    levels = [] if is_control_known else [row for row in counted if row not in tables]
    zero = [row for row in tables if _is_zero(row)]
    waiting = [row for row in tables if not _is_known(row) and not _is_zero(row)]
    # Metrics of texts are there where somebody asked for them.
    wanted = [row for row in others if row.metric.measure.origin != "scores"]
    absent = dict.fromkeys(row.metric.measure.shown.title for row in wanted if not row.n)
    said = [
        ("not known yet", _grouped([*waiting, *levels])),
        ("0 so far", [words.title(row.metric) for row in zero]),
        ("in no pair", list(absent)),
    ]
    text = "; ".join(f"{what}: {', '.join(titles)}" for what, titles in said if titles)
    return f"{text} ({ALL})" if text else None


def needed(comparisons: Sequence[Comparison]) -> list[str]:
    """`output speed, timeouts: 900 more pairs`: the nearest first, in at most three lines."""
    waiting = [row for row in comparisons if row.verdict is Verdict.UNDECIDED and row.n and row.require is None]
    by_text: dict[str, list[str]] = {}
    for row in sorted(waiting, key=lambda row: 0 if row.needed is None else row.needed.pairs or 0):
        text = words.needed(row)
        if text:
            by_text.setdefault(text, []).append(words.title(row.metric))
    lines = [f"{words.listed(titles)}: {text}" for text, titles in by_text.items()]
    if len(lines) <= MAX_NEEDED:
        return lines
    more = [title for titles in list(by_text.values())[MAX_NEEDED - 1 :] for title in titles]
    return [*lines[: MAX_NEEDED - 1], f"{words.listed(more)}: more than that"]


def between_rows(study: Study, between: Between) -> list[Comparison]:
    """What the policy declares; without one the latency, the cost and the failures."""
    keys: list[tuple[str, str]] = [*_HEADLINE]
    if study.policy is not None:
        asked = [(rule.metric, rule.estimand) for _, rule in study.policy.rules()]
        found = [
            (name, _first(between.comparisons, name) if estimand is None else estimand) for name, estimand in asked
        ]
        keys = list(dict.fromkeys(found))
    by_key: dict[tuple[str, str], Comparison] = {row.metric.key: row for row in between.comparisons}
    return [by_key[key] for key in keys if key in by_key]


def _first(comparisons: Sequence[Comparison], name: str) -> str:
    """The estimand that a rule means which names none."""
    metric = named(tuple(row.metric for row in comparisons), name) or named(METRICS, name)
    return "" if metric is None else metric.estimand


def _considered(comparisons: Sequence[Comparison], *, has_policy: bool) -> list[Comparison]:
    # Corrections are there where people labelled pairs.
    asked = [row for row in comparisons if row.n or row.require is not None or row.metric.estimand != "corrected"]
    if has_policy:
        return asked
    first: dict[str, str] = {}
    for row in asked:
        first.setdefault(row.metric.name, row.metric.estimand)
    return [row for row in asked if row.metric.estimand in {first[row.metric.name], *_PLAIN}]


def _decides(row: Comparison, *, has_policy: bool) -> bool:
    return row.require is not None or (not has_policy and row.metric.key in _HEADLINE)


def _is_known(row: Comparison) -> bool:
    return row.interval is not None or row.verdict is not Verdict.UNDECIDED


def _is_zero(row: Comparison) -> bool:
    return row.primary == row.candidate == 0 and row.verdict is Verdict.UNDECIDED


def _grouped(rows: Sequence[Comparison]) -> list[str]:
    """`p95 and p99 of time to last byte and time to first token`"""
    estimands: dict[str, list[str]] = {}
    for row in rows:
        of = estimands.setdefault(row.metric.measure.shown.title, [])
        of += [own] if (own := _estimand(row)) is not None else []
    titles: dict[tuple[str, ...], list[str]] = {}
    for title, asked in estimands.items():
        titles.setdefault(tuple(asked), []).append(title)
    return list(_of(titles))


def _of(titles: dict[tuple[str, ...], list[str]]) -> Iterator[str]:
    for estimands, names in titles.items():
        if estimands:
            yield f"{words.listed(estimands)} of {words.listed(names)}"
        else:
            yield from names


def _estimand(row: Comparison) -> str | None:
    title, name = words.title(row.metric), row.metric.measure.shown.title
    return title.removeprefix(f"{name}, ") if title != name else None
