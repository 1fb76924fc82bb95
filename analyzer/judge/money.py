"""What calls to judges and embeddings cost: at most before they are sent, and in fact when they have ended."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from config.judge import Embeddings, JudgeModel
from config.model import Config
from config.source import KeyPath, key_text
from prices.rates import Rate, Tiered, listed_rate, own_rate
from record.model_names import family
from record.usage import NO_USAGE, Usage

OVERHEAD_TOKENS: Final = {"openai": 64, "anthropic": 1024}
"""What an API adds to a prompt: marks of the turns; Anthropic's own words on how to call a tool (a few hundred)."""
MAX_REMEMBERED: Final = 256
"""Names of models in answers whose rate is kept."""


class Prices:
    """The prices of one judge, or of embeddings."""

    def __init__(self, settings: JudgeModel | Embeddings) -> None:
        self._own = own_rate(settings.price)
        self._url = settings.url
        self._model = settings.model
        self._overhead = OVERHEAD_TOKENS[settings.api if isinstance(settings, JudgeModel) else "openai"]
        self._most_output = settings.max_tokens if isinstance(settings, JudgeModel) else 0
        self._rates: dict[tuple[str, object], Rate | Tiered | None] = {}

    def bound(self, body_bytes: int, at: datetime) -> Decimal | None:
        """The most that a call can cost, US dollars; None: no price is known.

        No token is shorter than a byte, and the request's body holds the prompt and more; an answer ends at
        `max_tokens`.
        """
        return self._usd(NO_USAGE, body_bytes + self._overhead, self._most_output, self._model, at)

    def cost(self, usage: Usage, model: str, at: datetime) -> Decimal | None:
        """What a call cost, US dollars; None: it did not say how many tokens it took, or no price is known.

        Args:
            usage: as reported.
            model: as the answer names it; its price counts if the list has one, else that of the model asked for.
            at: when it was asked.
        """
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        return self._usd(usage, usage.input_tokens, usage.output_tokens, model or self._model, at)

    def _usd(self, usage: Usage, inputs: int, outputs: int, model: str, at: datetime) -> Decimal | None:
        rate = self._rate(model, at) or self._rate(self._model, at)
        return None if rate is None else rate.cost(usage, inputs, outputs, at).usd

    def _rate(self, model: str, at: datetime) -> Rate | Tiered | None:
        if self._own is not None:
            return self._own
        key = model, at.date()
        if key not in self._rates:
            if len(self._rates) >= MAX_REMEMBERED:
                self._rates.clear()
            self._rates[key] = listed_rate(self._url, model, at)
        return self._rates[key]


def placed_faults(config: Config) -> list[tuple[KeyPath, str]]:
    """What makes a budget impossible to keep, as (path in the configuration, what is wrong there)."""
    judge = config.judge
    if judge is None:
        return []
    found: list[tuple[KeyPath, str]] = []
    now = datetime.now(UTC)
    for path, settings in endpoints(config):
        least = Prices(settings).bound(0, now)
        limit = judge.budget.usd_per_day
        if least is None:
            text = f"no price of {settings.model} is known, and a budget cannot be kept without one; set `price`"
            found.append(((*path, "model"), text))
        elif limit is not None and least > limit:
            text = (
                f"one answer of {settings.model} may cost ${least:.4f}, and judge.budget.usd_per_day is ${limit:f}: "
                "nothing would ever be asked; lower max_tokens, or raise the budget"
            )
            found.append((path, text))
    return found


def faults(config: Config) -> list[str]:
    """The same in one line each."""
    return [f"{key_text(path)}: {text}" for path, text in placed_faults(config)]


def warnings(config: Config) -> list[str]:
    """What makes verdicts doubtful though nothing forbids it: a judge of a candidate's own family."""
    judges = config.judge.models if config.judge is not None else ()
    return [
        f"{judge.name} ({judge.model}) is of the family of {candidate.name} ({candidate.model}): judges tend to prefer "
        "answers like their own; a second judge of another family, or human labels, would show by how much"
        for judge in judges
        for candidate in config.candidates
        if candidate.model is not None and family(judge.model) is not None
        and family(judge.model) == family(candidate.model)
    ]  # fmt: skip


def endpoints(config: Config) -> Iterator[tuple[KeyPath, JudgeModel | Embeddings]]:
    """Everything that costs money, with its path in the configuration: judges, then embeddings."""
    if config.judge is None:
        return
    for index, model in enumerate(config.judge.models):
        yield ("judge", "models", index), model
    if config.judge.embeddings is not None:
        yield ("judge", "embeddings"), config.judge.embeddings
