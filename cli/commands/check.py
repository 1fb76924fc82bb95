"""`shadowbench check`: is the configuration valid, and what would it copy?"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.forecast import Forecast, forecast, forecast_form, forecast_lines
from cli.judges import judge_form, judge_lines, require_able_judge
from cli.mirrored import Mirrored, mirrored
from cli.policies import policy_lines, require_known_metrics
from cli.settings import Loaded, from_file
from config.model import Config
from config.source import ConfigError, Fault
from config.wording import in_order
from proxy.recorder.pricing import PriceList
from record.pair import CONTROL
from record.usage import Usage

USAGE = 64


@click.command()
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="Configuration [./shadowbench.yaml].")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Form of the answer.")
def check(*, file: Path | None, form: str) -> int:
    """Validates a configuration, and says what it would copy and what decides; starts nothing.

    Exits with 0 when it is valid, with 64 when it is not: then every fault is named, with file, line and key. Where
    the store can be read, copies and dollars per day are said, by the traffic of the last 24 hours.

    \b
    Example:
      shadowbench check -c shadowbench.yaml
      shadowbench check -c shadowbench.yaml --format json
    """
    try:
        loaded = from_file(file).usable()
        _require_usable(loaded)
    except ConfigError as error:
        if form == "text":
            raise
        click.echo(json.dumps({"valid": False, "faults": [_fault(f) for f in error.faults]}))
        return USAGE
    config = loaded.config
    expected = forecast(config) if any(arm.share for arm in mirrored(config)) else None
    click.echo(json.dumps(_answer(config, expected)) if form == "json" else _text(config, expected))
    return 0


def _require_usable(loaded: Loaded) -> None:
    """Raises ConfigError with what neither the policy nor the judge could work with."""
    faults: list[Fault] = []
    for require in (require_known_metrics, require_able_judge):
        try:
            require(loaded)
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(in_order(faults))


def _fault(fault: Fault) -> dict[str, str]:
    return {"where": fault.where, "key": fault.key, "message": fault.message}


def _answer(config: Config, expected: Forecast | str | None) -> dict[str, Any]:
    prices = PriceList(config, lambda _model: None)
    arms = [
        {
            "name": a.name,
            "url": a.url,
            "sample": a.share,
            "model": a.model,
            "price": _price(a, config, prices),
        }
        for a in mirrored(config)
    ]
    said: dict[str, Any] = {} if expected is None else {"forecast": forecast_form(expected)}
    if config.policy is not None:
        said["policy"] = policy_lines(config)
    if config.judge is not None:
        said["judge"] = judge_form(config)
    return {"valid": True, "primary": config.primary.url, "mirrored": arms, **said}


def _price(arm: Mirrored, config: Config, prices: PriceList) -> str:
    """`own`, `listed` or `unknown`; `by_model` when the client chooses the model."""
    prices_of = {CONTROL: config.primary.price} | {c.name: c.price for c in config.candidates}
    if prices_of[arm.name] is not None:
        return "own"
    if arm.model is None:
        return "by_model"
    asked = Usage(input_tokens=1000, output_tokens=1000)
    cost = prices.cost(arm.name, asked, None, arm.model, datetime.now(UTC))
    return "listed" if cost.usd is not None else "unknown"


_PRICE_TEXT = {
    "own": "your own price",
    "listed": "price known from the list",
    "by_model": "price by the model of each request",
    "unknown": "price unknown: costs stay empty until `price` is set",
}


def _text(config: Config, expected: Forecast | str | None) -> str:
    answer = _answer(config, expected)
    lines = [f"valid; clients are answered by {config.primary.url}"]
    for arm, said in zip(mirrored(config), answer["mirrored"], strict=True):
        lines.append(f"{arm.name}: {arm.text()}" + (f"; {_PRICE_TEXT[said['price']]}" if arm.share else ""))
    if config.store.cluster is not None:
        lines.append(
            f"store: replicated and sharded on cluster {config.store.cluster!r}; the recorder makes its tables there "
            "(a form that was checked by the engine's parser, and not run on a cluster)"
        )
    lines += judge_lines(config)
    lines += answer.get("policy", ())
    if expected is None:
        lines.append("nothing is copied: give a candidate a `sample` above 0")
    else:
        lines += forecast_lines(expected)
    return "\n".join(lines)
