"""What `report` and `gate` have in common: where pairs come from, what is asked of them, and the study."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from analyzer.answering import Answer, Question, UnknownCandidate
from analyzer.answering import answer as answer_of
from analyzer.metrics import Metric
from analyzer.moments import Moment
from analyzer.plugins import PluginError, all_metrics
from analyzer.policy_names import placed_faults
from analyzer.reading import Source
from analyzer.results import Kind
from analyzer.source import Window
from cli.commands.options import config_option, stored_pairs, window, window_options
from cli.commands.pairs_source import file_window, pairs_source
from config.model import Config
from config.policy import Policy
from config.source import ConfigError, Fault, key_text


@dataclass(frozen=True, slots=True)
class Asked:
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


def answer(asked: Asked, now: datetime) -> Answer:
    """Reads what is needed and computes the study.

    Raises:
        click.UsageError: a candidate is not known, or the window is none.
        StoreTrouble: the store does not answer.
    """
    with _opened(asked, now) as (source, span):
        question = Question(asked.config, span, asked.candidates, asked.kind, asked.policy, asked.metrics)
        candidates = () if asked.config is None or asked.pairs is not None else asked.config.candidates
        try:
            return answer_of(source, question, now, configured=[c.name for c in candidates])
        except UnknownCandidate as error:
            said = _unknown_text(error.name, error.known, in_file=asked.pairs is not None)
            raise click.UsageError(said) from None


@contextlib.contextmanager
def _opened(asked: Asked, now: datetime) -> Iterator[tuple[Source, Window]]:
    if asked.pairs is not None:
        file = pairs_source(asked.pairs, asked.config)
        yield file, file_window(file, asked.since, asked.until, now)
        return
    if asked.config is None or asked.since is None or asked.until is None:
        raise AssertionError("without a file of pairs there is a configuration, and a window")
    with stored_pairs(asked.config) as store:
        yield store, window(asked.since, asked.until, now)


def _unknown_text(name: str, known: Sequence[str], *, in_file: bool) -> str:
    said = ", ".join(known) if known else "none"
    where = "has pairs in the file and window" if in_file else "is configured or has pairs in the window"
    return f"no candidate {name!r} {where}; known: {said}"
