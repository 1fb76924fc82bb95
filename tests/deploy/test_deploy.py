"""What is shipped for other people's monitoring speaks of metrics and labels that exist, in queries that parse."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from cli.supervisor.catalogue import METRICS

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
GRAFANA: dict[str, Any] = json.loads((DEPLOY / "grafana" / "shadowbench.json").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in GRAFANA["panels"] if panel["type"] != "row"]
_PARTS = ("_bucket", "_sum", "_count")


def queries() -> list[str]:
    of_panels = [target["expr"].replace("$__rate_interval", "5m").replace("$candidate", ".*")
                 for panel in PANELS for target in panel["targets"]]  # fmt: skip
    return [rule["expr"] for rule in RULES] + of_panels


def selectors(query: str) -> Iterator[tuple[str, set[str]]]:
    """(name, labels) of every selector, found in the parsed query's own form."""
    text = promql_parser.parse(query).prettify()
    for name, matchers in re.findall(r"\b(shadowbench_\w+)(?:\{([^}]*)\})?", text):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers or ""))


@pytest.mark.parametrize("query", queries())
def test_every_query_parses_and_names_what_exists(query: str) -> None:
    found = list(selectors(query))
    assert found
    for name, labels in found:
        known = name if name in METRICS else next((name.removesuffix(p) for p in _PARTS if name.endswith(p)), name)
        assert known in METRICS, name
        assert known == name or "istogram" in METRICS[known]
        for label in labels:
            assert label in METRICS[known] or label in {"role", "name", "worker"}, (name, label)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")
    used = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    said = " ".join(METRICS[name] for name, _ in selectors(rule["expr"]) if name in METRICS)
    assert all(label in said for label in used - {"role", "name", "worker"})


def test_alerts_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    assert len([group["name"] for group in ALERTS["groups"]]) == len({group["name"] for group in ALERTS["groups"]})


def test_panels_have_places_of_their_own_and_say_what_they_show() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in GRAFANA["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert all(panel["description"].endswith(".") and panel["title"] for panel in PANELS)
    assert len({panel["id"] for panel in GRAFANA["panels"]}) == len(GRAFANA["panels"])


def test_the_cron_job_runs_a_command_that_exists() -> None:
    job = yaml.safe_load((DEPLOY / "kubernetes" / "report-cronjob.yaml").read_text())
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    (command,) = container["args"]
    options = re.findall(r"--[a-z-]+", command)
    from cli.commands.report import report  # noqa: PLC0415 - only here

    known = {opt for parameter in report.params for opt in parameter.opts}
    assert set(options) <= known
    assert "shadowbench report -c" in command
