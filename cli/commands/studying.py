"""What `report` and `gate` have in common: where pairs come from, what is asked of them, and the study."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from analyzer.figures import Figures
from analyzer.gathering import gather, known_candidates
from analyzer.metrics import Metric
from analyzer.plan import Plan
from analyzer.plugins import PluginError, all_metrics
from analyzer.policy_names import placed_faults
from analyzer.reading import Setting, Source
from analyzer.report.json_form import digest
from analyzer.results import Kind, Study
from analyzer.source import Window
from analyzer.study import study
from cli.commands.options import Moment, config_option, stored_pairs, window, window_options
from cli.commands.pairs_source import file_window, pairs_source
from config.model import Config
from config.policy import Policy
from config.source import ConfigError, Fault, key_text
from record.pair import CONTROL


@dataclass(frozen=True, slots=True)
class Question:
    """What a command was asked."""

    config: Config | None
    pairs: Path | None
    """A file instead of the store."""
    since: Moment | None
    """None: from the first pair of the file."""
    until: Moment | None
    """None: to the last pair of the file."""
    candidates: tuple[str, ...]
    """Names; empty: all."""
    kind: Kind
    policy: Policy | None
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it."""

    figures: Figures
    plan: Plan
    study: Study


def study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is compared: configuration, window, candidates, `--pairs`, `--fixed`."""
    candidate = click.option(
        "--candidate", "candidates", metavar="NAME", multiple=True, help="Only this one; may be repeated."
    )
    pairs = click.option(
        "--pairs",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Pairs of this JSONL, CSV or Parquet file instead of the store's; all, unless --since is given.",
    )
    fixed = click.option(
        "--fixed",
        is_flag=True,
        help="Intervals for one look at a time chosen beforehand, instead of such that hold however often one looks.",
    )
    return config_option(window_options(candidate(pairs(fixed(command)))))


def known_metrics() -> tuple[Metric, ...]:
    """All that there are, those of plug-ins among them.

    Raises:
        click.UsageError: a plug-in cannot be used.
    """
    try:
        return all_metrics()
    except PluginError as error:
        raise click.UsageError(str(error)) from None


def policy_of(config: Config, metrics: Sequence[Metric]) -> Policy | None:
    """The configuration's policy, if it has one.

    Raises:
        ConfigError: with every rule whose metric is none, or cannot be asked so.
    """
    if config.policy is None:
        return None
    faults = [Fault("policy", key_text(path), text) for path, text in placed_faults(config.policy, metrics)]
    if faults:
        raise ConfigError(faults)
    return config.policy


def said(name: str, moment: Moment, pairs: Path | None) -> Moment | None:
    """An end of the window; None where a file of pairs says it, because nobody else did."""
    source = click.get_current_context().get_parameter_source(name)
    return None if pairs is not None and source is ParameterSource.DEFAULT else moment


def answer(question: Question, now: datetime) -> Answer:
    """Reads what is needed and computes the study.

    Raises:
        click.UsageError: a candidate is not known, or the window is none.
        StoreTrouble: the store does not answer.
    """
    config = question.config
    with _opened(question, now) as (source, asked):
        together, shown = _chosen(source, asked, question)
        plan = Plan(
            window=asked,
            candidates=together,
            shown=shown,
            kind=question.kind,
            policy=question.policy,
            block_s=None if config is None else config.blocks.length,
            metrics=question.metrics,
            config_digest="" if config is None else config_digest(config),
        )
        figures = gather(source, plan, setting_of(config), now=now)
    return Answer(figures, plan, study(figures, plan))


@contextlib.contextmanager
def _opened(question: Question, now: datetime) -> Iterator[tuple[Source, Window]]:
    if question.pairs is not None:
        file = pairs_source(question.pairs, question.config)
        yield file, file_window(file, question.since, question.until, now)
        return
    if question.config is None or question.since is None or question.until is None:
        raise AssertionError("without a file of pairs there is a configuration, and a window")
    with stored_pairs(question.config) as store:
        yield store, window(question.since, question.until, now)


def _chosen(source: Source, asked: Window, question: Question) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """(names that are judged together, names to report or None for all)"""
    configured = () if question.config is None or question.pairs is not None else question.config.candidates
    known = known_candidates(source, asked, [c.name for c in configured])
    unknown = [name for name in question.candidates if name not in known]
    if unknown:
        raise click.UsageError(_unknown_text(unknown[0], known, in_file=question.pairs is not None))
    # The control stands beside each candidate already; it gets a table of its own only when nothing else does.
    real = tuple(name for name in known if name != CONTROL)
    wanted = tuple(dict.fromkeys(question.candidates))
    if wanted and CONTROL not in wanted:
        return real, wanted
    return wanted or real or known, None


def _unknown_text(name: str, known: Sequence[str], *, in_file: bool) -> str:
    said = ", ".join(known) if known else "none"
    where = "has pairs in the file and window" if in_file else "is configured or has pairs in the window"
    return f"no candidate {name!r} {where}; known: {said}"


def setting_of(config: Config | None) -> Setting:
    """What of the configuration a reading depends on."""
    if config is None:
        return Setting()
    return Setting(
        block_s=config.blocks.length,
        caps_ms={c.name: c.timeout.total * 1000 for c in config.candidates},
        loop_lag_ms=config.limits.loop_lag * 1000,
        # Also where it is off by now: the window may hold periods from before.
        switchback_s=config.switchback.period,
    )


def config_digest(config: Config) -> str:
    """SHA-256 of a configuration; secrets are no part of it."""
    return digest(config.model_dump(mode="json"))
