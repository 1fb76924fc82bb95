"""What a simulated model answers: drawn from a seed and from the request itself, so that reruns agree."""

import math
import random
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

_VOCABULARY = (
    "the answer follows from two parts and each of them can be checked alone so start with what is known then add "
    "one step at a time keep units in sight note where a guess was made compare with a simple case and say how sure "
    "this is if numbers disagree look at the oldest one first a short list helps more than long prose here"
)
_WORDS = tuple(_VOCABULARY.split())
_CLEAR = frozenset(_WORDS)
_VAGUE_WORDS = ("somehow", "basically", "whatever", "stuff", "sort", "maybe", "anyway", "things")
_SENTENCE_WORDS = 11


@dataclass(frozen=True, slots=True)
class Lognormal:
    """exp(Normal(ln median, sigma))."""

    median: float
    sigma: float

    def draw(self, rng: random.Random) -> float:
        """One value."""
        return self.median * math.exp(self.sigma * rng.gauss(0.0, 1.0))


@dataclass(frozen=True, slots=True)
class SlowSpell:
    """A spell that returns: within each `every_s`, from `at_s` on, for `length_s`, answers take `factor` times."""

    every_s: float
    at_s: float
    length_s: float
    factor: float

    def factor_at(self, elapsed_s: float) -> float:
        """How much slower the provider is, `elapsed_s` after its first request."""
        return self.factor if self.at_s <= elapsed_s % self.every_s < self.at_s + self.length_s else 1.0


class Failure(StrEnum):
    """The ways in which a simulated provider fails."""

    RATE_LIMITED = "rate_limited"
    """Status 429 at once."""
    SERVER_ERROR = "server_error"
    """Status 500 when the first token was due."""
    BROKEN_ANSWER = "broken_answer"
    """An error object inside the stream, half way; status 500 when not streamed."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How a simulated provider behaves."""

    name: str
    first_token_s: Lognormal
    event_gap_s: Lognormal
    """Between two events of a stream."""
    output_tokens: Lognormal
    tokens_per_event: int
    vague_share: float
    """Of the words that say nothing; a judge prefers answers with fewer."""
    error_share: float
    failures: tuple[Failure, ...] = tuple(Failure)
    """Ways in which it fails, each as often as the others."""
    spell: SlowSpell | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One drawn answer."""

    failure: Failure | None
    first_token_s: float
    events: tuple[str, ...]
    """Text of each event of the stream."""
    gaps_s: tuple[float, ...]
    """Wait before each event but the first: one fewer than `events`."""
    output_tokens: int
    finish_reason: str

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.events)

    @property
    def total_s(self) -> float:
        """From the request to the last event."""
        return self.first_token_s + math.fsum(self.gaps_s)


class Repeats:
    """Counts how often a request was seen, for the latest `capacity` requests.

    The control leg sends the primary the same bytes again; the second answer has to be a draw of its own.
    """

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity = capacity
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def next(self, body: bytes) -> int:
        """0 for the first time, then 1, 2 and so on; a request that was forgotten starts again at 0."""
        digest = blake2b(body, digest_size=16).digest()
        count = self._seen.pop(digest, 0)
        self._seen[digest] = count + 1
        if len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
        return count


def generator(*parts: bytes) -> random.Random:
    """The same parts, the same draws."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return random.Random(digest.digest())  # noqa: S311 - a simulation, not a secret


def draw_answer(
    profile: Profile, *, seed: int, body: bytes, repeat: int, prompt: str, max_tokens: int | None
) -> Answer:
    """The answer of `profile` to `body`.

    Lengths share a factor of the prompt, which is the same for every profile: long questions get long answers from
    all of them, as real models do.

    Args:
        seed: of the whole simulation.
        body: the request as received; another body is another draw.
        repeat: how often the same body came before.
        prompt: the last message's text.
        max_tokens: the client's limit, or None.
    """
    shared = generator(b"prompt", seed.to_bytes(8, "big"), prompt.encode())
    draw = (seed.to_bytes(8, "big"), profile.name.encode(), repeat.to_bytes(8, "big"), body)
    own = generator(b"answer", *draw)
    failure = own.choice(profile.failures) if own.random() < profile.error_share else None
    wanted = max(1, round(profile.output_tokens.draw(own) * Lognormal(1.0, 0.5).draw(shared)))
    tokens = wanted if max_tokens is None else min(wanted, max_tokens)
    # Of its own: whether a word says something changes neither times nor lengths.
    words = _words(own, tokens, generator(b"vague", *draw), profile.vague_share)
    events = _events(words, profile.tokens_per_event)
    pace = Lognormal(1.0, 0.1).draw(own)
    return Answer(
        failure=failure,
        first_token_s=profile.first_token_s.draw(own),
        events=events,
        gaps_s=tuple(pace * profile.event_gap_s.draw(own) for _ in events[1:]),
        output_tokens=tokens,
        finish_reason="length" if tokens < wanted else "stop",
    )


def _words(rng: random.Random, count: int, vague: random.Random, vague_share: float) -> list[str]:
    """`count` words with their spaces and full stops; one word is one token here."""
    words = []
    for i in range(count):
        word = rng.choice(_WORDS)
        if vague.random() < vague_share:
            word = vague.choice(_VAGUE_WORDS)
        starts = i % _SENTENCE_WORDS == 0
        ends = i % _SENTENCE_WORDS == _SENTENCE_WORDS - 1 or i == count - 1
        words.append((" " if i else "") + (word.capitalize() if starts else word) + ("." if ends else ""))
    return words


def _events(words: Sequence[str], per_event: int) -> tuple[str, ...]:
    return tuple("".join(words[i : i + per_event]) for i in range(0, len(words), per_event))


def clear_share(text: str) -> float:
    """Share of the words of a text that are such as simulated models use to say something; 0 of an empty one."""
    words = [word.strip(".,").lower() for word in text.split()]
    return sum(word in _CLEAR for word in words) / len(words) if words else 0.0


def prompt_tokens(text: str) -> int:
    """The simulated providers' count of input tokens: a token is a word, and each request has seven more."""
    return len(text.split()) + 7
