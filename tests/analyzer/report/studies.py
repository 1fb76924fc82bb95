"""Studies made by hand: every part filled, or every part absent."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from analyzer.integrity.results import (
    ControlCheck,
    Integrity,
    Missing,
    Population,
    SampleRatio,
    Skew,
    SkipBias,
)
from analyzer.metrics import METRICS, Estimand, Metric, named
from analyzer.results import (
    Between,
    Bound,
    CandidateStudy,
    Check,
    Comparison,
    Needed,
    Score,
    Segment,
    Study,
)
from analyzer.source import Window
from analyzer.stats.interval import Interval
from analyzer.surroundings.results import Change, Drift, Effect, Fairness, Interference, Split, Stratum
from analyzer.verdict import Verdict
from config.policy import MetricRule, Policy
from tests.analyzer.rows import START

WINDOW = Window(START, START + timedelta(hours=1))
POLICY = Policy.model_validate(
    {
        "primary_metrics": [{"metric": "total_ms", "estimand": "p95", "margin": 200}],
        "guardrails": [{"metric": "error_rate", "margin": 0.005}, {"metric": "cost_usd", "require": "better"}],
        "minimum": {"pairs": 100},
        "planned_pairs": 1000,
    }
)


def metric(name: str, estimand: Estimand | None = None) -> Metric:
    found = named(METRICS, name, estimand)
    assert found is not None
    return found


def row(name: str, estimand: Estimand | None = None, **values: Any) -> Comparison:
    """A comparison with 1,000 pairs."""
    plain: dict[str, Any] = {"kind": "anytime", "level": 0.95, "n": 1000, "blocks": 40, "clusters": 200}
    return Comparison(metric(name, estimand), **(plain | values))


def latency(**values: Any) -> Comparison:
    plain: dict[str, Any] = {
        "role": "primary",
        "require": "not_worse",
        "primary": 812.1,
        "candidate": 640.3,
        "difference": -171.8,
        "interval": Interval(-190.0, -153.6),
        "bound": Bound("upper", -155.0),
        "surely": -188.0,
        "worst": Interval(-195.0, -149.0),
        "margin": 200.0,
        "design_effect": 2.1,
        "p_value": 0.0001,
        "p_margin": 1e-9,
        "p_adjusted": 0.0002,
        "verdict": Verdict.BETTER,
        "method": "difference of quantiles",
    }
    return row("total_ms", "p95", **(plain | values))


def errors(**values: Any) -> Comparison:
    plain: dict[str, Any] = {
        "role": "guardrail",
        "require": "not_worse",
        "primary": 0.0336,
        "candidate": 0.0298,
        "difference": -0.0038,
        "interval": Interval(-0.0128, 0.0052),
        "bound": Bound("upper", 0.0061),
        "margin": 0.005,
        "p_value": 0.4,
        "p_margin": 0.08,
        "needed": Needed(3400, 12.4, 18_000.0),
        "reason": "the bound lies beyond the margin",
    }
    return row("error_rate", **(plain | values))


COMPARISONS = (
    row("total_ms", "mean", primary=800.0, candidate=640.0, difference=-160.0, interval=Interval(-180.0, -140.0),
        verdict=Verdict.BETTER),
    row("total_ms", "p99", primary=2000.0, difference=None, reason="the quantile lies among failures"),
    row("total_ms", "log_ratio", difference=-0.2, interval=Interval(-0.25, -0.15), verdict=Verdict.BETTER),
    latency(),
    row("cost_usd", role="guardrail", require="better", primary=0.0007, candidate=0.00007, difference=-0.00063,
        interval=Interval(-0.00065, -0.00061), bound=Bound("upper", -0.000612), verdict=Verdict.BETTER),
    errors(),
    row("ttft_ms", "mean", n=0, blocks=0, clusters=0),
    row("tokens_per_second", primary=50.0, candidate=49.0, difference=-1.0, interval=Interval(-4.0, 2.0),
        bound=Bound("lower", -3.5), needed=Needed(900, None, None), reason="the interval holds 0"),
    row("exact_match", candidate=0.25, primary=None),
)  # fmt: skip


def checks() -> tuple[Check, ...]:
    rules = [rule for _, rule in POLICY.rules()]
    return (
        Check(rules[0], "primary", "passed", 1e-9, "total_ms p95: at least 155 ms better, 200 ms allowed"),
        Check(rules[1], "guardrail", "open", 0.08, "error_rate: at most 0.61 percentage points worse, 0.5 allowed"),
        Check(rules[2], "guardrail", "failed", 1.0, "cost_usd: at least $0.10 worse, to be better"),
    )


def integrity(**values: Any) -> Integrity:
    plain: dict[str, Any] = {
        "sample_ratio": SampleRatio(0.1, 0.0998, 0.71, "anytime", "passed"),
        "missing": Missing(10, 2, 1, 0.001, (("budget", 10), ("breaker_open", 2), ("overload", 1))),
        "control": (
            ControlCheck("total_ms", "p95", 100.0, -20.0, 30.0, "passed"),
            ControlCheck("error_rate", "rate", 0.0025, None, None, "open"),
        ),
        "control_pairs": 800,
        "skip_bias": (
            SkipBias("budget", 10, 800.0, 810.0, 0.6, 45.0, 44.0, 0.7, (("tenant", "acme", 0.3, 0.5),), "passed"),
        ),
        "population": Population(0.99, "speaks of 99 % of the sampled requests", (("total_ms", -160.0, -158.0),)),
        "skew": Skew(1000, 0.4, 2.5, 0.01, "passed"),
        "warnings": ("10 requests are still under way",),
        "obstacles": (),
    }
    return Integrity(**(plain | values))


def candidate(**values: Any) -> CandidateStudy:
    plain: dict[str, Any] = {
        "name": "swift",
        "experiment": "e1",
        "pairs": 1000,
        "first": START,
        "last": START + timedelta(minutes=50),
        "states": {"received": 10_000, "unsampled": 8987, "budget": 10, "pair": 1000},
        "integrity": integrity(),
        "comparisons": COMPARISONS,
        "checks": checks(),
        "score": Score(0.61, 0.55, 0.67, (("quality", 0.4, 0.5), ("cost", 0.35, 0.9), ("latency", 0.25, 0.6))),
        "interference": Interference(
            50, 5, 5000, 500, Effect(800.0, 801.0, 1.0, Interval(-5.0, 7.0)), None, "mirroring adds 1 ms"
        ),
        "fairness": Fairness(
            (Split("total_ms", "cache", -160.0, -10.0, -150.0, None, (Stratum("both cold", 900, -151.0, None),)),),
            ("10 of 160 ms come from a warmer cache",),
        ),
        "drift": Drift((Change("model", "", "", START, None, None, None, "swift answers as swift-2 since 10:00"),), 40),
        "decision": "reject",
        "reasons": ("cost_usd: at least $0.10 worse, to be better",),
    }
    return CandidateStudy(**(plain | values))


def empty(name: str = "swift") -> CandidateStudy:
    """Nothing was recorded."""
    nothing = Integrity(SampleRatio(), Missing(), None, 0, (), None, None, (), ())
    return CandidateStudy(
        name, None, 0, None, None, {}, nothing, (row("total_ms", "mean", n=0),), reasons=("no pairs in the window",)
    )


def control() -> CandidateStudy:
    rows = (row("total_ms", "mean", primary=800.0, candidate=801.0, difference=1.0, interval=Interval(-5.0, 7.0)),
            row("exact_match", candidate=0.75))  # fmt: skip
    return candidate(
        name="control", comparisons=rows, checks=(), score=None, decision="wait", reasons=(), pairs=800, experiment="e0"
    )


def made(*candidates: CandidateStudy, **values: Any) -> Study:
    plain: dict[str, Any] = {
        "asked": WINDOW,
        "window": Window(START, START + timedelta(minutes=58)),
        "watermark": START + timedelta(minutes=58, seconds=3),
        "generated_at": START + timedelta(hours=2),
        "level": 0.95,
        "kind": "anytime",
        "planned_pairs": 1000,
        "policy": POLICY,
        "store_version": "26.9",
        "candidates": candidates or (candidate(),),
        "control": control(),
        "between": (Between("swift", "sage", tuple(replace(r, role="other", require=None) for r in COMPARISONS[:4])),),
        "segments": (
            Segment("swift", "tenant", "acme", latency(role="other", require=None), 0.01, True),
            Segment("swift", "tenant", "globex", latency(verdict=Verdict.UNDECIDED), 0.4, False),
        ),
        "notes": ("the window was cut to whole hours",),
    }
    return Study(**(plain | values))


HOSTILE = (
    "@everyone",
    "#1 GH-2 octo/cat#3 octo/cat@1234567890abcdef1234567890abcdef12345678 deadbeef",
    "<img src=x onerror=alert(1)><script>alert(1)</script><!-- -->",
    "![x](http://evil.example/x.png) [y](javascript:alert(1)) www.evil.example https://evil.example a@b.example",
    "` `` ``` | \\| || $x$ $$y$$ *b* _i_ ~~s~~ :smile: ~label !7 %m &amp; &#64;x",
    "\x1b[31mred\x1b]8;;http://evil.example\x07link\x1b]8;;\x07\u202ereversed\u2028line\nnew line\r\t\x00\ufffe",
    "[red]markup[/red] ]]> <![CDATA[ </testsuite>",
    "# heading\n- item\n> quote\n/close",
    "x" * 5000,
)
"""What a provider may call its model, or a client its tenant."""


def hostile(text: str) -> Study:
    """Every place that may hold a text of somebody else's."""
    rule = MetricRule(metric=text or "x")
    bad = replace(
        candidate(),
        name=text,
        experiment=text,
        states={"received": 1, text: 1},
        integrity=integrity(warnings=(text,), obstacles=(text,), population=Population(1.0, text)),
        comparisons=(*COMPARISONS, latency(verdict=Verdict.UNDECIDED, reason=text, needed=Needed(1, None, None, text))),
        checks=tuple(Check(rule, "guardrail", finding, None, text) for finding in ("passed", "failed", "open")),
        score=Score(0.5, 0.4, 0.6, ((text, 1.0, 0.5),)),
        reasons=(text, f"because of {text}"),
        drift=Drift((Change("model", text, "mean", None, None, None, None, text),), 3),
        fairness=Fairness((), (text,)),
    )
    segments = tuple(Segment(text, text, text, latency(), 0.01, True) for _ in range(3))
    return made(bad, between=(Between(text, text, COMPARISONS),), segments=segments, notes=(text,))
