"""A study as pages show it: texts and plots, in the order in which people read. Nothing is computed here.

The report that is one file and the live page show the same views, so they cannot differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from analyzer.answering import Answer
from analyzer.figures import Compared, Figures
from analyzer.metrics import METRICS, Metric, named
from analyzer.report import quality_form, segments_form, selection, showing, words
from analyzer.report.integrity_form import Remark, remarks
from analyzer.report.json_form import as_json
from analyzer.report.plots.distributions import cumulative
from analyzer.report.plots.intervals import strip
from analyzer.report.plots.timelines import timeline
from analyzer.report.printable import clipped, printable
from analyzer.results import Between, CandidateStudy, Comparison, Study
from analyzer.stats.interval import Interval
from analyzer.verdict import Verdict
from record.pair import CONTROL
from record.states import CLASS_OF, State, StateClass

PRIMARY = "primary"
_DISTRIBUTIONS = (("total_us", "time to last byte"), ("ttft_us", "time to first token"))
_TIMELINES = (("total_ms", "mean"), ("error_rate", "rate"), ("cost_usd", "mean"))
_CLASS_TITLES = {
    StateClass.KEPT: "compared, or on the way to it",
    StateClass.NOT_ASKED: "not meant for this candidate",
    StateClass.BY_DESIGN: "left out by a rule: narrows what the report speaks of",
    StateClass.CANDIDATE: "left out because of the candidate: counts as its failure",
    StateClass.OURS: "lost by shadowbench: the worst is assumed",
}


@dataclass(frozen=True, slots=True)
class RowView:
    """One metric."""

    key: str
    """`total_ms-p95`: for anchors."""
    title: str
    unit: str
    role: str
    primary: str
    candidate: str
    difference: str
    interval: str
    relative: str
    bound: str
    allowed: str
    verdict: str
    style: str
    """The verdict as a class of the style sheet."""
    reason: str
    """Why it is undecided, and what it still takes; empty where there is nothing to say."""
    plot: Markup | None


@dataclass(frozen=True, slots=True)
class PlotView:
    """A plot below the table."""

    title: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class StatesView:
    """States of one class."""

    title: str
    count: str
    states: tuple[tuple[str, str], ...]
    """(state, count)"""


@dataclass(frozen=True, slots=True)
class CandidateView:
    """One candidate against the primary, or two with each other."""

    anchor: str
    """Id of its section: names may hold anything."""
    name: str
    title: str
    decision: str
    """promote, reject or wait; empty of two candidates with each other."""
    why: str
    """The decision's first reason."""
    reasons: tuple[str, ...]
    """The others."""
    pairs: str
    score: str | None
    checks: tuple[tuple[str, str, str], ...]
    """(finding, role, sentence)"""
    level: str
    arms: tuple[str, str]
    rows: tuple[RowView, ...]
    needed: tuple[str, ...]
    rest: str | None
    agreements: tuple[str, ...]
    remarks: tuple[Remark, ...]
    quality: tuple[tuple[int, str], ...]
    """(depth, sentence) of what judges and people say; empty where nobody was asked."""
    states: tuple[StatesView, ...]
    plots: tuple[PlotView, ...]


@dataclass(frozen=True, slots=True)
class StudyView:
    """The whole report."""

    id: str
    window: str
    length: str
    used: str | None
    """What the estimates are about, where that is less than the window."""
    generated: str
    versions: str
    kind: str
    notes: tuple[str, ...]
    candidates: tuple[CandidateView, ...]
    between: tuple[CandidateView, ...]
    segments: str | None
    found: tuple[str, ...]
    is_empty: bool


def study_view(answer: Answer, *, version: str, everything: bool = False) -> StudyView:
    """What pages show of a study.

    Args:
        answer: the study, and the figures that plots are drawn from.
        version: of shadowbench.
        everything: every metric, reason and fact; else what decides and what is known.
    """
    study = answer.study
    shown = selection.shown_candidates(study)
    asked, used = study.asked, study.window
    return StudyView(
        id=str(as_json(study, version=version)["id"]),
        window=f"{words.moment(asked.since)} to {words.moment(asked.until)} UTC",
        length=words.span(asked.until - asked.since),
        used=f"{words.moment(used.since)} to {words.moment(used.until)} UTC" if used != asked else None,
        generated=f"{words.moment(study.generated_at)} UTC",
        versions=printable(f"shadowbench {version}, store {study.store_version}"),
        kind=words.kind_sentence(study.kind, study.level, study.planned_pairs),
        notes=tuple(printable(note) for note in study.notes),
        candidates=tuple(
            _candidate(c, study, answer.figures, f"candidate-{i}", everything=everything)
            for i, c in enumerate(shown, 1)
        ),
        between=tuple(
            _between(b, study, f"between-{i}", everything=everything) for i, b in enumerate(study.between, 1)
        ),
        segments=printable(selection.segments_sentence(study)) if study.segments else None,
        found=tuple(printable(segments_form.sentence(s)) for s in selection.found_segments(study)),
        is_empty=not shown,
    )


