"""Everything that the API can be asked: declared once. Routes, checks and the document follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from analyzer.dashboard.api import asked, bodies, facts_told, told
from analyzer.dashboard.api.shapes import Query, Told

Method = Literal["GET", "POST"]
Tag = Literal["Comparisons", "Pairs", "Reports", "Setting", "Said"]
TAGS: Mapping[Tag, str] = MappingProxyType(
    {
        "Comparisons": "What the pairs of a window say about each candidate.",
        "Pairs": "Single pairs, with texts as `privacy` lets the store keep them.",
        "Reports": "Reports that were written by themselves.",
        "Setting": "What is compared, by which rules, and what was decided.",
        "Said": "What users and labelers say.",
    }
)
REPORT = "Report"
"""Name of the schema of a report, `analyzer.report.json_schema`."""
_WINDOW_FAULT = "There is no such window, or no such candidate."
_BODY_ERRORS: Mapping[int, str] = {
    400: "What was sent is not what is described here.",
    403: "The request comes from a web page of another site.",
    408: "The body was not there in time.",
    413: "It is longer than may be sent at once.",
    415: "It is not sent as `application/json`.",
}
_STORE_ERRORS: Mapping[int, str] = {
    500: "A fault of shadowbench; its log has one line about it.",
    503: "The store does not answer; `since` says since when. Ask again after `Retry-After` seconds.",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked."""

    name: str
    method: Method
    path: str
    """Below `/api/v1`; in braces the fields of `place`."""
    tag: Tag
    title: str
    text: str
    answer: type[Told] | str
    """A model, or the name of a schema written by hand."""
    answered: str
    """What it is, in words."""
    place: type[Query] | None = None
    query: type[Query] | None = None
    body: TypeAdapter[Any] | None = None
    body_bytes: int = 0
    """It may be so long."""
    body_shapes: int = 1
    """So many are told apart by what they say."""
    errors: Mapping[int, str] = field(default_factory=dict)
    """Beside those that every operation has."""
    example: str = ""
    """What stands behind the path in an example, or the JSON that is sent."""

    @property
    def all_errors(self) -> dict[int, str]:
        """Status -> when."""
        asked_wrongly = {400: "A parameter is unknown, or not as described."} if self.query or self.place else {}
        of_body = _BODY_ERRORS if self.body is not None else {}
        everywhere = {
            401: "`dashboard.token` is set, and neither it nor a session was sent.",
            421: "No token is set, and `Host` is no name of this machine.",
        }
        found = {**asked_wrongly, **of_body, **everywhere, **self.errors, **_STORE_ERRORS}
        return dict(sorted(found.items()))


