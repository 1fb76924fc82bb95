"""A policy in a file of its own: its keys at the top, or under `policy:`, as a whole configuration has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from config.model import Config
from config.policy import Policy
from config.source import ConfigError, Fault, KeyPath, Source, key_text, read_source
from config.wording import found_faults, in_order, nearest_key

_KEY = "policy"
_LEAST = "primary_metrics: [{metric: ...}]"


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy, and where each of its keys was said."""

    policy: Policy
    source: Source
    below: tuple[str, ...]
    """The key that holds it; empty where the whole file is the policy."""

    def fault(self, path: KeyPath, message: str) -> Fault:
        """What is wrong with a key of the policy."""
        whole = (*self.below, *path)
        return Fault(self.source.where(whole), key_text(whole), message)


def read_policy(path: Path, environment: Mapping[str, str] | None = None) -> LoadedPolicy:
    """Reads a policy's file, with the lines of its keys.

    Raises:
        ConfigError: with all faults of the file.
    """
    source = read_source(path, environment, least=_LEAST)
    below = (_KEY,) if _KEY in source.values else ()
    faults = [*source.faults, *(_strangers(source) if below else ())]
    try:
        policy = Policy.model_validate(source.values[_KEY] if below else source.values)
    except ValidationError as error:
        known = {fault.key for fault in faults}
        found = found_faults(source, error, Policy, below)
        faults += [fault for fault in found if fault.key not in known and (fault.key or not known)]
    else:
        if not faults:
            return LoadedPolicy(policy, source, below)
    raise ConfigError(in_order(faults))


def _strangers(source: Source) -> list[Fault]:
    """Keys beside `policy` that no configuration has. Those that one has may say what they like: nobody asks them."""
    known = [field.alias or name for name, field in Config.model_fields.items()]
    return [
        Fault(source.where((key,)), key, f"unknown key{nearest_key(key, known)}")
        for key in source.values
        if key not in known
    ]
