"""A study as Markdown, for the comment of a pull request.

Names of models, labels and their values come from providers and clients, and sentences repeat them. In a comment they
could mention people, close issues, load pictures or run scripts; here none of them is more than text.
"""

import re
from collections.abc import Sequence

from analyzer.report import quality_form, segments_form, selection, showing, words
from analyzer.report.integrity_form import Weight, remarks
from analyzer.report.printable import clipped, printable
from analyzer.report.showing import Shown
from analyzer.results import Between, CandidateStudy, Check, Comparison, Study
from record.pair import CONTROL

MAX_CHARS = 60_000
"""GitHub refuses comments above 65,536 characters; what is left out is named."""

_MARK: dict[Weight, str] = {"obstacle": "**no decision:** ", "warning": "**warning:** ", "fact": ""}
_GAP = "\u200b"
"""A space without a width: mentions, references and addresses end before it."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "$": "&#36;"}
_STRUCTURE = re.compile(r"[\\`*_{}\[\]~!#^]")
_FIRST = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+](?:\s|$)|[-=]{2}|/))")
"""Where a text begins it would begin a list, a line or a command as well."""
_REFERENCES = (
    # @somebody; #12, !12, ~label, %milestone, :emoji:, and what stands before a host or an account.
    (re.compile(r"([@#!~%^&])(?=[\w\"'/*.-])|(:)(?=[A-Za-z+])"), rf"\1\2{_GAP}"),
    (re.compile(r"(?<=[\w&])(?=://|@)"), _GAP),
    (re.compile(r"\b(www|gh|mailto|xmpp)(?=[.:-])", re.IGNORECASE), rf"\1{_GAP}"),
)
_COMMIT = re.compile(r"\b[0-9a-f]{7,}\b", re.IGNORECASE)
"""A commit's name becomes a link where there is such a commit; six digits are no name."""


def escaped(text: str, length: int = 1000) -> str:
    """Text as Markdown that shows the same characters and means nothing, on one line that it may begin."""
    return _FIRST.sub(r"\1\\", inline(text, length))


def inline(text: str, length: int = 1000) -> str:
    """The same where something of ours stands before it: in a table's cell, for example."""
    text = clipped(text, length).strip()
    for pattern, instead in _REFERENCES:
        text = pattern.sub(instead, text)
    text = _COMMIT.sub(lambda found: re.sub("(.{6})", rf"\1{_GAP}", found[0]), text)
    return "".join(_literal(char) for char in text)


def _literal(char: str) -> str:
    if char in _ENTITIES:
        return _ENTITIES[char]
    return f"\\{char}" if _STRUCTURE.match(char) else char


def as_markdown(study: Study, *, title: str = "shadowbench report", everything: bool = False) -> str:
    """The comment: decisions first, then why, then the numbers.

    Args:
        study: what it says.
        title: of the comment.
        everything: every metric, reason and fact; else what decides and what is known.
    """
    parts = [_head(study, title)]
    shown = selection.shown_candidates(study)
    parts += [_candidate(candidate, study, everything=everything) for candidate in shown]
    parts += [
        _numbers(candidate.name, showing.of_candidate(candidate, study, everything=everything))
        for candidate in shown
        if candidate.pairs
    ]
    parts += [_between(between, study, everything=everything) for between in study.between]
    parts += [_segments(study)] if study.segments else []
    return _bounded(parts, _legend(study))


def _bounded(parts: Sequence[str], legend: str) -> str:
    """As many parts as a comment holds, in their order, and the legend."""
    kept: list[str] = []
    left = MAX_CHARS - len(legend)
    for part in parts:
        if len(part) > left:
            kept.append(f"The rest ({len(parts) - len(kept)} parts) is too long for a comment; see the JSON form.\n")
            break
        kept.append(part)
        left -= len(part) + 1
    return "\n".join([*kept, legend])


def _head(study: Study, title: str) -> str:
    window = f"{words.moment(study.asked.since)} to {words.moment(study.asked.until)} UTC"
    lines = [f"### {title}", ""]
    lines += [f"* **{escaped(c.name, 80)}: {c.decision}** ({_counts(c)})" for c in study.candidates]
    if not selection.shown_candidates(study):
        lines.append("Nothing to report: there is no candidate and no pair in the window.")
    lines += ["", f"Window: {window}."]
    lines += ["", *(f"* {escaped(note)}" for note in study.notes)]
    return _lines(lines)


