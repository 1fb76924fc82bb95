"""What the store holds, compared with what was recorded and served."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench.asking import Ask, Got
from bench.recordings import Recording, Served, usage_of
from record.pair import CONTROL

PAIRS_SQL = """
SELECT toString(request_id) AS request_id, candidate, stream, exact_match, endpoint, capture_truncated,
  primary_model, primary_outcome, primary_status, primary_input_tokens, primary_output_tokens, primary_cached_tokens,
  primary_reasoning_tokens, primary_tokens_estimated, primary_finish_reason, primary_chars,
  candidate_model, candidate_outcome, candidate_status, candidate_input_tokens, candidate_output_tokens,
  candidate_cached_tokens, candidate_reasoning_tokens, candidate_tokens_estimated, candidate_finish_reason,
  candidate_chars
FROM pairs"""
PAYLOADS_SQL = "SELECT toString(request_id) AS request_id, side, request, response FROM payloads"


def check_clients(asks: Sequence[Ask], got: Sequence[Got], recordings: Mapping[str, Recording]) -> list[str]:
    """Faults in what the clients got: it has to be the primary's recording."""
    faults = []
    for ask, answer in zip(asks, got, strict=True):
        recording = recordings[ask.instruction]
        usage = usage_of(recording)["completion_tokens"] if not ask.stream or ask.include_usage else None
        if answer != Got(ask.instruction, recording.output, recording.model, usage):
            faults.append(f"client got another answer: {ask.library}, stream={ask.stream}: {ask.instruction[:60]!r}")
    return faults


def check_leg(row: Mapping[str, Any], arm: str, recording: Recording, *, usage_was_served: bool) -> list[str]:
    """Faults of one arm of a pair against what its upstream served."""
    usage = usage_of(recording) if usage_was_served else None
    expected: dict[str, Any] = {
        "model": recording.model,
        "outcome": "ok",
        "status": 200,
        "finish_reason": "stop",
        "chars": len(recording.output),
    }
    if usage is not None:
        expected |= {
            "input_tokens": usage["prompt_tokens"],
            "output_tokens": usage["completion_tokens"],
            "cached_tokens": usage["prompt_tokens_details"]["cached_tokens"],
            "reasoning_tokens": usage["completion_tokens_details"]["reasoning_tokens"],
            "tokens_estimated": False,
        }
    elif not row[f"{arm}_tokens_estimated"]:
        expected |= {"input_tokens": None, "output_tokens": None, "cached_tokens": None, "reasoning_tokens": None}
    return [
        f"{row['candidate']}: {arm}_{name} is {row[f'{arm}_{name}']!r}, served was {value!r}"
        for name, value in expected.items()
        if row[f"{arm}_{name}"] != value
    ]


class Comparison:
    """What the store holds against what was recorded."""

    def __init__(
        self,
        recordings: Mapping[str, Mapping[str, Recording]],
        served: Mapping[str, Sequence[Served]],
        asks: Sequence[Ask],
        payloads: Sequence[Mapping[str, Any]],
    ) -> None:
        self.faults: list[str] = []
        self.reported_usage = 0
        self.compared_texts = 0
        self._recordings = recordings
        self._candidates = [arm for arm in recordings if arm != "primary"]
        # The primary answers the control leg too: what it served beyond the client's own request belongs to that leg.
        self._usages = {arm: Counter(s.instruction for s in of if s.usage is not None) for arm, of in served.items()}
        self._asks = {ask.instruction: ask for ask in asks}
        self._texts: dict[tuple[str, str], str] = {}
        self._instructions: dict[str, str] = {}
        for row in payloads:
            key = (row["request_id"], row["side"])
            if key in self._texts:
                self.faults.append(f"payload of {row['side']} stored twice")
            self._texts[key] = row["response"]
            if row["side"] == "primary":
                self._instructions[row["request_id"]] = json.loads(row["request"])["messages"][-1]["content"]

    def check_pairs(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Every instruction once per arm, and every pair as recorded."""
        seen: Counter[tuple[str, str]] = Counter()
        for row in rows:
            instruction = self._instructions.get(row["request_id"])
            if instruction is None:
                self.faults.append(f"{row['candidate']}: a pair without the primary's payload")
                continue
            seen[row["candidate"], instruction] += 1
            self._check_pair(row, self._asks[instruction])
        for arm in self._candidates:
            missing = sum(seen[arm, instruction] == 0 for instruction in self._asks)
            doubled = sum(seen[arm, instruction] > 1 for instruction in self._asks)
            if missing or doubled:
                self.faults.append(f"{arm}: {missing} pairs are missing, {doubled} are doubled")

    def _check_pair(self, row: Mapping[str, Any], ask: Ask) -> None:
        name = row["candidate"]
        primary = self._recordings["primary"][ask.instruction]
        candidate = self._recordings[name][ask.instruction]
        asked_usage = not ask.stream or ask.include_usage
        # A copy may ask for usage where the client did not; the upstream knows.
        if name == CONTROL:
            copied_usage = self._usages["primary"][ask.instruction] > asked_usage
        else:
            copied_usage = self._usages[name][ask.instruction] > 0
        self.faults += check_leg(row, "primary", primary, usage_was_served=asked_usage)
        self.faults += check_leg(row, "candidate", candidate, usage_was_served=copied_usage)
        self.reported_usage += asked_usage + copied_usage
        if bool(row["stream"]) != ask.stream or row["capture_truncated"]:
            self.faults.append(f"{name}: stream is {row['stream']}, truncated {row['capture_truncated']}")
        if bool(row["exact_match"]) != (primary.output == candidate.output):
            self.faults.append(f"{name}: exact_match is {row['exact_match']}")
        for side, recording in (("primary", primary), (name, candidate)):
            self.compared_texts += 1
            if self._texts.get((row["request_id"], side)) != recording.output:
                self.faults.append(f"{name}: the stored text of {side} is not the recorded one")