def _candidate(
    candidate: CandidateStudy, study: Study, figures: Figures, anchor: str, *, everything: bool
) -> CandidateView:
    shown = showing.of_candidate(candidate, study, everything=everything)
    reasons = tuple(printable(reason) for reason in selection.reasons(candidate) or candidate.reasons)
    compared = figures.compared.get(candidate.name)
    control = study.control if candidate.name != CONTROL else None
    name = clipped(candidate.name)
    against = "the primary against itself" if candidate.name == CONTROL else "against the primary"
    score = selection.score_text(candidate)
    return CandidateView(
        anchor=anchor,
        name=name,
        title=f"{name} {against}",
        decision=candidate.decision,
        why=reasons[0] if reasons else "",
        reasons=reasons[1:],
        pairs=_pairs(candidate),
        score=None if score is None else printable(score),
        checks=tuple((c.finding, c.role, printable(c.sentence)) for c in selection.checks(candidate)),
        level=words.level_text(study.level),
        arms=(PRIMARY, name),
        rows=tuple(_row(row, _own(row, control)) for row in shown.rows),
        needed=tuple(printable(text) for text in shown.needed),
        rest=None if shown.rest is None else printable(shown.rest),
        agreements=tuple(printable(text) for text in shown.agreements),
        remarks=tuple(Remark(r.weight, printable(r.text)) for r in remarks(candidate, everything=everything)),
        quality=tuple(
            (line.depth, printable(line.text)) for line in quality_form.lines(candidate, everything=everything)
        ),
        states=_states(candidate),
        plots=() if compared is None else _plots(compared, (PRIMARY, name)),
    )


def _pairs(candidate: CandidateStudy) -> str:
    said = words.counted(candidate.pairs, "pair")
    if candidate.first is None:
        return said
    return f"{said} from {words.moment(candidate.first)} to {words.moment(candidate.last)} UTC"


def _own(row: Comparison, control: CandidateStudy | None) -> Interval | None:
    """The control's interval of the same metric."""
    found = (r for r in control.comparisons if r.metric.key == row.metric.key) if control is not None else iter(())
    return next((r.interval for r in found), None)


def _row(row: Comparison, control: Interval | None = None) -> RowView:
    metric, plot = row.metric, strip(row, control)
    unit = "%" if metric.estimand == "log_ratio" else metric.measure.shown.unit
    return RowView(
        key=f"{metric.name}-{metric.estimand}",
        title=words.title(metric),
        unit=unit,
        role=row.role,
        primary=words.value(metric, row.primary),
        candidate=words.value(metric, row.candidate),
        difference=words.difference(metric, row.difference, row.interval),
        interval=words.ends(metric, row.interval),
        relative=words.relative_of(row),
        bound=words.bound(row) if row.require else "",
        allowed=words.allowed(row) if row.require else "",
        verdict=words.WORD[row.verdict],
        style=row.verdict.value.replace("_", "-"),
        reason=_reason(row),
        plot=None if plot is None else Markup(plot),  # noqa: S704 - made by `plots.svg`, which escapes
    )


def _reason(row: Comparison) -> str:
    if row.verdict is not Verdict.UNDECIDED:
        return ""
    needed = words.needed(row)
    said = [text for text in (row.reason, None if needed is None else f"needs {needed}") if text]
    return printable("; ".join(said))


def _between(between: Between, study: Study, anchor: str, *, everything: bool) -> CandidateView:
    shown = showing.of_between(between, study, everything=everything)
    first, second = clipped(between.first), clipped(between.second)
    return CandidateView(
        anchor=anchor,
        name=f"{second} and {first}",
        title=f"{second} against {first}, on the same requests",
        decision="",
        why=f"differences are {second} minus {first}",
        reasons=(),
        pairs="",
        score=None,
        checks=(),
        level=words.level_text(study.level),
        arms=(first, second),
        rows=tuple(_row(row) for row in shown.rows),
        needed=(),
        rest=None,
        agreements=(),
        remarks=(),
        quality=(),
        states=(),
        plots=(),
    )


def _states(candidate: CandidateStudy) -> tuple[StatesView, ...]:
    """By what they mean to a verdict; the largest first in each."""
    found: dict[StateClass, list[tuple[str, int]]] = {cls: [] for cls in _CLASS_TITLES}
    known = {state.value: CLASS_OF[state] for state in State}
    for state, count in candidate.states.items():
        if count and state in known:
            found[known[state]].append((state, count))
    return tuple(
        StatesView(
            _CLASS_TITLES[cls],
            f"{sum(count for _, count in states):,}",
            tuple((state, f"{count:,}") for state, count in sorted(states, key=lambda item: -item[1])),
        )
        for cls, states in found.items()
        if states
    )


def _plots(compared: Compared, names: tuple[str, str]) -> tuple[PlotView, ...]:
    made = [(title, cumulative(compared, prefix, title, names)) for prefix, title in _DISTRIBUTIONS]
    for name, estimand in _TIMELINES:
        metric = _metric(name, estimand)
        made.append((f"{words.heading(metric)}, over time", timeline(compared, metric, names)))
    return tuple(PlotView(title, Markup(svg)) for title, svg in made if svg is not None)  # noqa: S704 - see `_row`


def _metric(name: str, estimand: str) -> Metric:
    found: Sequence[Metric] = [m for m in METRICS if m.key == (name, estimand)]
    metric = found[0] if found else named(METRICS, name)
    if metric is None:
        raise AssertionError(f"{name} is one of our own metrics")
    return metric
