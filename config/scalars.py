"""Durations, sizes and shares as people write them: `250ms`, `64KiB`, `10%`."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_LONGEST_DAYS = 36500
"""A century: longer is a slip of the pen, and beyond what timers and databases take."""
_NUMBER_UNIT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


def _no_truth_value(value: Any) -> None:
    """YAML reads `yes` and `on` as true, which Python would take for 1: a share of 100 %, a second, a byte."""
    if isinstance(value, bool):
        raise ValueError("is a number, not a truth value")


def _with_unit(value: Any, units: dict[str, float] | dict[str, int], example: str) -> Any:
    """The value in base units; anything but text is left for pydantic to judge."""
    _no_truth_value(value)
    if not isinstance(value, str):
        return value
    match = _NUMBER_UNIT.fullmatch(value)
    if match is None or match[2] not in units:
        raise ValueError(f"write a number and a unit ({', '.join(units)}), for example {example}")
    return float(match[1]) * units[match[2]]


def parse_duration(value: Any, info: ValidationInfo) -> Any:
    """`250ms`, `5s`, `10m`, `24h`, `14d` -> seconds. A bare number other than 0 is refused: it has no unit.

    Between processes of ours (`config.wire`) durations are seconds already.
    """
    if info.context and info.context.get("wire"):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value != 0:
        raise ValueError(f"{value} has no unit; write for example {value}s or {value}ms")
    parsed = _with_unit(value, _SECONDS, "250ms")
    if isinstance(parsed, float) and parsed > _LONGEST_DAYS * _SECONDS["d"]:
        raise ValueError(f"write at most {_LONGEST_DAYS}d")
    return parsed


def parse_size(value: Any) -> Any:
    """`64KiB`, `10GiB` -> bytes; a bare whole number is bytes."""
    parsed = _with_unit(value, _BYTES, "64KiB")
    return int(parsed) if isinstance(parsed, float) else parsed


def parse_share(value: Any) -> Any:
    """`10%` or `0.1` -> 0.1."""
    _no_truth_value(value)
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return float(value.strip()[:-1]) / 100
        except ValueError:
            raise ValueError("write a share as 10% or 0.1") from None
    return value


DurationS = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, allow_inf_nan=False)]
"""Seconds."""
PositiveDurationS = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, allow_inf_nan=False)]
"""Seconds, more than none."""
SizeBytes = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
"""Bytes."""
Share = Annotated[float, BeforeValidator(parse_share), Field(ge=0, le=1, allow_inf_nan=False)]
"""0 to 1."""
