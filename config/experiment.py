"""What is compared, and the id that stands for it.

The id changes with anything that changes the answers (addresses, models, params), never with shares, limits, prices
or secrets: raising a share goes on with the same experiment, asking another model starts a new one.

It changes with what decides, too: metrics, margins, level and planned pairs are declared before looking, so another
policy starts the sequence anew, for the control leg as well, by whose noise it is judged. The minimum, the weights of
the score and what the control must show may change on the way: they only say when to believe what was found.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.model import Config
from config.policy import MetricRule, Policy
from record.pair import CONTROL


@dataclass(frozen=True, slots=True)
class Experiment:
    """One candidate against the primary."""

    id: str
    candidate: str
    compared: str
    """Canonical JSON of what is compared."""
    policy: str = ""
    """Canonical JSON of what decides; empty when nothing was declared."""
    planned_pairs: int | None = None
    """n* of the anytime intervals; None when nothing was declared."""

    @property
    def question(self) -> str:
        """Stands for what is compared alone: it stays when another policy decides."""
        return _digest(self.compared)


def experiments(config: Config) -> dict[str, Experiment]:
    """The experiment of each candidate, the control leg among them when it is on, by candidate name."""
    primary = {"name": config.primary.name, "url": config.primary.url}
    arms: dict[str, dict[str, object]] = {
        c.name: {"name": c.name, "url": c.url, "model": c.model, "params": c.params} for c in config.candidates
    }
    if config.control.sample > 0:
        arms[CONTROL] = {"name": CONTROL, "url": config.primary.url}
    policy, planned = deciding(config.policy), planned_pairs(config.policy)
    result = {}
    for name, arm in arms.items():
        compared = _canonical({"primary": primary, "candidate": arm})
        # Without a policy the id is what it was before there were any.
        stands_for = f"{compared}\n{policy}" if policy else compared
        result[name] = Experiment(_digest(stands_for), name, compared, policy, planned)
    return result


def deciding(policy: Policy | None) -> str:
    """Canonical JSON of what decides; empty without a policy. The order of the rules does not matter."""
    if policy is None:
        return ""
    return _canonical(
        {
            "level": policy.level,
            "planned_pairs": policy.planned_pairs,
            "primary_metrics": _rules(policy.primary_metrics),
            "guardrails": _rules(policy.guardrails),
        }
    )


def planned_pairs(policy: Policy | None) -> int | None:
    """n* that was declared."""
    return None if policy is None else policy.planned_pairs


def _rules(rules: Iterable[MetricRule]) -> list[dict[str, object]]:
    plain = [rule.model_dump(mode="json") for rule in rules]
    return sorted(plain, key=lambda rule: (str(rule["metric"]), str(rule["estimand"])))


def _canonical(values: Mapping[str, object]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
