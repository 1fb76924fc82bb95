"""The OpenAPI document against the application that it describes: schemathesis asks everything that it allows, and much
that it does not. The seed is fixed, so each run asks the same.
"""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from analyzer.dashboard.api import openapi
from analyzer.dashboard.api.operations import OPERATIONS
from analyzer.report.json_form import as_json
from analyzer.reports.shelf import Shelf
from config.model import Store
from tests.analyzer.dashboard.conftest import Served, site_of
from tests.analyzer.dashboard.made import NOW
from tests.analyzer.report.studies import HOSTILE, empty, hostile, made

TOKEN = "a-token-of-the-dashboard"
CHECKS = {
    # 422: well-formed, and nothing that can be: the window ends before it begins.
    "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", "401", "403", "404", "422"]},
    "negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "405", "413", "415", "422"]},
}


@pytest.fixture(scope="module")
def served(pages_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    shelf = tmp_path_factory.mktemp("reports")
    text = json.dumps(as_json(made(), version="1.2.3"))
    Shelf(shelf).put(NOW.replace(microsecond=0) - timedelta(hours=1), {"json": text}, keep=5)
    reports = {"dir": str(shelf), "every": "24h", "at": (NOW + timedelta(hours=12)).strftime("%H:%M")}
    with Served(site_of(pages_store, dashboard={"token": TOKEN}, reports=reports)) as one:
        yield one


def asked(served: Served, examples: int) -> tuple[int, list[str]]:
    """(cases, what failed)"""
    config = SchemathesisConfig.from_dict(
        {
            "seed": 20261121,
            "base-url": f"{served.url}/api/v1",
            "headers": {"Authorization": f"Bearer {TOKEN}"},
            "request-timeout": 60,
            "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
            "checks": CHECKS,
        }
    )
    schema = schemathesis.openapi.from_dict(openapi.document(version="1.2.3"), config=config)
    cases, failed = 0, dict[tuple[str, str | None], str]()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            failed["error", str(event)] = str(event)
        if isinstance(event, events.ScenarioFinished):
            cases += len(event.recorder.cases)
            for case, checks in event.recorder.checks.items():
                for check in checks:
                    if check.failure_info is not None:
                        failure, sent = check.failure_info.failure, event.recorder.interactions[case]
                        said = sent.response.content[:300] if sent.response is not None else None
                        text = f"{failure.title}: {failure.message}\n{sent.request.method} {sent.request.uri}\n{said!r}"
                        failed.setdefault(
                            (check.name, failure.operation), f"{check.name} of {failure.operation}: {text}"
                        )
    return cases, list(failed.values())


def test_the_application_is_what_the_document_says(served: Served) -> None:
    """Statuses, schemas, types of content, refusals, and that nothing is answered without the token.

    SHADOWBENCH_API_EXAMPLES says how much is drawn beside what follows from the document alone.
    """
    cases, failed = asked(served, examples=int(os.environ.get("SHADOWBENCH_API_EXAMPLES", "2")))
    assert not failed, "\n\n".join(failed)
    assert cases > 300


def test_every_operation_is_described_and_refers_to_nothing_that_is_not_there() -> None:
    document = openapi.document(version="1.2.3")
    said = [(o["operationId"], path) for path, ways in document["paths"].items() for o in ways.values()]
    assert sorted(said) == sorted((o.name, o.path) for o in OPERATIONS)
    schemathesis.openapi.from_dict(document).validate()
    text = json.dumps(document)
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        assert f'"#/components/schemas/{name}"' in text, name
        jsonschema.Draft202012Validator.check_schema(schema)
    refs = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert refs == set(schemas)
    for path, ways in document["paths"].items():
        for way in ways.values():
            assert all(parameter["description"] for parameter in way["parameters"]), path
    assert "\\n" not in text


def test_the_document_says_whether_a_token_is_asked_for() -> None:
    with_token, without = (openapi.document(version="1", has_token=has) for has in (True, False))
    assert "security" in with_token
    assert "securitySchemes" in with_token["components"]
    assert "security" not in without
    for document, status in ((with_token, "401"), (without, "421")):
        for ways in document["paths"].values():
            for way in ways.values():
                assert {"401", "421"} & set(way["responses"]) == {status}


@pytest.mark.parametrize(
    "study", [made(), made(empty()), made(control=None, kind="fixed"), *(hostile(text) for text in HOSTILE)]
)
def test_every_report_is_as_the_document_says(study: Any) -> None:
    document = openapi.document(version="1")
    schema = {"$ref": "#/components/schemas/Report", "components": document["components"]}
    report = json.loads(json.dumps(as_json(study, version="1.2.3"), allow_nan=False))
    jsonschema.validate(report, schema, cls=jsonschema.Draft202012Validator)
    named = document["components"]["schemas"]
    assert set(report) == set(named["Report"]["properties"])
    if report["candidates"]:
        assert set(report["candidates"][0]) == set(named["Candidate"]["properties"])
        for row in report["candidates"][0]["metrics"]:
            assert set(row) == set(named["Metric"]["properties"])
