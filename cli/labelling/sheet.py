"""A blind sheet: prompts with two answers each, their order drawn, and room for what a person thinks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer.judge.conversation import shown, tools, turns
from analyzer.labels_in.columns import KEY, WINNER
from analyzer.labels_in.key import make_key, read_key
from store.judging.pair import Pair
from store.transfer.kinds import Text
from store.transfer.layout import Field

COLUMNS = (KEY, "rubric", "labeler", "prompt", "answer_a", "answer_b", WINNER, "rationale")
FIELDS = tuple(Field(name, Text(), may_be_null=False) for name in COLUMNS)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet computes a cell that begins so: what a model wrote must not run on a labeler's machine."""
_NOTHING = "(no text)"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What all rows of a sheet have in common."""

    nonce: bytes
    """Draws the order of the answers; `key.NONCE_BYTES`."""
    rubric: str
    labeler: str
    is_spreadsheet: bool
    """Cells may be read by a program that computes formulas."""

    def columns(self, pairs: Sequence[Pair]) -> dict[str, list[str]]:
        """Column -> its cells, in the order of the pairs."""
        rows = [self._row(pair) for pair in pairs]
        return {name: [row[name] for row in rows] for name in COLUMNS}

    def _row(self, pair: Pair) -> dict[str, str]:
        key = make_key(pair.request_id, pair.candidate, self.nonce)
        answers = [shown(pair.primary).text, shown(pair.answer).text]
        if read_key(key).candidate_is_a:
            answers.reverse()
        first, second = (self._cell(text or _NOTHING) for text in answers)
        return {
            KEY: key,
            "rubric": self.rubric,
            "labeler": self.labeler,
            "prompt": self._cell("\n\n".join(_spoken(pair))),
            "answer_a": first,
            "answer_b": second,
            WINNER: "",
            "rationale": "",
        }

    def _cell(self, text: str) -> str:
        """Harmless in a spreadsheet."""
        return f"'{text}" if self.is_spreadsheet and text.startswith(_FORMULA) else text


def _spoken(pair: Pair) -> Iterator[str]:
    offered = tools(pair.request, pair.endpoint)
    if offered:
        yield f"[tools]\n{offered}"
    for turn in turns(pair.request, pair.endpoint):
        yield f"[{turn.role}]\n{turn.text}"
