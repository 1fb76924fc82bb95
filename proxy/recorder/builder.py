"""Exchanges that are due -> what the store is to hold of them."""

from dataclasses import dataclass, replace

from config.model import Config
from proxy.recorder.exchange import Assembler, Exchange, Ready
from proxy.recorder.json_validity import JsonChecker
from proxy.recorder.leg import CostOf, LegReading, read_leg, receive
from proxy.recorder.pairing import Circumstances, instant, make_pair, make_skip
from proxy.recorder.pricing import PriceList
from proxy.recorder.rows import Row, pair_row, payload_row, skip_row
from proxy.recorder.texts import TextKeeper, Texts, request_body
from proxy.shadow.capture.frames import PRIMARY_ARM, Admitted, LegPlan
from proxy.wire.asked_tokens import text_fields
from proxy.wire.dialect import Asked
from proxy.wire.dialects.table import dialect_of
from proxy.wire.endpoints import model_in, model_place
from record.ids import as_uuid
from record.pair import Pair, Skip
from record.states import State

_PRIMARY_SIDE = "primary"
_ROW_BYTES = 1024
"""A row without texts, roughly."""


@dataclass(frozen=True, slots=True)
class Side:
    """Texts of one side."""

    admitted: Admitted
    name: str
    texts: Texts

    def row(self, batch: str) -> Row:
        """As it stands in `payloads`."""
        admitted = self.admitted
        return payload_row(as_uuid(admitted.id), instant(admitted.start_unix_us), self.name, self.texts, batch)


@dataclass(frozen=True, slots=True)
class Built:
    """What one due row comes to."""

    record: Pair | Skip
    sides: tuple[Side, ...]
    size_bytes: int

    def row(self, batch: str) -> Row:
        """The row of `pairs` or `skips`."""
        return pair_row(self.record, batch) if isinstance(self.record, Pair) else skip_row(self.record, batch)


class Builder:
    """Reads legs with the dialects, prices them, keeps the texts that may be kept."""

    def __init__(self, config: Config, prices: PriceList) -> None:
        self.odd_usages = 0
        """Legs whose provider reported token counts that cannot be."""
        self.dropped_raw_usages = 0
        """Legs whose provider reported more than is kept as it came."""
        self._json = JsonChecker()
        self.reload(config, prices)

    def reload(self, config: Config, prices: PriceList) -> None:
        """Builds by this configuration from now on, whatever was in force when a request was made."""
        self._prices = prices
        self._models = {c.name: c.model for c in config.candidates}
        self._keeper = TextKeeper(config.privacy)

    @property
    def unchecked_json(self) -> int:
        """Answers whose JSON could not be checked by the client's schema."""
        return self._json.unchecked

    def build(self, ready: Ready, assembler: Assembler, circumstances: Circumstances) -> Built:
        """The pair or skip that is due.

        Raises:
            HoleInLog: part of an answer is missing.
            LookupError: a frame that was let go of is gone from the disk.
        """
        exchange, arm = ready.exchange, ready.arm
        plan = exchange.plans[arm - 1]
        admitted = assembler.admitted(exchange)
        primary = self._primary(exchange, admitted, assembler)
        if plan.state != State.OPEN:
            return Built(make_skip(admitted, plan, circumstances, primary), (), _ROW_BYTES)
        candidate = self._read(exchange, admitted, arm, assembler)
        pair = make_pair(admitted, plan, circumstances, primary, candidate)
        sides = tuple(self._sides(exchange, admitted, plan, primary, candidate)) if self._keeper.keeps else ()
        return Built(pair, sides, _ROW_BYTES + sum(side.texts.size() for side in sides))

    def _primary(self, exchange: Exchange, admitted: Admitted, assembler: Assembler) -> LegReading:
        if exchange.primary is None:
            exchange.primary = self._read(exchange, admitted, PRIMARY_ARM, assembler)
        return exchange.primary

    def _read(self, exchange: Exchange, admitted: Admitted, arm: int, assembler: Assembler) -> LegReading:
        dialect = dialect_of(admitted.endpoint)
        if exchange.asked is None:
            asked = dialect.read_request(request_body(admitted))
            exchange.asked = asked if asked.model else replace(asked, model=_model_in_path(admitted))
        name = "" if arm == PRIMARY_ARM else exchange.plans[arm - 1].candidate
        received = receive(*assembler.leg(exchange, arm))
        asked = self._asked(exchange, arm, name, admitted.endpoint)
        reading = read_leg(received, dialect, asked, self._cost_of(name, admitted), self._json.is_valid)
        self.odd_usages += reading.answer.odd_usage
        self.dropped_raw_usages += reading.dropped_raw_usage
        return reading

    def _asked(self, exchange: Exchange, arm: int, name: str, endpoint: str) -> Asked:
        """What this arm was asked, where it differs."""
        asked = exchange.asked or Asked()
        if arm == PRIMARY_ARM:
            return asked
        changed = exchange.plans[arm - 1].changed
        has_same_texts = not changed or text_fields(endpoint).isdisjoint(changed)
        return replace(
            asked,
            model=self._models.get(name) or asked.model,
            wants_json=asked.wants_json and asked.json_field not in changed,
            estimated_tokens=asked.estimated_tokens if has_same_texts else None,
        )

    def _cost_of(self, name: str, admitted: Admitted) -> CostOf:
        at = instant(admitted.start_unix_us)
        return lambda usage, model, asked_model: self._prices.cost(name, usage, model, asked_model, at)

    def _sides(
        self, exchange: Exchange, admitted: Admitted, plan: LegPlan, primary: LegReading, candidate: LegReading
    ) -> list[Side]:
        sides = []
        if not exchange.kept_primary_texts:
            exchange.kept_primary_texts = True
            texts = self._keeper.keep(request_body(admitted), primary.answer)
            sides.append(Side(admitted, _PRIMARY_SIDE, texts))
        sides.append(Side(admitted, plan.candidate, self._keeper.keep(b"", candidate.answer)))
        return sides


def _model_in_path(admitted: Admitted) -> str | None:
    """Gemini and Azure name the model there; their answers may leave it out."""
    path = admitted.path.encode("latin-1", "replace")
    place = model_place(path, admitted.endpoint)
    return model_in(path, place).decode("utf-8", "replace") or None if place is not None else None
