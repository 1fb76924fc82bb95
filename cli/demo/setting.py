"""The arms of the demonstration, and the configuration file for them.

The three simulated providers differ plainly: `swift` starts and writes faster and costs a tenth, and wraps what it says
in more words that say nothing; `sage` is slower, costs more, and writes more and clearer. A simulated judge tells them
apart. The control leg is the primary against itself and shows what no difference looks like.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cli.demo.simulation import Failure, Lognormal, Profile, SlowSpell
from cli.demo.verdicts import JudgeProfile

PRIMARY = Profile(
    name="prime",
    first_token_s=Lognormal(0.120, 0.35),
    event_gap_s=Lognormal(0.020, 0.5),
    output_tokens=Lognormal(45, 0.3),
    tokens_per_event=4,
    vague_share=0.06,
    error_share=0.005,
    # After a 429 of the primary copies to it yield for ten seconds: the control would miss half of the demonstration.
    failures=(Failure.SERVER_ERROR, Failure.BROKEN_ANSWER),
    spell=SlowSpell(every_s=30.0, at_s=8.0, length_s=1.5, factor=1.7),
)
SWIFT = Profile(
    name="swift",
    first_token_s=Lognormal(0.060, 0.35),
    event_gap_s=Lognormal(0.012, 0.5),
    output_tokens=Lognormal(42, 0.3),
    tokens_per_event=4,
    vague_share=0.14,
    error_share=0.03,
)
SAGE = Profile(
    name="sage",
    first_token_s=Lognormal(0.200, 0.35),
    event_gap_s=Lognormal(0.032, 0.5),
    output_tokens=Lognormal(60, 0.3),
    tokens_per_event=4,
    vague_share=0.03,
    error_share=0.002,
)
PROFILES = (PRIMARY, SWIFT, SAGE)
JUDGE = JudgeProfile(
    name="arbiter",
    answer_s=Lognormal(0.120, 0.3),
    taste=0.03,
    mood=0.012,
    lean=0.015,
    tie_within=0.012,
    fooled_share=0.15,
    output_tokens=24,
)
LEGS = 3
"""Copies of each request: two candidates and the control leg."""

DEFAULT_SEED = 7
"""With one seed in twenty the control leg differs by chance, as intervals of 95 % do; with this one it does not."""
POLICY: Mapping[str, Any] = {
    "primary_metrics": [
        {"metric": "total_ms", "estimand": "p50", "margin": "10%"},
        {"metric": "cost_usd", "margin": "10%"},
    ],
    # Twenty seconds say little about what is rare, of the candidates and of the control alike: hence so wide a margin.
    "guardrails": [{"metric": "error_rate", "margin": 0.045}],
    "minimum": {"pairs": 300},
    "planned_pairs": 1000,
    "control": {"within": "100%"},
}
"""What decides about the candidates: by its times and its costs `swift` could be promoted, but not by its failures."""
CLIENT_MODEL = "simulated-prime"
"""The model that the simulated clients ask for."""
CONVERSATION_HEADER = "x-conversation-id"
TENANT_HEADER = "x-tenant"
TIER_HEADER = "x-tier"


def configuration(
    ports: Mapping[str, int], *, listen_port: int, admin_port: int, dashboard_port: int, data: str
) -> dict[str, Any]:
    """The demonstration's configuration as plain values.

    Args:
        ports: port of each simulated provider, by its name.
        data: directory of capture log and store, relative to the file or absolute.
    """
    return {
        "listen": {"host": "127.0.0.1", "port": listen_port},
        "admin": {"host": "127.0.0.1", "port": admin_port},
        "dashboard": {"host": "127.0.0.1", "port": dashboard_port},
        "primary": {
            "name": PRIMARY.name,
            "url": f"http://127.0.0.1:{ports[PRIMARY.name]}",
            "price": {"input_per_mtok": 2.5, "output_per_mtok": 10},
        },
        "candidates": [
            _candidate(SWIFT, ports, input_per_mtok=0.25, output_per_mtok=1.0),
            _candidate(SAGE, ports, input_per_mtok=5.0, output_per_mtok=15.0),
        ],
        "control": {"sample": "100%", "max_in_flight": 512},
        # It shares its cores with everything that it simulates: a late loop is no sign of overload here.
        "limits": {"loop_lag": "1s"},
        "sampling": {"unit": "conversation", "from": [f"header:{CONVERSATION_HEADER}", "prefix"]},
        "labels": {"tenant": {"header": TENANT_HEADER}, "tier": {"header": TIER_HEADER}},
        "capture": {"dir": f"{data}/capture"},
        "store": {"dir": f"{data}/store"},
        "privacy": {"bodies": "full"},
        "blocks": {"length": "1s"},
        "judge": {
            "sample": "25%",
            "models": [
                {
                    "name": JUDGE.name,
                    "url": f"http://127.0.0.1:{ports[JUDGE.name]}",
                    "model": f"simulated-{JUDGE.name}",
                    "max_in_flight": 32,
                    "price": {"input_per_mtok": 1, "output_per_mtok": 4},
                }
            ],
            "repeats": "10%",
            "canaries": "10%",
            "budget": {"usd_per_day": 10},
        },
        "policy": POLICY,
        "drain": "5s",
    }


def _candidate(
    profile: Profile, ports: Mapping[str, int], *, input_per_mtok: float, output_per_mtok: float
) -> dict[str, Any]:
    return {
        "name": profile.name,
        "url": f"http://127.0.0.1:{ports[profile.name]}",
        "model": f"simulated-{profile.name}",
        "headers": {"authorization": "Bearer simulated-candidate-key"},
        "sample": "100%",
        "max_in_flight": 512,
        # At this rate one error in thirty is twenty within half a minute; here the errors themselves are to be seen.
        "breaker": {"failures": 0},
        "price": {"input_per_mtok": input_per_mtok, "output_per_mtok": output_per_mtok},
    }


def write_configuration(path: Path, values: Mapping[str, Any]) -> None:
    """Writes the file with a line that says where it is from."""
    text = yaml.safe_dump(dict(values), sort_keys=False)
    path.write_text(f"# Written by `shadowbench demo`: simulated providers on loopback.\n{text}", encoding="utf-8")
