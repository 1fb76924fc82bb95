"""A configuration's judge: can it work, and what does it do in words?"""

from collections.abc import Iterator
from pathlib import Path

from analyzer.judge import money
from analyzer.judge.client import TlsError, check_certificates
from analyzer.judge.rubric import RubricError, load
from analyzer.text_metrics.registry import TextMetricError, text_metrics
from cli.settings import Loaded
from config.judge import SHIPPED_RUBRICS, Judge
from config.model import Config
from config.source import ConfigError, Fault, KeyPath, Source, key_text
from config.wording import in_order


def require_able_judge(loaded: Loaded) -> None:
    """Looks at what a configuration's judge needs, if it has one: its rubric, prices, metrics of texts.

    Raises:
        ConfigError: with everything that it could not work with.
    """
    judge = loaded.config.judge
    if judge is None:
        return
    found = [
        *_rubric_faults(judge, loaded.source),
        *(_placed(loaded.source, path, text) for path, text in money.placed_faults(loaded.config)),
        *(_placed(loaded.source, path, text) for path, text in _certificate_faults(loaded.config)),
        *(_placed(loaded.source, path, text) for path, text in _metric_faults(judge)),
    ]
    if found:
        raise ConfigError(in_order(found))


def _placed(source: Source, path: KeyPath, text: str) -> Fault:
    return Fault(source.where(path), key_text(path), text)


def _rubric_faults(judge: Judge, source: Source) -> Iterator[Fault]:
    """Those of a rubric file with its own lines; one that is not there with the line that names it."""
    path: KeyPath = ("judge", "rubric")
    if judge.rubric not in SHIPPED_RUBRICS and not Path(judge.rubric).is_file():
        yield _placed(source, path, f"there is no file {judge.rubric}; write {', '.join(SHIPPED_RUBRICS)}, or its path")
        return
    try:
        load(judge.rubric)
    except RubricError as error:
        yield from error.faults


def _metric_faults(judge: Judge) -> Iterator[tuple[KeyPath, str]]:
    for index, name in enumerate(judge.metrics):
        try:
            text_metrics(judge.model_copy(update={"metrics": (name,)}))
        except TextMetricError as error:
            yield ("judge", "metrics", index), str(error)


def _certificate_faults(config: Config) -> Iterator[tuple[KeyPath, str]]:
    for path, settings in money.endpoints(config):
        try:
            check_certificates(settings)
        except TlsError as error:
            yield (*path, "tls", "ca"), str(error)


def judge_lines(config: Config) -> list[str]:
    """What it does, a line each, and what makes its verdicts doubtful. Everything about it is in order."""
    judge = config.judge
    if judge is None:
        return []
    lines = []
    if judge.models:
        share = f"{judge.sample * 100:g} % of the pairs whose answers differ"
        lines.append(f"judge: asks {_panel(judge)} about {share}: {_question(judge)}; by {load(judge.rubric).id}")
    else:
        lines.append("judge: no model is asked; equal answers are found, and metrics of texts computed")
    if judge.metrics:
        lines.append(f"judge: metrics of texts without a model: {', '.join(judge.metrics)}")
    return lines + [f"judge: warning: {text}" for text in money.warnings(config)]


def _panel(judge: Judge) -> str:
    named = [m.model if m.name == m.model else f"{m.name} ({m.model})" for m in judge.models]
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))


def _question(judge: Judge) -> str:
    order = "asked in both orders" if judge.orders == "both" else "in a random order"
    which, how = f"which answer is better ({order})", "how good each answer is (1 to 10)"
    return {"pairwise": which, "pointwise": how, "both": f"{which}, and {how}"}[judge.mode]


def judge_form(config: Config) -> dict[str, object] | None:
    """The same for programs; None: nobody judges."""
    judge = config.judge
    if judge is None:
        return None
    return {
        "models": [{"name": model.name, "model": model.model, "url": model.url} for model in judge.models],
        "rubric": load(judge.rubric).id,
        "mode": judge.mode,
        "orders": judge.orders,
        "sample": judge.sample,
        "metrics": list(judge.metrics),
        "usd_per_day": None if judge.budget.usd_per_day is None else str(judge.budget.usd_per_day),
        "warnings": money.warnings(config),
    }
