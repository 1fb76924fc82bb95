"""Rows -> columns, some thousand rows at a time."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.filed import columns as c
from analyzer.filed.columns import ARMS, ArmColumns, Floats, PairColumns
from analyzer.filed.labels import Labels, LabelsBuilder, Names
from analyzer.measures import Row
from record.finish import CUT_SHORT
from store.comparison import unix_us
from store.rollups.measures import COST_MAX_NANOUSD, PPM, Arm
from store.transfer.completion import outcome_of

BATCH_ROWS = 8192
JOINED = 32
"""Batches."""
MAX_WHO = 2**16
_Batch = dict[str, NDArray[Any]]


class TooManyExperiments(Exception):  # noqa: N818 - says what is wrong
    """More candidates and experiments than there are codes for."""

    def __init__(self) -> None:
        super().__init__(
            f"more than {MAX_WHO:,} different candidates and experiments; is a wrong column named candidate?"
        )


class ColumnBuilder:
    """Rows in, columns out.

    Rows have `candidate`, `experiment` and `bucket`, and `ts` and `block` or None; every other column of `pairs` may
    be missing.
    """

    def __init__(self) -> None:
        self.who: dict[tuple[str, str], int] = {}
        """(candidate, experiment) -> code, in the order of the codes."""
        self.models = Names()
        self.labels = LabelsBuilder()
        self._held: list[Row] = []
        self._batches: list[_Batch] = []
        self._parts: list[_Batch] = []
        """Batches in fewer, larger pieces: thousands of small ones would leave holes in memory."""

    def add(self, row: Row) -> None:
        """One more pair."""
        self._held.append(row)
        self.labels.add(row.get("labels"))
        if len(self._held) == BATCH_ROWS:
            self._pack()

    def _pack(self) -> None:
        rows, self._held = self._held, []
        if rows:
            self._batches.append({name: _brief(column) for name, column in self._columns_of(rows)})
        if len(self._batches) == JOINED:
            self._parts.append(_joined(self._batches))
            self._batches = []

    def _columns_of(self, rows: Sequence[Row]) -> Iterator[tuple[str, NDArray[Any]]]:
        yield "ts_us", np.array([_us(r["ts"]) for r in rows], np.int64)
        yield "block_s", np.array([_us(r["block"]) // 10**6 for r in rows], np.int64)
        yield "bucket", np.array([r["bucket"] for r in rows], np.uint8)
        yield "who", np.array([self._code(r) for r in rows], np.uint16)
        yield "share", _floats([r.get("sample_share", 1.0) for r in rows])
        yield "agreement_ppm", np.array([_ppm(r.get("tool_call_agreement")) for r in rows], np.int32)
        yield "skew_ms", _floats([r.get("start_skew_ms") for r in rows])
        yield "lag_ms", _floats([r.get("loop_lag_ms") for r in rows])
        yield "held_ms", _floats([r.get("held_ms") for r in rows])
        yield "bits", np.array([_pair_bits(r) for r in rows], np.uint8)
        for arm in ARMS:
            for name, column in self._columns_of_arm(rows, arm):
                yield f"{arm}.{name}", column

    def _columns_of_arm(self, rows: Sequence[Row], arm: Arm) -> Iterator[tuple[str, NDArray[Any]]]:
        tokens = [[r.get(f"{arm}_{name}") for r in rows] for name in c.TOKENS]
        bits = np.array([_arm_bits(r, arm) for r in rows], np.uint16)
        for bit, column in zip(c.TOKENS_KNOWN, tokens, strict=True):
            bits |= np.where([x is not None for x in column], bit, 0).astype(np.uint16)
        for name in ("total_ms", "ttft_ms", "itl_ms"):
            yield name, _floats([r.get(f"{arm}_{name}") for r in rows])
        for name, column in zip(c.TOKENS, tokens, strict=True):
            yield name, np.array([x or 0 for x in column], np.uint32)
        yield "cost_nanousd", np.array([_nanousd(r.get(f"{arm}_cost_usd")) for r in rows], np.int64)
        yield "model", np.array([self.models.code(r.get(f"{arm}_model")) for r in rows], np.uint16)
        yield "outcome", np.array([_outcome(r, arm) for r in rows], np.uint8)
        yield "bits", bits

    def _code(self, row: Row) -> int:
        key = str(row["candidate"]), str(row["experiment"])
        code = self.who.setdefault(key, len(self.who))
        if code >= MAX_WHO:
            raise TooManyExperiments
        return code

    def columns(self) -> tuple[PairColumns, dict[str, Labels]]:
        """All pairs so far, and their labels by name; the builder is empty afterwards."""
        self._pack()
        if not self._batches and not self._parts:
            return _nothing()
        joined: dict[str, Any] = dict(_joined([*self._parts, *self._batches]))
        self._batches, self._parts = [], []
        for arm in ARMS:
            mine = [name for name in joined if name.startswith(f"{arm}.")]
            joined[arm] = ArmColumns(**{name.removeprefix(f"{arm}."): joined.pop(name) for name in mine})
        return PairColumns(**joined), self.labels.labels()


def _nothing() -> tuple[PairColumns, dict[str, Labels]]:
    builder = ColumnBuilder()
    builder.add({"ts": None, "block": None, "bucket": 0, "candidate": "", "experiment": ""})
    return builder.columns()[0].taken(slice(0)), {}


def _brief(column: NDArray[Any]) -> NDArray[Any]:
    """One value where all are the same; bits are compared, so that NaN is NaN."""
    first = column[:1]
    if column.tobytes() == first.tobytes() * len(column):
        return np.broadcast_to(first.copy(), column.shape)
    return column


def _joined(batches: list[_Batch]) -> _Batch:
    """One behind the other; each column is let go of as soon as it is joined."""
    return {name: _joined_column([batch.pop(name) for batch in batches]) for name in list(batches[0])}


def _joined_column(columns: list[NDArray[Any]]) -> NDArray[Any]:
    firsts = {column[:1].tobytes() for column in columns}
    if len(firsts) == 1 and all(len(column) == 1 or not column.strides[0] for column in columns):
        return np.broadcast_to(columns[0][:1].copy(), (sum(len(column) for column in columns),))
    return np.concatenate(columns)


def _us(moment: Any) -> int:
    return c.UNKNOWN if moment is None else unix_us(_moment(moment))


def _moment(value: Any) -> datetime:
    moment: datetime = value
    return moment


def _outcome(row: Row, arm: Arm) -> int:
    return c.CODES.get(outcome_of(arm, row), c.CODES[c.STRANGE])


def _arm_bits(row: Row, arm: Arm) -> int:
    refusal, json, reused = (row.get(f"{arm}_{name}") for name in ("refusal", "valid_json", "connection_reused"))
    finish = row.get(f"{arm}_finish_reason")
    bits = c.ESTIMATED if row.get(f"{arm}_tokens_estimated") else 0
    for value, known, true in (
        (refusal, c.REFUSAL_KNOWN, c.REFUSAL),
        (json, c.JSON_KNOWN, c.JSON),
        (reused, c.REUSED_KNOWN, c.REUSED),
    ):
        if value is not None:
            bits |= known | (true if value else 0)
    if finish is not None:
        bits |= c.FINISH_SAID | (c.CUT if str(finish).lower() in CUT_SHORT else 0)
    if row.get(f"{arm}_outcome") is not None or row.get(f"{arm}_status") is not None:
        bits |= c.OUTCOME_SAID
    return bits


def _pair_bits(row: Row) -> int:
    changed, match = row.get("changed"), row.get("exact_match")
    bits = c.CACHED if row.get("gateway_cache") else 0
    bits |= c.SEVERAL if isinstance(changed, list | tuple) and "n" in changed else 0
    bits |= c.STREAM if row.get("stream") else 0
    if match is not None:
        bits |= c.MATCH_KNOWN | (c.MATCH if match else 0)
    # A row of `skips`: it says why the copy was not sent.
    return bits | (c.NEVER_SENT if row.get("reason") else 0)


def _nanousd(value: Any) -> int:
    """Cut above what counts at most, so that it fits."""
    if value is None or not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
        return c.UNKNOWN
    whole: int = round(min(value, COST_MAX_NANOUSD // 10**9) * 10**9)
    return max(0, whole)


def _ppm(value: Any) -> int:
    if value is None or not math.isfinite(value):
        return c.UNKNOWN
    whole: int = round(value * PPM)
    return min(max(whole, 0), PPM)


def _floats(values: list[Any]) -> Floats:
    return np.array(values, dtype=np.float64)
