"""What programs say: feedback on one answer, and batches of labels."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Discriminator, Field, JsonValue, Tag, TypeAdapter

from analyzer.dashboard.api.shapes import Body, Identifier, SaidAt
from analyzer.labels_in.columns import HIGHEST_SCORE, LOWEST_SCORE, MAX_RATIONALE_CHARS, NAME_CHARS

MAX_LABELS = 1_000
"""Of one batch."""
MAX_FEEDBACK_BYTES = 2**18
MAX_LABELS_BYTES = 2**22

Name = Annotated[str, Field(min_length=1, max_length=NAME_CHARS)]
Reason = Annotated[str, Field(max_length=MAX_RATIONALE_CHARS)]
AnswerScore = Annotated[float, Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)]


class _Feedback(Body):
    request_id: UUID = Field(description="`x-shadowbench-request-id` of the answer (`listen.send_request_id`).")
    labeler: Name = Field(description="Who says it, as your application names them; a pseudonym is enough.")
    source: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")] = Field(
        default="api", description="Where it was said. It is kept as the rubric `feedback:SOURCE`."
    )
    candidate: Identifier | None = Field(
        default=None, description="Only of the pair with this one; null: of all pairs of the request."
    )
    comment: Reason = Field(default="", description="Why, in words; kept as `privacy` allows.")
    labeled_at: SaidAt | None = Field(default=None, description="When it was said; null: now.")


class ThumbsFeedback(_Feedback):
    """A thumb for the answer that the client got."""

    thumbs: Literal["up", "down"] = Field(description="Stored as the primary's score: 10 or 1.")


class ScoreFeedback(_Feedback):
    """A score of the answer that the client got."""

    score: AnswerScore = Field(description="1 to 10, stored as the primary's score.")


class PreferenceFeedback(_Feedback):
    """Which of both answers is better, where somebody saw both."""

    preference: Annotated[float, Field(ge=-1, le=1)] = Field(
        description="-1 to 1, positive: the candidate's is better. Names its candidate where the request has several."
    )


_KINDS = ("thumbs", "score", "preference")


def _kind(value: Any) -> str:
    """By what it says; what says nothing is told that it lacks thumbs."""
    return next((kind for kind in _KINDS if isinstance(value, Mapping) and kind in value), _KINDS[0])


AnyFeedback = ThumbsFeedback | ScoreFeedback | PreferenceFeedback
FEEDBACK: TypeAdapter[AnyFeedback] = TypeAdapter(
    Annotated[
        Annotated[ThumbsFeedback, Tag("thumbs")]
        | Annotated[ScoreFeedback, Tag("score")]
        | Annotated[PreferenceFeedback, Tag("preference")],
        Discriminator(_kind),
    ]
)


class Label(Body):
    """What one person says of one pair. It names the pair by `request_id` and `candidate`, or by a sheet's `key`."""

    request_id: UUID | None = Field(default=None, description="Of the request.")
    candidate: Identifier | None = Field(default=None, description="Its name.")
    key: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="In their place: the key of a row of a sheet (`labels export --unlabelled`)."
    )
    labeler: Name | None = Field(default=None, description="Who says it; null: the batch's.")
    winner: Literal["primary", "candidate", "tie", "a", "b"] | None = Field(
        default=None, description="Which answer is better; with a `key`: `a`, `b` or `tie`."
    )
    preference: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        default=None, description="In its place: -1 to 1, positive: the candidate's is better."
    )
    score_primary: AnswerScore | None = Field(
        default=None, description="1 to 10; both scores, or none; alone where the rubric is `feedback:SOURCE`."
    )
    score_candidate: AnswerScore | None = Field(default=None, description="1 to 10.")
    rubric: Identifier | None = Field(
        default=None,
        description="By what measure: a name, an id as tables have it, or `feedback:SOURCE`; null: the batch's.",
    )
    inclusion_probability: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="With which the pair was drawn for labelling; null: unknown."
    )
    rationale: Reason = Field(default="", description="Why, in words; kept as `privacy` allows.")
    labeled_at: SaidAt | None = Field(default=None, description="When it was said; null: now.")


class Labels(Body):
    """A batch of labels: all are stored, or none."""

    labels: Annotated[list[Label], Field(min_length=1, max_length=MAX_LABELS)] = Field(
        description=f"At most {MAX_LABELS:,}."
    )
    labeler: Name | None = Field(default=None, description="Who says them, where a label does not.")
    rubric: Identifier | None = Field(
        default=None, description="By what measure, where a label does not say; null: the judge's."
    )
    skip_bad: bool = Field(
        default=False,
        description="Store the others where some are about unknown pairs, or contradict themselves: `details` names "
        "these.",
    )


def as_rows(said: Labels) -> list[dict[str, JsonValue]]:
    """Labels as rows of a file: columns that are not given are absent."""
    return [
        {"rubric": said.rubric} | one.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        for one in said.labels
    ]
