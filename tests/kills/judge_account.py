"""What the store holds of judging in the end, read by plain questions."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from config.model import Store
from store.locate import close, connect
from store.reader import Reader

Row = dict[str, Any]
_JUDGEMENTS = """
SELECT request_id, candidate, judge, rubric, rung, mode, preference, preference_pc, preference_cp,
    inclusion_probability, order_probability, cost_usd
FROM judgements
"""
_CALLS = """
SELECT request_id, candidate, call, stage, judge, kind, question, attempt, outcome, is_final, verdict, cost_usd,
    committed_usd, asked_at
FROM judge_calls
"""
_SPEND = """
SELECT sum(s.asked) AS asked, sum(s.ended) AS ended, sum(s.known_usd) AS cost_usd,
    sum(s.committed_usd) AS committed_usd, sum(s.unpriced) AS unpriced
FROM judge_spend AS s
"""
_OF_ROWS = """
SELECT countIf(stage = 'asked') AS asked, countIf(stage = 'ended') AS ended,
    sum(toDecimal128(ifNull(c.cost_usd, 0), 9)) AS cost_usd, sum(toDecimal128(c.committed_usd, 9)) AS committed_usd,
    countIf(stage = 'ended' AND c.cost_usd IS NULL) AS unpriced
FROM judge_calls AS c
"""


@dataclass(frozen=True, slots=True)
class JudgeAccount:
    """Tables of the store, whole."""

    judgements: list[Row]
    calls: list[Row]
    spend: Row
    """As views have added it up."""
    spend_of_rows: Row
    """The same from the rows."""

    @property
    def committed_usd(self) -> Decimal:
        """What the budget is compared with."""
        return Decimal(self.spend["committed_usd"])

    def stage(self, stage: str) -> dict[UUID, list[Row]]:
        """Rows of one stage by call."""
        found: dict[UUID, list[Row]] = {}
        for row in self.calls:
            if row["stage"] == stage:
                found.setdefault(row["call"], []).append(row)
        return found


def read_account(store: Store) -> JudgeAccount:
    """Through the owner that runs."""
    client = connect(store, access="reader", start_owner=False)
    try:
        reader = Reader(client)
        return JudgeAccount(
            reader.query(_JUDGEMENTS), reader.query(_CALLS), reader.query(_SPEND)[0], reader.query(_OF_ROWS)[0]
        )
    finally:
        close(client)