def _counts(candidate: CandidateStudy) -> str:
    """`1,000 pairs; 2 of 3 rules passed, 1 open`"""
    said = words.counted(candidate.pairs, "pair")
    if candidate.checks:
        counts = {finding: sum(c.finding == finding for c in candidate.checks) for finding in words.FINDING_STYLE}
        rest = "".join(f", {counts[finding]} {finding}" for finding in ("failed", "open") if counts[finding])
        said += f"; {counts['passed']} of {len(candidate.checks)} rules passed{rest}"
    return said


def _candidate(candidate: CandidateStudy, study: Study, *, everything: bool) -> str:
    against = "the primary against itself" if candidate.name == CONTROL else "against the primary"
    lines = [f"#### {escaped(candidate.name, 80)} {against}: {candidate.decision}", ""]
    lines += [f"* because {escaped(reason)}" for reason in selection.reasons(candidate)]
    score = selection.score_text(candidate)
    lines += [f"* score: {escaped(score)}"] if score is not None else []
    if candidate.checks:
        lines += ["", "| rule | found | in words |", "|---|---|---|"]
        lines += [_check(check) for check in selection.checks(candidate)]
    weighed = remarks(candidate, everything=everything)
    said = [f"* {_MARK[remark.weight]}{escaped(remark.text)}" for remark in weighed]
    shown = showing.of_candidate(candidate, study, everything=everything)
    said += [f"* {escaped(text)}" for text in shown.agreements]
    said += [f"* still needed for a verdict on {escaped(text)}" for text in shown.needed]
    judged = [
        f"{'  ' * line.depth}* {escaped(line.text)}" for line in quality_form.lines(candidate, everything=everything)
    ]
    return _lines([*lines, "", *said, *judged, f"* {escaped(selection.states_text(candidate))}"])


def _check(check: Check) -> str:
    rule = check.rule.metric if check.rule.estimand is None else f"{check.rule.metric} {check.rule.estimand}"
    name = f"{rule}, {check.rule.require.replace('_', ' ')} ({check.role})"
    return f"| {inline(name)} | {check.finding} | {inline(check.sentence)} |"


def _numbers(name: str, shown: Shown, arms: tuple[str, str] = ("primary", "candidate")) -> str:
    rows = shown.rows
    if not rows:
        return _lines([f"#### {escaped(name, 80)}: no metric to show"])
    level = words.level_text(rows[0].level)
    head = ("metric", escaped(arms[0], 80), escaped(arms[1], 80), "difference", f"{level} interval", "relative")
    ruled = selection.has_rules(rows)
    columns = [*head, *(("bound", "allowed") if ruled else ()), "verdict"]
    lines = [f"#### {escaped(name, 80)}: metrics", "", f"| {' | '.join(columns)} |"]
    lines.append(f"|---|{'---:|' * (len(columns) - 2)}---|")
    lines += [_row(row, ruled=ruled) for row in rows]
    why = [f"* undecided ({escaped(group.reason)}): {escaped(', '.join(group.titles))}" for group in shown.undecided]
    why += [] if shown.rest is None else [f"* {escaped(shown.rest)}"]
    return _lines([*lines, *(["", *why] if why else [])])


def _row(row: Comparison, *, ruled: bool) -> str:
    metric = row.metric
    rule = (words.bound(row), words.allowed(row)) if row.require else ("", "")
    cells = [
        words.heading(metric),
        words.value(metric, row.primary),
        words.value(metric, row.candidate),
        words.difference(metric, row.difference, row.interval),
        words.ends(metric, row.interval),
        words.relative_of(row),
        *(rule if ruled else ()),
        words.WORD[row.verdict],
    ]
    return f"| {' | '.join(inline(cell) for cell in cells)} |"


def _between(between: Between, study: Study, *, everything: bool) -> str:
    name = f"{clipped(between.second)} minus {clipped(between.first)}, on the same requests"
    shown = showing.of_between(between, study, everything=everything)
    return _numbers(name, shown, (between.first, between.second))


def _segments(study: Study) -> str:
    lines = [f"#### Segments ({escaped(selection.segments_sentence(study))})", ""]
    return _lines([*lines, *(f"* {escaped(segments_form.sentence(s))}" for s in selection.found_segments(study))])


def _legend(study: Study) -> str:
    kind = words.kind_sentence(study.kind, study.level, study.planned_pairs)
    said = (
        f"{printable(kind)} Differences are candidate minus primary over pairs of answers to the same request. bound: "
        "what the difference is at most (≤) or at least (≥); a rule holds when it lies within what is allowed."
    )
    return f"{escaped(said)}\n"


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
