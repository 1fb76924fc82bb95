"""`shadowbench report`: what the pairs of a window say about each candidate."""

from datetime import UTC, datetime
from pathlib import Path

import click

from cli.commands.options import Moment, configuration
from cli.commands.rendering import form_options, write
from cli.commands.studying import Question, answer, known_metrics, policy_of, said, study_options


@click.command()
@study_options
@form_options
def report(
    *,
    config_file: Path | None,
    since: Moment,
    until: Moment,
    candidates: tuple[str, ...],
    pairs: Path | None,
    fixed: bool,
    form: str,
    out: Path | None,
    everything: bool,
) -> int:
    """Compares each candidate with the primary: latency, tokens, cost, errors, with intervals and verdicts.

    Reads the store, whether `serve` runs or not, or with --pairs a file, which needs no configuration. Intervals hold
    however often you look; with --fixed they are narrower and hold for one look. Decisions follow the `policy:` of the
    configuration.

    \b
    Example:
      shadowbench report
      shadowbench report -c shadowbench.yaml --since 7d --candidate llama-70b --format json --out report.json
      shadowbench report --pairs offline-eval.csv --fixed
    """
    config = None if pairs is not None and config_file is None else configuration(config_file)
    metrics = known_metrics()
    question = Question(
        config=config,
        pairs=pairs,
        since=said("since", since, pairs),
        until=said("until", until, pairs),
        candidates=candidates,
        kind="fixed" if fixed else "anytime",
        policy=None if config is None else policy_of(config, metrics),
        metrics=metrics,
    )
    write(answer(question, datetime.now(UTC)).study, form, out, title="shadowbench report", everything=everything)
    return 0
