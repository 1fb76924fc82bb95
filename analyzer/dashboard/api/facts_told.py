"""What is answered about everything that is no single pair: metrics, states, reports, setting, and what was said."""

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from analyzer.dashboard.api.shapes import Moment, Told, described_by
from analyzer.dashboard.api.told import Window
from store.tables import DECISIONS, EXPERIMENTS


class Margin(Told):
    """How much worse is acceptable where a policy says nothing."""

    value: float
    relative: bool = Field(description="It is a share of the primary's value; else in the metric's unit.")


class CatalogueMetric(Told):
    """One question of a report."""

    metric: str
    estimand: str
    title: str
    unit: str
    better: Literal["lower", "higher"] | None = Field(description="Which direction is better; null: neither by itself.")
    margin: Margin
    origin: Literal["pairs", "rollups", "judgements", "scores"] = Field(description="Where its values come from.")
    method: str = Field(description="How it is estimated, in words.")


class Catalogue(Told):
    """Every question that a report answers, those of plug-ins among them."""

    metrics: list[CatalogueMetric]


class CandidateStates(Told):
    """How requests ended for one candidate."""

    candidate: str
    states: dict[str, int] = Field(description="`received`, and the one state in which each request ended.")
    classes: dict[str, int] = Field(
        description="The same by what they mean to a verdict: `not_asked`, `by_design`, `candidate`, `ours`, `kept`."
    )


class States(Told):
    """States of requests."""

    window: Window
    candidates: list[CandidateStates]


class ReportedCandidate(Told):
    """One candidate in a report."""

    name: str
    decision: str
    pairs: int
    reason: str


class ReportLine(Told):
    """One report of the shelf."""

    name: str
    due: Moment = Field(description="When it was due.")
    since: str
    until: str
    id: str
    candidates: list[ReportedCandidate]


class ReportList(Told):
    """Reports that were written by themselves, the newest first."""

    is_on: bool = Field(description="The configuration asks for reports (`reports:`).")
    reports: list[ReportLine]


class Configuration(Told):
    """The configuration in force."""

    digest: str = Field(description="SHA-256 of it; secrets are no part.")
    configuration: dict[str, Any] = Field(
        description="As in the file, with every default; durations are seconds, sizes bytes, secrets masked."
    )


class Experiment(Told):
    """What an experiment id stands for."""

    model_config = ConfigDict(json_schema_extra=described_by(EXPERIMENTS.columns))

    id: str
    candidate: str
    compared: dict[str, Any] | None = Field(description="What is compared: urls, models, params.")
    policy: dict[str, Any] | None = Field(description="Policy that decides; null: none was declared.")
    planned_pairs: int | None
    created: Moment


class Experiments(Told):
    """Experiments, the newest first."""

    experiments: list[Experiment]


class Decision(Told):
    """One decision of `gate` or a promotion."""

    model_config = ConfigDict(json_schema_extra=described_by(DECISIONS.columns))

    id: UUID
    decided_at: Moment
    candidate: str
    experiment: str
    source: str
    decision: str
    reasons: list[str]
    since: Moment
    until: Moment
    pairs: int
    policy_digest: str
    report_digest: str
    decided_by: str


class Decisions(Told):
    """Decisions, the newest first."""

    decisions: list[Decision]


class FeedbackStored(Told):
    """Feedback is on the store's disk."""

    request_id: UUID
    candidates: list[str] = Field(description="With whose pairs it stands.")
    rubric: str = Field(description="Under which it stands: `feedback:SOURCE`.")


class LabelsStored(Told):
    """A batch of labels is on the store's disk."""

    rows: int = Field(description="Labels that were sent.")
    labels: int = Field(description="New ones.")
    replaced: int = Field(description="Such that replace what the same person said before.")
    already_there: int
    older: int = Field(description="Such that the same person has replaced since.")
    unfilled: int = Field(description="Such that say nothing: rows of a sheet that nobody has filled in.")
    bad: int = Field(description="Such that were left out (`skip_bad`).")
    details: list[str] = Field(description="Why those were left out.")
