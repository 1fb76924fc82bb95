"""An upstream that answers what was recorded, and nothing else: it knows a call by the texts that it shows."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from analyzer.judge.conversation import NOTHING_SAID
from tests.fakes.judge import Call, Reply

_CODE = re.compile(r"The code of this question is ([0-9a-f]+)\.")
_UNSEEN = re.compile("[\u2060\ufffd\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What a prompt may put in, or in another's place, so that texts can be sent."""


def pieces(user: str) -> dict[str, str]:
    """Pieces of material in a prompt, by what they are called; each stands between two lines with the prompt's code.

    Raises:
        AssertionError: a piece is not closed, or two have the same name.
    """
    code = _CODE.search(user)
    assert code is not None, user[:200]
    found: dict[str, str] = {}
    begins = re.compile(rf"^<<{code[1]} begin: (.*)>>\n", re.MULTILINE)
    at = 0
    while (begin := begins.search(user, at)) is not None:
        end = user.find(f"\n<<{code[1]} end: {begin[1]}>>", begin.end() - 1)
        assert end >= 0, f"{begin[1]} is not closed"
        assert begin[1] not in found
        found[begin[1]] = user[begin.end() : end] if end > begin.end() else ""
        at = end + 1
    assert user.count(code[1]) == 2 * len(found) + 2, "the code stands where it should not"
    return found


Key = tuple[str, str, str, str]
"""(model asked for, turns of the conversation one under the other, text shown first, text shown second)"""


def key_of(model: str, prompt: str, first: str, second: str) -> Key:
    """As a prompt may show them."""
    return model, _plain(prompt), _plain(first), _plain(second)


def _plain(text: str) -> str:
    """An answer without a word is shown as a note that says so."""
    plain = _UNSEEN.sub("", text)
    return plain if plain.strip() else NOTHING_SAID


@dataclass(slots=True)
class Recorded:
    """Decides by what was recorded; a call that shows something else, or in another order, is noted as strange."""

    replies: dict[Key, tuple[Reply, ...]] = field(default_factory=dict)
    """The last one is given again and again."""
    asked: Counter[Key] = field(default_factory=Counter)
    strange: list[Mapping[str, str]] = field(default_factory=list)

    def add(self, key: Key, *replies: Reply) -> None:
        # Two requests may be the same to the letter; then they were answered alike, or nobody can tell which is which.
        assert self.replies.setdefault(key, replies) == replies, key

    def __call__(self, call: Call) -> Reply:
        shown = pieces(call.user)
        prompt = "\n".join(text for name, text in shown.items() if name.startswith("conversation, turn "))
        key = key_of(call.model, prompt, shown.get("answer A", ""), shown.get("answer B", ""))
        if key not in self.replies:
            self.strange.append(shown)
            return Reply("not recorded", status=400)
        self.asked[key] += 1
        replies = self.replies[key]
        return replies[min(self.asked[key], len(replies)) - 1]


def reply_of(preference: float | None, *, first_is_liked_below_0: bool) -> Reply:
    """A recorded choice as a verdict; None: as something that is none."""
    if preference is None:
        return Reply("Neither of the two can be compared with the other.")
    if preference == 0:
        return Reply.winner("tie")
    return Reply.winner("A" if (preference < 0) == first_is_liked_below_0 else "B")
