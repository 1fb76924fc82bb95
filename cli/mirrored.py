"""What a configuration copies, in words."""

from dataclasses import dataclass

from config.model import Config
from config.upstreams import Candidate, Primary
from record.pair import CONTROL


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What one arm gets."""

    name: str
    share: float
    """0 to 1."""
    url: str
    model: str | None
    """None: the model that the client asks for."""

    def text(self) -> str:
        """`10% of requests -> http://vllm:8000, model llama-70b`"""
        if not self.share:
            return f"nothing is copied to {self.url} (sample is 0)"
        asked = f"model {self.model}" if self.model else "the client's model"
        return f"{self.share * 100:g}% of requests -> {self.url}, {asked}"


def mirrored(config: Config) -> list[Mirrored]:
    """Every candidate, and the control leg when it is on."""
    arms = [Mirrored(c.name, c.sample, c.url, c.model) for c in config.candidates]
    if config.control.sample:
        arms.append(Mirrored(CONTROL, config.control.sample, config.primary.url, None))
    return arms


def unverified(config: Config) -> list[str]:
    """Upstreams that are asked over TLS without proving who they are, the primary first."""
    arms: tuple[Primary | Candidate, ...] = (config.primary, *config.candidates)
    return [arm.name for arm in arms if arm.url.startswith("https:") and not arm.tls.verify]
