"""What a judge said: its text as a verdict, or why it is none; and how sure it was, by the odds of its word.

The text is believed where it is exactly what was asked for, and nowhere else: no verdict is guessed.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from analyzer.judge.plain_json import object_of, objects_of, text_of, well_formed
from analyzer.judge.question import Failure, Form, Verdict
from analyzer.judge.rubric import HIGHEST, LOWEST

_VALUES: Final = {"a": 1.0, "b": -1.0, "tie": 0.0}
"""Who won -> the verdict, positive: the first answer is better."""
_FENCE: Final = "```"
_THOUGHT: Final = "<think>"
_THOUGHT_ENDS: Final = "</think>"
_POINTWISE: Final = frozenset({"pointwise_primary", "pointwise_candidate"})
# Where the value of `winner` begins. Inside a text of JSON no quote is without a backslash, so this finds keys only.
_WINNER: Final = re.compile(rb'"winner"[ \t\r\n]*:[ \t\r\n]*"[ \t]*')
_TAIL_BYTES: Final = 64
"""Of what stands before a token: enough to see that the value begins in it."""


def verdict_of(form: Form, text: str) -> Verdict | Failure:
    """What an answer of a judge says.

    It has to be one JSON object, alone or in one code fence; what a model thought before it (`<think>`) is passed over.

    Args:
        form: what was asked.
        text: the whole visible answer.
    """
    try:
        said = json.loads(_bare(text), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _unparsable("the answer is not one JSON object")
    if not isinstance(said, dict):
        return _unparsable("the answer is not a JSON object")
    rationale = said.get("rationale", "")
    if not isinstance(rationale, str):
        return _unparsable("`rationale` is no text")
    rationale = well_formed(rationale)
    return _score(said, rationale) if form in _POINTWISE else _winner(said, rationale)


def with_logprobs(tokens: Sequence[Mapping[str, Any]], text: str) -> float | None:
    """The preference by the probabilities of the word that names the winner: (P(A) - P(B)) / (P(A) + P(B) + P(tie)).

    Args:
        tokens: `logprobs.content` of OpenAI's answer, from outside: nothing in it is believed to have its form.
        text: the answer that they make up.

    Returns:
        -1 to 1, positive: the first answer is better. None where the word cannot be found, or says something else than
        the text.
    """
    said = verdict_of("pairwise_pc", text)
    listed = objects_of(list(tokens))
    pieces = [_bytes_of(token) for token in listed]
    whole = b"".join(pieces)
    found = list(_WINNER.finditer(whole))
    if isinstance(said, Failure) or len(found) != 1:
        return None
    start = found[0].end()
    word = _word(whole[start : start + _TAIL_BYTES])
    if word is None or _VALUES[word] != said.value:
        return None
    at = 0
    for token, piece in zip(listed, pieces, strict=True):
        if at <= start < at + len(piece):
            return _preference(token, whole[max(0, at - _TAIL_BYTES) : at])
        at += len(piece)
    return None


def _bare(text: str) -> str:
    """The answer without the thoughts before it and the fence around it."""
    bare = text.strip()
    if bare.startswith(_THOUGHT):
        bare = bare.partition(_THOUGHT_ENDS)[2].strip()
    if bare.startswith(_FENCE) and bare.endswith(_FENCE):
        language, _, inner = bare.removesuffix(_FENCE).partition("\n")
        return inner if language.strip().lower() in {_FENCE, _FENCE + "json"} else bare
    return bare


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice")
    return made


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _winner(said: Mapping[str, Any], rationale: str) -> Verdict | Failure:
    winner = text_of(said.get("winner")).strip().lower()
    if winner not in _VALUES:
        return _unparsable("`winner` is none of A, B and tie")
    return Verdict(_VALUES[winner], rationale)


def _score(said: Mapping[str, Any], rationale: str) -> Verdict | Failure:
    score = said.get("score")
    if isinstance(score, bool) or not isinstance(score, (int, float)) or not LOWEST <= score <= HIGHEST:
        return _unparsable(f"`score` is no number from {LOWEST} to {HIGHEST}")
    return Verdict(float(score), rationale) if score == int(score) else _unparsable("`score` is no whole number")


def _unparsable(detail: str) -> Failure:
    return Failure("unparsable", detail)


def _preference(token: Mapping[str, Any], before: bytes) -> float | None:
    """By the token in which the value begins, and what could have stood in its place."""
    mass = dict.fromkeys(_VALUES, 0.0)
    seen: set[bytes] = set()
    for alternative in _alternatives(token):
        piece, chance = _bytes_of(alternative), _chance(alternative.get("logprob"))
        begun = None if piece in seen else _WINNER.search(before + piece)
        seen.add(piece)
        if begun is not None and (word := _word((before + piece)[begun.end() :])) is not None:
            mass[word] += chance
    known = math.fsum(mass.values())
    return (mass["a"] - mass["b"]) / known if known > 0 else None


def _alternatives(token: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The token that was chosen, and the likeliest ones in its place; it is one of them, or less likely than all."""
    yield token
    yield from objects_of(token.get("top_logprobs"))


def _word(piece: bytes) -> str | None:
    """Which winner a piece of text names, or begins to name; None: nobody that can be told."""
    text, quote, _ = piece.partition(b'"')
    said = text.strip().lower().decode("utf-8", "replace")
    if not said:
        return None
    if said in _VALUES:
        return said
    return "tie" if not quote and "tie".startswith(said) else None


def _bytes_of(token: Mapping[str, Any]) -> bytes:
    """A token's bytes: a character may be cut in two by it, which its text cannot show."""
    given = token.get("bytes")
    if isinstance(given, list) and given and all(type(byte) is int and 0 <= byte < 256 for byte in given):
        return bytes(given)
    return text_of(object_of(token).get("token")).encode("utf-8", "replace")


def _chance(logprob: Any) -> float:
    """A probability; 0 for what is none."""
    if isinstance(logprob, bool) or not isinstance(logprob, (int, float)):
        return 0.0
    try:
        said = float(logprob)
    except OverflowError:  # a whole number of more digits than floats have
        return 0.0
    return 0.0 if math.isnan(said) else math.exp(min(0.0, said))
