"""`shadowbench gate`: go or no-go, as an exit code."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from click.core import ParameterSource

from analyzer.answering import Answer
from analyzer.gate import EXIT_CODES, decisions_of, result_of
from analyzer.metrics import Metric
from analyzer.moments import Moment
from analyzer.policy_names import placed_faults
from analyzer.report.printable import printable
from analyzer.results import Decision
from analyzer.verdict_file import VerdictFileError, contents, encoded, load, verify
from cli.commands.deciding import record_decisions
from cli.commands.options import DEFAULT_FILE, DEMO_FILE, configuration
from cli.commands.rendering import form_options, write
from cli.commands.studying import Asked, answer, known_metrics, policy_of, said, study_options
from config.experiment import deciding
from config.model import Config
from config.policy import Policy
from config.policy_file import read_policy
from config.source import ConfigError
from record.pair import CONTROL
from runtime.version import version
from store.transfer.forms import PairsFileError
from store.transfer.target import WritingFailed, require_free, whole_file

INTERNAL = 70


@click.command()
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What decides, in a file of its own [the configuration's `policy:`].",
)
@study_options
@form_options
@click.option(
    "--verdict",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Write the verdict with every figure that it rests on; gzipped when the name ends in .gz.",
)
@click.option(
    "--verify",
    "verify_file",
    type=click.Path(path_type=Path),
    metavar="VERDICT",
    help="Compute such a verdict again, from its file alone, and compare.",
)
def gate(
    *,
    policy_file: Path | None,
    config_file: Path | None,
    since: Moment,
    until: Moment,
    candidates: tuple[str, ...],
    pairs: Path | None,
    fixed: bool,
    form: str,
    out: Path | None,
    everything: bool,
    verdict: Path | None,
    verify_file: Path | None,
) -> int:
    """Asks the policy: may each candidate be promoted?

    \b
    Ends with
      0   pass: every candidate (of those named with --candidate) may be promoted
      1   fail: at least one breaks a rule of the policy
      2   undecided: not enough is known yet, or the sample is not sound
      64  wrong usage, configuration or file
      70  internal error, a store that does not answer, or a verdict that does not verify

    The decisions go into the store's table `decisions`, unless pairs come from a file. It may be run as often as you
    like; with --fixed it holds for one run at a time chosen beforehand.

    \b
    Example:
      shadowbench gate --policy policy.yaml --since 7d --format md --out comment.md --verdict verdict.json.gz
      shadowbench gate --pairs offline-eval.parquet --policy policy.yaml --format junit --out gate.xml
      shadowbench gate --verify verdict.json.gz
    """
    if verify_file is not None:
        _require_alone()
        return _verified(verify_file)
    if CONTROL in candidates:
        raise click.UsageError("the control is the primary itself, about which there is nothing to decide")
    metrics = known_metrics()
    config = _configuration(config_file, pairs=pairs, policy_file=policy_file)
    policy = _policy(policy_file, config, metrics)
    if verdict is not None:
        _require_place(verdict)
    now = datetime.now(UTC)
    asked = Asked(
        config=config,
        pairs=pairs,
        since=said("since", since, pairs),
        until=said("until", until, pairs),
        candidates=candidates,
        kind="fixed" if fixed else "anytime",
        policy=policy,
        metrics=metrics,
    )
    made = answer(asked, now)
    if not made.study.candidates and pairs is None:
        raise click.UsageError("no candidate is configured or has pairs in the window: there is nothing to decide")
    if verdict is not None:
        _write_verdict(verdict, made)
    write(made, form, out, title="shadowbench gate", everything=everything)
    if config is not None and pairs is None:
        record_decisions(config, made, now)
    return _ended(decisions_of(made.study.candidates))


def _ended(decisions: Mapping[str, Decision]) -> int:
    """Says the result on standard error, where it is in the way of no form."""
    result = result_of(decisions)
    said_ = ", ".join(f"{name}: {decision}" for name, decision in decisions.items())
    print(printable(f"gate: {result} ({said_ or 'there is no candidate to decide about'})"), file=sys.stderr)
    return EXIT_CODES[result]


def _require_alone() -> None:
    """Raises click.UsageError when anything stands beside --verify."""
    context = click.get_current_context()
    beside = [
        name
        for name in context.params
        if name != "verify_file" and context.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if beside:
        raise click.UsageError("--verify needs the verdict file and nothing else: everything is in it")


def _verified(file: Path) -> int:
    """As the stored decision where computing it again gives the same, else 70: that is no decision."""
    try:
        found = verify(load(file), known_metrics(), shadowbench=version())
    except VerdictFileError as error:
        raise click.UsageError(printable(str(error))) from None
    for note in found.notes:
        print(printable(f"gate: {note}"), file=sys.stderr)
    if found.differences:
        for line in found.differences:
            print(printable(f"gate: {line}"), file=sys.stderr)
        differs = f"{len(found.differences)} difference{'s' if len(found.differences) > 1 else ''}"
        print(printable(f"gate: {file} does not verify ({differs}): do not rely on it"), file=sys.stderr)
        return INTERNAL
    decided = ", ".join(f"{name}: {decision}" for name, decision in found.decisions.items())
    print(printable(f"{file} verifies: its figures and its policy give its report and its decisions ({decided})"))
    return found.exit_code


def _configuration(file: Path | None, *, pairs: Path | None, policy_file: Path | None) -> Config | None:
    """With pairs and a policy of their own nothing is left to configure."""
    if file is not None or pairs is None:
        return configuration(file)
    if policy_file is None and not any(path.exists() for path in (DEFAULT_FILE, DEMO_FILE)):
        raise click.UsageError("nothing says what decides; name a policy with --policy FILE")
    return None if policy_file is not None else configuration(None)


def _policy(file: Path | None, config: Config | None, metrics: Sequence[Metric]) -> Policy:
    """The named file's, else the configuration's.

    Raises:
        click.UsageError: there is none, or it names no metric.
        ConfigError: with all its faults.
    """
    if file is None:
        policy = None if config is None else policy_of(config, metrics)
        if policy is None:
            raise click.UsageError("the configuration has no `policy:`; declare one, or name one with --policy FILE")
    else:
        loaded = read_policy(file)
        faults = [loaded.fault(path, text) for path, text in placed_faults(loaded.policy, metrics)]
        if faults:
            raise ConfigError(faults)
        policy = loaded.policy
        if config is not None and config.policy is not None and deciding(config.policy) != deciding(policy):
            said = "the policy is not the one of the configuration, under which the experiment began"
            print(f"gate: {said}; decisions assume that it was declared before looking", file=sys.stderr)
    return policy


def _require_place(path: Path) -> None:
    """Before anything is computed: can the verdict be written?"""
    try:
        require_free(path, force=True)
    except PairsFileError as error:
        raise click.UsageError(f"--verdict {error}") from None


def _write_verdict(path: Path, made: Answer) -> None:
    values = contents(made.figures, made.plan, made.study, shadowbench=version())
    try:
        with whole_file(path, force=True, is_private=False) as file:
            file.write(encoded(values, path.name))
    except PairsFileError as error:
        raise click.UsageError(f"--verdict {error}") from None
    except WritingFailed as error:
        raise click.ClickException(f"--verdict {error}") from None