_LISTS = (
    Operation(
        "comparisons", "GET", "/comparisons", "Comparisons",
        "Compares each candidate with the primary",
        "The study of a window, computed now: the same object as `shadowbench report --format json`, "
        "`shadowbench watch --json` and the live page. An answer may be a few seconds old while many ask the same; "
        "`window` says what it is about. Some of the pairs (`label`, `endpoint`, `model`, `stream`) are for looking: "
        "nothing is decided about them.",
        REPORT, "The report.",
        query=asked.OfComparisons, errors={422: _WINDOW_FAULT},
        example="?since=24h",
    ),
    Operation(
        "metrics_catalogue", "GET", "/metrics-catalogue", "Comparisons",
        "Every question that a report answers",
        "What is compared, how, and which margin holds where a policy names none.",
        facts_told.Catalogue, "The metrics, in the order of reports.",
    ),
    Operation(
        "states", "GET", "/states", "Comparisons",
        "How requests ended, per candidate",
        "Every received request ends in one counted state for each candidate. What is admitted and not there yet is "
        "`open`.",
        facts_told.States, "The states.",
        query=asked.InWindow, errors={422: _WINDOW_FAULT},
        example="?since=1h",
    ),
    Operation(
        "pairs", "GET", "/pairs", "Pairs",
        "Lists pairs",
        "The newest first, or by the largest difference. However many pairs there are, an answer looks through a "
        "bounded number of them: `looked_at` says which. In the order of time, `next` goes on where it ended; in "
        "another order, ask about a smaller window.",
        told.PairList, "A page of the list.",
        query=asked.OfPairs, errors={422: _WINDOW_FAULT},
        example="?candidate=llama-70b&outcome=candidate_failed&limit=20",
    ),
    Operation(
        "pair", "GET", "/pairs/{request_id}/{candidate}", "Pairs",
        "All that is kept of a pair",
        "Both arms with texts, judgements, labels and calls to judges. Nothing is shown that is not stored; where "
        "texts are missing, `texts.missing` says why.",
        told.PairDetails, "The pair.",
        place=asked.PairPlace, query=asked.OfPair,
        errors={404: "There is no such pair, or none any more."},
    ),
    Operation(
        "reports", "GET", "/reports", "Reports",
        "Lists past reports",
        "Those that the dashboard, or `shadowbench report --every`, wrote into `reports.dir`.",
        facts_told.ReportList, "The reports.",
        query=asked.OfReports,
    ),
    Operation(
        "report", "GET", "/reports/{name}", "Reports",
        "A past report",
        "As it was written. The HTML and Markdown forms stand at `/reports/NAME.html` and `/reports/NAME.md`.",
        REPORT, "The report.",
        place=asked.ReportPlace, errors={404: "There is no such report, or none any more."},
    ),
    Operation(
        "configuration", "GET", "/configuration", "Setting",
        "The configuration in force",
        "With every default. Secrets are masked: tokens, credentials, values of headers, addresses that may hold one.",
        facts_told.Configuration, "The configuration.",
    ),
    Operation(
        "experiments", "GET", "/experiments", "Setting",
        "What was compared",
        "An experiment changes with models, parameters, addresses and the policy, not with shares and secrets.",
        facts_told.Experiments, "The experiments.",
        query=asked.OfRows,
    ),
    Operation(
        "decisions", "GET", "/decisions", "Setting",
        "What was decided",
        "By `shadowbench gate` and promotions; nothing of it is ever changed.",
        facts_told.Decisions, "The decisions.",
        query=asked.OfRows,
    ),
)  # fmt: skip
_SAID = (
    Operation(
        "feedback", "POST", "/feedback", "Said",
        "Feedback on one answer",
        "A thumb or a score for the answer that a client got, found by the `x-shadowbench-request-id` that it came "
        "with (`listen.send_request_id: true`); or a preference, where somebody saw both answers. Say one of `thumbs`, "
        "`score` and `preference`. It is stored with every pair of the request, under the rubric `feedback:SOURCE`: it "
        "is shown and exported, and decides nothing, because who gives feedback is no random part of all users. Of one "
        "labeler and source the newest feedback counts, so sending it again does no harm. A pair is there when its "
        "slower answer has ended: until then the answer is 404 with `Retry-After`.",
        facts_told.FeedbackStored, "It is stored.",
        body=bodies.FEEDBACK, body_bytes=bodies.MAX_FEEDBACK_BYTES, body_shapes=3,
        errors={
            404: "No pair of this request is in the store, or none yet; with `Retry-After` where it may still come.",
            422: "It is well-formed, and says something impossible.",
        },
        example='{"request_id": "0195f0a0-0000-7000-8000-000000000001", "labeler": "user-17", "thumbs": "down"}',
    ),
    Operation(
        "labels", "POST", "/labels", "Said",
        "A batch of labels",
        "As `shadowbench labels import` takes them: every label is checked and every pair looked for before the first "
        "is stored; one that is bad, and nothing is, unless `skip_bad` is said. The same batch again adds nothing; a "
        "label that says something new replaces what the same person said of the same pair by the same rubric. Labels "
        "by the judge's rubric correct its verdicts, so they have to be about pairs that were drawn at random.",
        facts_told.LabelsStored, "They are stored.",
        body=TypeAdapter(bodies.Labels), body_bytes=bodies.MAX_LABELS_BYTES,
        errors={422: "A label is about an unknown pair, or contradicts itself; `details` names them."},
        example='{"labeler": "anna", "labels": [{"request_id": "0195f0a0-0000-7000-8000-000000000001", '
        '"candidate": "llama-70b", "winner": "candidate", "rationale": "Shorter, and right."}]}',
    ),
)  # fmt: skip
OPERATIONS: tuple[Operation, ...] = (*_LISTS, *_SAID)


def models() -> list[type[BaseModel]]:
    """Of all answers."""
    return list(dict.fromkeys(o.answer for o in OPERATIONS if not isinstance(o.answer, str)))
