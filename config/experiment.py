"""What is compared, and the id that stands for it.

The id changes with anything that changes the answers (addresses, models, params), never with shares, limits, prices
or secrets: raising a share goes on with the same experiment, asking another model starts a new one.
"""

import hashlib
import json
from dataclasses import dataclass

from config.model import Config
from record.pair import CONTROL


@dataclass(frozen=True, slots=True)
class Experiment:
    """One candidate against the primary."""

    id: str
    candidate: str
    compared: str
    """Canonical JSON of what the id stands for."""


def experiments(config: Config) -> dict[str, Experiment]:
    """The experiment of each candidate, the control leg among them when it is on, by candidate name."""
    primary = {"name": config.primary.name, "url": config.primary.url}
    arms: dict[str, dict[str, object]] = {
        c.name: {"name": c.name, "url": c.url, "model": c.model, "params": c.params} for c in config.candidates
    }
    if config.control.sample > 0:
        arms[CONTROL] = {"name": CONTROL, "url": config.primary.url}
    result = {}
    for name, arm in arms.items():
        compared = json.dumps({"primary": primary, "candidate": arm}, sort_keys=True, separators=(",", ":"))
        result[name] = Experiment(hashlib.sha256(compared.encode()).hexdigest()[:16], name, compared)
    return result
