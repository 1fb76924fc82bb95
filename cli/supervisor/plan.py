"""Which roles run on this machine, and what each is called."""

from dataclasses import dataclass

from config.model import Config

PROXY = "proxy"
RECORDER = "recorder"
STORE = "store"
JUDGE = "judge"
DASHBOARD = "dashboard"


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """One process to keep running."""

    role: str
    name: str
    """`proxy-0`: unique on the machine."""


def plan(config: Config, only: str | None = None) -> tuple[RoleSpec, ...]:
    """The roles of a configuration, in the order in which they start.

    Proxies come first: they answer before the store is up. Without `store.url` the embedded store runs here, without
    `judge` nobody judges.
    """
    specs = [RoleSpec(PROXY, f"{PROXY}-{i}") for i in range(config.listen.worker_count())]
    if config.store.url is None:
        specs.append(RoleSpec(STORE, STORE))
    specs.append(RoleSpec(RECORDER, RECORDER))
    if config.judge is not None:
        specs.append(RoleSpec(JUDGE, JUDGE))
    specs.append(RoleSpec(DASHBOARD, DASHBOARD))
    return tuple(s for s in specs if only in {None, s.role})
