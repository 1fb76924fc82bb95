"""The control leg in one sentence: does the primary differ from itself?"""

from collections.abc import Sequence

from analyzer.integrity import Control


def control_text(control: Control) -> str:
    """Says what each metric shows by itself, as a table does, and what is left after Holm over all of them."""
    asked = control.asked
    if not asked:
        return f"{control.pairs:,} pairs, too little yet for a check of the setup"
    after = f"after correcting for {_counted(len(asked), 'look')} (Holm)"
    level = f"{asked[0].level * 100:g} %"
    if not control.differs_alone:
        said = f"none of {_counted(len(asked), 'metric')} differs at {level} by itself, so none {after}"
    else:
        alone = _titles(control, control.differs_alone)
        verb, each = ("differs", "") if len(control.differs_alone) == 1 else ("differ", "each ")
        said = f"{len(control.differs_alone)} of {_counted(len(asked), 'metric')} {verb} at {level} {each}by itself"
        said += f" ({alone}), {len(control.differs) or 'none'} {after}"
    return f"{control.pairs:,} pairs, {said}{_conclusion(control)}"


def _conclusion(control: Control) -> str:
    if not control.differs:
        return ", as it should be"
    return f": {_titles(control, control.differs)}, so the setup favours an arm there"


def _titles(control: Control, metrics: Sequence[str]) -> str:
    return ", ".join(row.measure.shown.title for row in control.asked if row.measure.metric in metrics)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
