"""A study as tables for a terminal."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from analyzer.report import metrics_form, quality_form, segments_form, selection, showing, words
from analyzer.report.fitting import prose
from analyzer.report.integrity_form import Weight, remarks
from analyzer.report.printable import clipped, printable
from analyzer.report.showing import Shown
from analyzer.results import Between, CandidateStudy, Check, Study
from record.pair import CONTROL

_WEIGHT_STYLE: dict[Weight, str] = {"obstacle": "bold red", "warning": "bold yellow", "fact": "dim"}


def as_table(study: Study, *, title: str = "shadowbench report", everything: bool = False) -> RenderableType:
    """What a terminal shows; needs no explanation beside it.

    Args:
        study: what it says.
        title: of the headline.
        everything: every metric, reason and fact; else what decides and what is known.
    """
    parts: list[RenderableType] = [prose(*_headline(study, title)), Text()]
    shown = selection.shown_candidates(study)
    for candidate in shown:
        parts += [*_candidate(candidate, study, everything=everything), Text()]
    for between in study.between:
        parts += [*_between(between, study, everything=everything), Text()]
    parts += segments_form.parts(study)
    if shown:
        parts.append(prose(*_legend(study)))
    else:
        parts.append(prose(Text("Nothing to report: there is no candidate and no pair in the window.", "yellow")))
    return Group(*parts)


def _headline(study: Study, title: str) -> Iterator[Text]:
    window = study.asked
    length = words.span(window.until - window.since)
    yield Text.assemble(
        (title, "bold"),
        f"   {words.moment(window.since)} to {words.moment(window.until)} UTC ({length})",
    )
    for candidate in study.candidates:
        yield Text.assemble(
            (_name(candidate.name), "bold"), ": ", (candidate.decision, words.DECISION_STYLE[candidate.decision])
        )
    if study.window != study.asked:
        used = f"{words.moment(study.window.since)} to {words.moment(study.window.until)}"
        yield Text(f"Estimates are about {used}: whole blocks of requests that have all ended.", "dim")
    for note in study.notes:
        yield Text(printable(note), "dim")


def _candidate(candidate: CandidateStudy, study: Study, *, everything: bool) -> Iterator[RenderableType]:
    rules = (_check(check) for check in selection.checks(candidate))
    yield prose(_title(candidate), *_decision(candidate), *_score(candidate), *rules)
    if candidate.pairs:
        shown = showing.of_candidate(candidate, study, everything=everything)
        yield Text()
        if shown.rows:
            yield metrics_form.as_table(shown.rows)
            yield Text()
        yield prose(*(Text(printable(text)) for text in shown.agreements), *_undecided(shown))
    judged = quality_form.lines(candidate, everything=everything)
    if judged:
        yield prose(
            *(Padding(Text(printable(line.text)), (0, 0, 0, 2 * line.depth), expand=False) for line in judged), Text()
        )
    remarks_ = _remarks(candidate, everything=everything)
    yield prose(*remarks_, Text(printable(selection.states_text(candidate)), "dim"))


def _name(name: str) -> str:
    return clipped(name)


def _title(candidate: CandidateStudy) -> Text:
    against = "the primary against itself" if candidate.name == CONTROL else "against the primary"
    pairs = words.counted(candidate.pairs, "pair")
    title = Text.assemble((_name(candidate.name), "bold"), f" {against}: ", (pairs, "bold"))
    if candidate.first is not None:
        title.append(f" from {words.moment(candidate.first)} to {words.moment(candidate.last)}")
    return title


def _decision(candidate: CandidateStudy) -> Iterator[Text]:
    """The decision, and each reason on a line of its own."""
    style = words.DECISION_STYLE[candidate.decision]
    yield Text.assemble("decision: ", (candidate.decision, style))
    for reason in selection.reasons(candidate):
        yield Text(f"  because {printable(reason)}")


def _score(candidate: CandidateStudy) -> Iterator[Text]:
    text = selection.score_text(candidate)
    if text is not None:
        yield Text(f"score: {printable(text)}")


def _check(check: Check) -> Text:
    return Text.assemble(
        "  ", (check.finding, words.FINDING_STYLE[check.finding]), f" ({check.role}): {printable(check.sentence)}"
    )


def _undecided(shown: Shown) -> Iterator[Text]:
    """Why metrics are undecided, and what each would take."""
    for group in shown.undecided:
        yield Text.assemble(("undecided", "yellow"), f" ({printable(group.reason)}): {', '.join(group.titles)}")
    for text in shown.needed:
        yield Text.assemble(("still needed", "yellow"), f" for a verdict on {printable(text)}")
    if shown.rest is not None:
        yield Text(printable(shown.rest), "dim")


def _remarks(candidate: CandidateStudy, *, everything: bool) -> Iterator[Text]:
    for remark in remarks(candidate, everything=everything):
        mark = {"obstacle": "no decision: ", "warning": "warning: ", "fact": ""}[remark.weight]
        style = _WEIGHT_STYLE[remark.weight]
        body = (printable(remark.text), style if remark.weight == "fact" else "")
        yield Text.assemble((mark, style), body)


def _between(between: Between, study: Study, *, everything: bool) -> Iterator[RenderableType]:
    first, second = _name(between.first), _name(between.second)
    said = f" against {first}, on the same requests; differences are {second} minus {first}"
    yield prose(Text.assemble((second, "bold"), said))
    shown = showing.of_between(between, study, everything=everything)
    if shown.rows:
        yield Text()
        yield metrics_form.as_table(shown.rows, (between.first, between.second))
    if shown.undecided:
        yield Text()
        yield prose(*_undecided(shown))


def _legend(study: Study) -> Iterator[Text]:
    yield Text(words.kind_sentence(study.kind, study.level, study.planned_pairs), "dim")
    said = (
        "Differences are candidate minus primary over pairs of answers to the same request; those of percentages are "
        "percentage points. better, worse: the interval leaves out 0; not worse, equivalent: it lies within the margin."
    )
    if any(selection.has_rules(c.comparisons) for c in study.candidates):
        said += (
            f" bound: what the difference is at most (≤) or at least (≥), with {words.level_text(study.level)} "
            "confidence; the policy's rule holds when it lies within what is allowed."
        )
    yield Text(said, "dim")
