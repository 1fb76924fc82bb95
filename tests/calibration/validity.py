"""The page of results: docs/validity.md."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.calibration.tables import Section

_OPENING = """# Validity

Does what shadowbench says hold as often as it claims? This page is made by `make calibrate`: simulated traffic whose
true difference is known, and the product's own functions, from block sums to verdicts.

## What holds by theorem, and what by simulation

- **By theorem**, as pairs grow many: asymptotic confidence sequences of independent pairs with finite variance
  (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024), and means of judgements that labels correct, whatever the
  judge's bias, where the labelled pairs are a random part of the judged ones (Angelopoulos, Duchi and Zrnic 2023). At
  any number of pairs: the beta-binomial and Dirichlet mixtures of independent counts (Robbins 1970; Howard and others
  2021; Lindon and Malek 2022), the worst-case bounds of missing requests (Manski 1990), intersection-union gates
  (Berger 1982) and Holm's correction (1979).
- **By simulation alone**, on this page: everything with an error that is robust to dependence. Blocks are merged until
  they look uncorrelated, the larger of the errors over time blocks and over conversation buckets counts, and the
  theorem's sequence is used with it. No quoted theorem covers that, nor the delta method (ratios) and Bahadur's form
  (quantiles) at any number of looks.
- **Not** where load lasts so long that the window holds too few independent stretches of it (slow load, below), and not
  exactly where long conversations and load are both strong at once: each error sees one of the two.
- **Nor** can figures speak of what has not happened yet: outages that make errors come in runs, before the first of
  them, and time-outs that are rarer than one in the pairs so far, in a mean under the time-out. A policy's `days: 7`
  and a guardrail on `timeout_rate` are there for that.
"""


@dataclass(frozen=True, slots=True)
class Made:
    """How the page was made."""

    command: str
    seed: int
    replications: int
    seconds: float
    processes: int
    versions: str


def page(made: Made, sections: Sequence[Section]) -> str:
    """Markdown."""
    how = (
        f"Made by `{made.command}`: up to {made.replications:,} replications of each line (dear ones fewer), seed "
        f"{made.seed}, {made.processes} processes, {made.seconds / 60:.0f} minutes; {made.versions}. "
        "`±` is 95 % Monte-Carlo error.\n"
    )
    return "\n".join([_OPENING, how, _bars(sections), *(_section(section) for section in sections)])


def unmet(sections: Sequence[Section]) -> list[str]:
    """Bars that are missed, in words."""
    return [
        f"{section.title}: {bar.says}: {bar.figure}" for section in sections for bar in section.bars if not bar.is_met
    ]


def _bars(sections: Sequence[Section]) -> str:
    missed = unmet(sections)
    count = sum(len(section.bars) for section in sections)
    lines = [f"## Bars\n\n{count - len(missed)} of {count} bars are met."]
    if missed:
        lines.append("\nMissed:\n\n" + "\n".join(f"- {line}" for line in missed))
    return "\n".join(lines) + "\n"


def _section(section: Section) -> str:
    bars = "\n".join(f"- {'met' if bar.is_met else '**missed**'}: {bar.says}: {bar.figure}" for bar in section.bars)
    parts = [f"## {section.title}", section.words, *(table.markdown() for table in section.tables), section.below, bars]
    return "\n\n".join(part for part in parts if part) + "\n"
