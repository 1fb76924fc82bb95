"""The control leg in one sentence: is the primary equivalent to itself?"""

from analyzer.integrity.results import ControlCheck, Integrity
from analyzer.metrics import METRICS, named
from analyzer.report import words


def control_text(integrity: Integrity, *, most: int | None = None) -> str | None:
    """Says how many metrics pass, and names those that do not; None without a control leg.

    Args:
        integrity: of one candidate's sample.
        most: names of metrics of which too little is known to say; None: all.
    """
    checks = integrity.control
    if checks is None:
        return None
    pairs = words.counted(integrity.control_pairs, "pair")
    if not checks:
        return f"{pairs}, no metric with a margin to check"
    passed = [c for c in checks if c.finding == "passed"]
    said = f"{pairs}, equivalent to itself in {len(passed)} of {words.counted(len(checks), 'metric')}"
    failed = [c for c in checks if c.finding == "failed"]
    waiting = [c for c in checks if c.finding == "open"]
    if failed:
        said += f"; differs in {_titles(failed)}, so the setup favours an arm there"
    if waiting:
        beyond = [] if most is None else waiting[most:]
        others = f" and {words.counted(len(beyond), 'other')}" if beyond else ""
        said += f"; too few pairs to say of {_titles(waiting[:most])}{others}"
    return said if failed or waiting else f"{said}, as it should be"


def _titles(checks: list[ControlCheck]) -> str:
    return ", ".join(_title(check) for check in checks)


def _title(check: ControlCheck) -> str:
    found = next((m for m in METRICS if m.key == (check.metric, check.estimand)), None) or named(METRICS, check.metric)
    return f"{check.metric} {check.estimand}" if found is None else words.title(found)
