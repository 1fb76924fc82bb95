"""A gate's verdict with everything that it was computed from, so that anybody can compute it again.

The file is one JSON object: the policy, what was asked, every input figure, the report and the decisions, the versions
that made them, and SHA-256 digests of the parts in canonical form (sorted keys, no spaces). `verify` needs no store: it
computes the report from figures and policy alone. Nothing in a study is drawn at random, so there are no seeds.
"""

import gzip
import json
import math
import platform
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from analyzer.difference import differences
from analyzer.figures import Figures
from analyzer.gate import EXIT_CODES, decisions_of, result_of
from analyzer.metrics import Metric
from analyzer.plan import Plan
from analyzer.report.json_form import as_json, digest, report_id
from analyzer.report.json_values import Json
from analyzer.results import Kind, Study
from analyzer.source import Window
from analyzer.study import study
from config.policy import Policy

SCHEMA_VERSION = 1
KIND = "shadowbench verdict"
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("plan", "window", "versions", "figures", "report", "decisions"), dict),
    **dict.fromkeys(("policy_digest", "config_digest", "figures_digest", "report_digest", "result", "digest"), str),
    "policy": (dict, type(None)),
    "exit_code": int,
}
_GZIP = b"\x1f\x8b"
MAX_BYTES = 256 * 2**20
"""Of an unpacked file; those of a month with ten candidates have some ten million."""
_FIGURES = TypeAdapter(Figures)
_NOT_FINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A plan as the file has it."""

    window: Window
    candidates: tuple[str, ...]
    shown: tuple[str, ...] | None
    kind: Kind
    block_s: float | None
    metrics: tuple[tuple[str, str], ...]


_ASKED = TypeAdapter(_Asked)


class VerdictFileError(Exception):
    """Not a verdict file, or not one that this shadowbench knows; one line."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of computing it again."""

    differences: tuple[str, ...]
    """One line each; none: it stands."""
    notes: tuple[str, ...]
    """What a reader should know besides: other versions, for example."""
    exit_code: int
    """As stored."""
    decisions: Mapping[str, str]


def versions(shadowbench: str, store: str) -> dict[str, str]:
    """Of everything that numbers depend on."""
    libraries = {name: installed(name) for name in ("numpy", "scipy")}
    return {"shadowbench": shadowbench, **libraries, "python": platform.python_version(), "store": store}


def contents(figures: Figures, plan: Plan, made: Study, *, shadowbench: str) -> Json:
    """The whole verdict.

    Args:
        figures: that it was computed from.
        plan: what was asked; with a policy.
        made: what came out.
        shadowbench: its version.
    """
    decisions = decisions_of(made.candidates)
    result = result_of(decisions)
    report = as_json(made, version=shadowbench)
    policy = None if plan.policy is None else plan.policy.model_dump(mode="json")
    plain_figures = _plain(_FIGURES.dump_python(figures, mode="json"))
    body: Json = {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "result": result,
        "exit_code": EXIT_CODES[result],
        "decisions": decisions,
        "window": report["window"],
        "policy": policy,
        "policy_digest": digest(policy),
        "config_digest": plan.config_digest,
        "plan": _plan_values(plan),
        "versions": versions(shadowbench, figures.store_version),
        "report": report,
        "report_digest": digest(report),
        "figures": plain_figures,
        "figures_digest": digest(plain_figures),
    }
    return {**body, "digest": digest(body)}


def encoded(values: Mapping[str, object], name: str) -> bytes:
    """As the bytes of a file of this name; equal verdicts have equal bytes."""
    text = json.dumps(values, separators=(",", ":"), allow_nan=False) + "\n"
    return gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode()


