"""Decisions of a gate into the store's table, where that may be written."""

import getpass
import sys
from datetime import datetime
from uuid import uuid4

import click

from analyzer.answering import Answer
from analyzer.report.json_form import as_json, digest
from analyzer.report.printable import printable
from cli.commands.options import stored
from config.model import Config
from runtime.version import version
from store.decisions import DecisionRow, write_decisions
from store.errors import StoreError
from store.locate import StoreConnection
from store.writer import Writer


def record_decisions(config: Config, made: Answer, now: datetime) -> None:
    """One row per candidate. A store that may only be read is no failure: the decision stands, and a line says so."""
    try:
        with stored(config, "writer"):
            writer = Writer(StoreConnection(config.store, access="writer"))
            try:
                write_decisions(writer, decision_rows(made, now))
            finally:
                writer.close()
    except (StoreError, click.ClickException) as error:
        said = error.format_message() if isinstance(error, click.ClickException) else str(error)
        print(printable(f"gate: the decision is not in the store: {said}"), file=sys.stderr)


def decision_rows(made: Answer, now: datetime) -> list[DecisionRow]:
    """In the order of the report."""
    policy = made.plan.policy
    report_digest = digest(as_json(made.study, version=version()))
    return [
        DecisionRow(
            id=uuid4(),
            decided_at=now,
            candidate=candidate.name,
            experiment=candidate.experiment or "",
            source="gate",
            decision=candidate.decision,
            reasons=candidate.reasons,
            since=made.study.window.since,
            until=made.study.window.until,
            pairs=candidate.pairs,
            policy_digest=digest(None if policy is None else policy.model_dump(mode="json")),
            report_digest=report_digest,
            decided_by=_who(),
        )
        for candidate in made.study.candidates
    ]


def _who() -> str:
    """The account; empty where the machine does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
