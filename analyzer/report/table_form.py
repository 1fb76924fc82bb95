"""A study as tables for a terminal."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from analyzer.comparison import Comparison
from analyzer.report import metrics_form, words
from analyzer.report.control_form import control_text
from analyzer.report.fitting import prose
from analyzer.study import CandidateStudy, Study
from analyzer.verdict import Verdict
from record.pair import CONTROL
from record.states import State

_DECISION_STYLE = {"promote": "bold green", "reject": "bold red", "wait": "bold yellow"}
_SHOWN_FIRST = ("received", State.PAIR, State.UNSAMPLED)


def as_table(study: Study) -> RenderableType:
    """What a terminal shows; needs no explanation beside it."""
    parts: list[RenderableType] = [prose(_headline(study)), Text()]
    for candidate in study.candidates:
        parts += [*_candidate(candidate), Text()]
    if study.candidates:
        parts.append(prose(*_control(study), _legend(study)))
    else:
        parts.append(prose(Text("Nothing to report: no candidate is configured, and no pair was recorded.", "yellow")))
    return Group(*parts)


def _headline(study: Study) -> Text:
    window = study.window
    length = words.span(window.until - window.since)
    return Text.assemble(
        ("shadowbench report", "bold"),
        f"   {words.moment(window.since)} to {words.moment(window.until)} UTC ({length})",
    )


def _candidate(candidate: CandidateStudy) -> Iterator[RenderableType]:
    yield prose(
        _title(candidate),
        Text(_states(candidate.states), "dim"),
        *(Text.assemble(("warning: ", "bold yellow"), warning) for warning in candidate.integrity.warnings),
    )
    if candidate.pairs:
        yield Text()
        yield metrics_form.as_table(candidate.comparisons)
        yield Text()
        yield prose(*_agreements(candidate), *_reasons(candidate.comparisons))
    yield prose(_decision(candidate))


def _decision(candidate: CandidateStudy) -> Text:
    style = _DECISION_STYLE[candidate.decision]
    return Text.assemble("decision: ", (candidate.decision, style), f" ({'; '.join(candidate.reasons)})")


def _title(candidate: CandidateStudy) -> Text:
    against = "the primary against itself" if candidate.name == CONTROL else "against the primary"
    title = Text.assemble((candidate.name, "bold"), f" {against}: ", (f"{candidate.pairs:,} pairs", "bold"))
    if candidate.experiment is not None:
        title.append(f" from {words.moment(candidate.first)} to {words.moment(candidate.last)}")
        title.append(f", experiment {candidate.experiment}")
    return title


def _states(states: Mapping[str, int]) -> str:
    """`1,000 requests received: 100 pair, 890 unsampled, 10 budget`."""
    if not states:
        return "no request was counted"
    order = [*(s for s in _SHOWN_FIRST if s in states), *(s for s in states if s not in _SHOWN_FIRST)]
    said = ", ".join(f"{states[s]:,} {s}" for s in order if s != "received" and (states[s] or s == State.PAIR))
    return f"{states['received']:,} requests received: {said}" if "received" in states else said


def _agreements(candidate: CandidateStudy) -> Iterator[Text]:
    """Levels that both arms have together, beside those of the primary with itself."""
    control = None if candidate.name == CONTROL else candidate.integrity.control
    noise = {row.measure.metric: row.candidate for row in control.comparisons} if control else {}
    for row in candidate.comparisons:
        if row.n and row.measure.joint:
            own = noise.get(row.measure.metric)
            beside = f"; the primary with itself: {words.value(row.measure, own)} %" if own is not None else ""
            yield Text(f"{row.measure.shown.title}: {words.value(row.measure, row.candidate)} % of {row.n:,}{beside}")


def _reasons(comparisons: Sequence[Comparison]) -> Iterator[Text]:
    """Why metrics are undecided: one line per reason."""
    by_reason: dict[str, list[str]] = {}
    for row in comparisons:
        if row.verdict is Verdict.UNDECIDED and not row.measure.joint:
            reason = row.reason or "" if row.n else "no pair has it in both arms"
            by_reason.setdefault(reason, []).append(row.measure.shown.title)
    for reason, titles in by_reason.items():
        yield Text.assemble(("undecided", words.STYLE[Verdict.UNDECIDED]), f" ({reason}): {', '.join(titles)}")


def _control(study: Study) -> Iterator[Text]:
    control = next((c.integrity.control for c in study.candidates if c.integrity.control), None)
    if control is not None:
        yield Text.assemble((CONTROL, "bold"), f" (the primary against itself): {control_text(control)}")


def _legend(study: Study) -> Text:
    return Text(
        "Differences are candidate minus primary over pairs of answers to the same request; those of percentages are "
        f"percentage points. better, worse: the {study.level * 100:g} % interval leaves out 0. It holds for one look "
        "at a time chosen beforehand, and for each metric by itself.",
        "dim",
    )