def load(path: Path) -> dict[str, Any]:
    """Reads a file that `encoded` made, gzipped or not.

    Raises:
        VerdictFileError: it cannot be read, is damaged, or is of another version.
    """
    try:
        values = json.loads(_bytes_of(path).decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise VerdictFileError(f"{path}: is damaged, or no verdict file: it is not JSON") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise VerdictFileError(f"{path}: is damaged: it cannot be unpacked") from None
    except OSError as error:
        raise VerdictFileError(f"{path}: {error.strerror or error}") from None
    if not isinstance(values, dict) or values.get("kind") != KIND:
        raise VerdictFileError(f"{path}: is no verdict file; `shadowbench gate --verdict PATH` writes one")
    if values.get("schema_version") != SCHEMA_VERSION or isinstance(values["schema_version"], bool):
        said = f"is of schema version {values.get('schema_version')!r}, this shadowbench knows {SCHEMA_VERSION}"
        raise VerdictFileError(f"{path}: {said}")
    for name, kinds in _TYPES.items():
        if name not in values or not isinstance(values[name], kinds):
            raise VerdictFileError(f"{path}: is damaged: {name!r} is missing, or not what it should be")
    return values


def _bytes_of(path: Path) -> bytes:
    """Unpacked; a small file may unpack to more than any machine holds."""
    with path.open("rb") as raw:
        is_packed = raw.read(len(_GZIP)) == _GZIP
        raw.seek(0)
        with gzip.open(raw) if is_packed else raw as file:
            data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise VerdictFileError(f"{path}: holds more than {MAX_BYTES >> 20} MiB; no verdict is that large")
    return data


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def verify(values: Mapping[str, Any], metrics: Sequence[Metric], *, shadowbench: str) -> Verification:
    """Computes the report from the stored figures and policy, and compares it with the stored one.

    Numbers may differ by 1e-9 of their size (another processor adds in another order); whole numbers and words may not.

    Args:
        values: from `load`.
        metrics: all that are known here, those of plug-ins among them.
        shadowbench: the version that verifies.

    Raises:
        VerdictFileError: a part is not what it should be.
    """
    figures, plan = _figures(values), _plan(values, metrics)
    found = [*_digest_faults(values)]
    try:
        made = study(figures, plan)
        report = json.loads(json.dumps(as_json(made, version=str(values["versions"].get("shadowbench")))))
    except Exception as error:  # noqa: BLE001 - figures that were changed can be anything
        found.append(f"report: cannot be computed from the stored figures: {type(error).__name__}: {error}")
        return Verification(tuple(found), _notes(values, shadowbench), values["exit_code"], values["decisions"])
    again = decisions_of(made.candidates)
    result = result_of(again)
    computed = {
        "report": {**report, "id": values["report"].get("id")},
        "window": report["window"],
        "decisions": again,
        "result": result,
        "exit_code": EXIT_CODES[result],
    }
    found += differences({name: values[name] for name in computed}, computed)
    return Verification(tuple(found), _notes(values, shadowbench), values["exit_code"], values["decisions"])


def _digest_faults(values: Mapping[str, Any]) -> list[str]:
    expected = {
        "policy_digest": digest(values["policy"]),
        "figures_digest": digest(values["figures"]),
        "report_digest": digest(values["report"]),
        "report.id": report_id(values["report"]),
        "digest": digest({name: value for name, value in values.items() if name != "digest"}),
    }
    stored = {name: values["report"].get("id") if name == "report.id" else values[name] for name in expected}
    changed = {
        "policy_digest": "the policy was changed after the gate ran",
        "figures_digest": "the figures were changed after the gate ran",
        "report_digest": "the report was changed after the gate ran",
        "report.id": "the report was changed after the gate ran",
        "digest": "the file was changed after the gate ran",
    }
    return [f"{name}: does not fit: {changed[name]}" for name in expected if stored[name] != expected[name]]


def _notes(values: Mapping[str, Any], shadowbench: str) -> tuple[str, ...]:
    stored = values["versions"]
    here = versions(shadowbench, str(stored.get("store")))
    other = [f"{name} {stored.get(name)} (here {now})" for name, now in here.items() if stored.get(name) != now]
    return (f"the verdict was made with {', '.join(other)}",) if other else ()


def _figures(values: Mapping[str, Any]) -> Figures:
    try:
        return _FIGURES.validate_python(values["figures"])
    except ValidationError as error:
        raise _damaged("figures", error) from None


def _plan_values(plan: Plan) -> Json:
    """Policy and digest of the configuration have places of their own; metrics are known by their names."""
    asked = _Asked(
        plan.window, plan.candidates, plan.shown, plan.kind, plan.block_s, tuple(m.key for m in plan.metrics)
    )
    values: Json = _ASKED.dump_python(asked, mode="json")
    return values


def _plan(values: Mapping[str, Any], known: Sequence[Metric]) -> Plan:
    by_key: Mapping[tuple[str, str], Metric] = {metric.key: metric for metric in known}
    try:
        asked = _ASKED.validate_python(values["plan"])
        policy = None if values["policy"] is None else Policy.model_validate(values["policy"])
    except ValidationError as error:
        raise _damaged("plan or policy", error) from None
    absent = [key for key in asked.metrics if key not in by_key]
    if absent:
        said = f"the verdict needs the metric {' '.join(absent[0])}, which no package here declares"
        raise VerdictFileError(f"{said}; install the plug-in that does")
    return Plan(
        window=asked.window,
        candidates=asked.candidates,
        shown=asked.shown,
        kind=asked.kind,
        policy=policy,
        block_s=asked.block_s,
        metrics=tuple(by_key[key] for key in asked.metrics),
        config_digest=values["config_digest"],
    )


def _damaged(part: str, error: ValidationError) -> VerdictFileError:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    return VerdictFileError(f"the verdict file is damaged: {part} {place}: {first['msg']}")


def _plain(value: Any) -> Any:
    """JSON has no infinity; pydantic reads these words back."""
    if isinstance(value, float) and not math.isfinite(value):
        return _NOT_FINITE.get(value, "NaN")
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
