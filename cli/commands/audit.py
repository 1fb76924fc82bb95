"""`shadowbench audit`: does every received request have its place?"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from analyzer.audit import Patience
from analyzer.audit import audit as audit_of
from analyzer.moments import Moment
from analyzer.report.audit_form import as_json, as_table
from analyzer.source import Window
from cli.commands.options import config_option, configuration, stored_pairs, window, window_options
from cli.commands.screen import console, show
from config.model import Config
from proxy.recorder.claim import is_followed
from proxy.recorder.segments import list_streams

ROWS_LAG = timedelta(seconds=60)
"""From the end of the slowest leg to its row in the store, while the recorder keeps up."""
_HOUR = timedelta(hours=1)


@click.command("audit")
@config_option
@window_options
@click.option("--json", "wants_json", is_flag=True, help="As JSON.")
def audit(config_file: Path | None, since: Moment, until: Moment, wants_json: bool) -> int:  # noqa: FBT001 - click calls it
    """Checks that received = unsampled + skips + pairs + open + lost, per candidate and hour.

    Whole hours are counted. Ends with 0 when everything adds up and with 1 when it does not, or when the capture log
    of this machine holds what nobody records.

    \b
    Example:
      shadowbench audit --since 7d
      shadowbench audit -c shadowbench.yaml --json
    """
    config = configuration(config_file)
    now = datetime.now(UTC)
    asked = _whole_hours(window(since, until, now))
    # Looked at before the counts: what becomes quiet in between is only judged more mildly.
    patience = Patience(now, _in_flight(config), _is_quiet(config), _unread(config))
    with stored_pairs(config) as source:
        lines = audit_of(source.hours(asked), patience)
    if wants_json:
        print(json.dumps(as_json(lines, patience.unread), indent=2))
    else:
        show(console(), as_table(lines, patience.unread))
    for line in lines:
        if not line.adds_up:
            print(f"audit: {line.candidate}, {line.hour:%Y-%m-%d %H:00} UTC: {line.fault}", file=sys.stderr)
    if patience.unread:
        print(f"audit: {_unread_text(config, patience.unread)}", file=sys.stderr)
    return 0 if not patience.unread and all(line.adds_up for line in lines) else 1


def _unread_text(config: Config, streams: int) -> str:
    held = f"{streams} stream{'s' if streams > 1 else ''} that no recorder has read to the end"
    return f"the capture log in {config.capture.dir} holds {held}; start `shadowbench serve`, which records them"


def _unread(config: Config) -> int:
    """Streams on this machine that nobody follows: their recorder died, or none was started."""
    directory = Path(config.capture.dir)
    try:
        return sum(not is_followed(directory, stream) for stream in list_streams(directory))
    except OSError:
        return 0  # no directory of ours: another machine's service, or none yet


def _whole_hours(asked: Window) -> Window:
    since = asked.since.replace(minute=0, second=0, microsecond=0)
    until = asked.until.replace(minute=0, second=0, microsecond=0)
    return Window(since, until if until == asked.until else until + _HOUR)


def _in_flight(config: Config) -> timedelta:
    slowest = max((c.timeout.total for c in config.candidates), default=0.0)
    return timedelta(seconds=slowest + config.drain) + ROWS_LAG


def _is_quiet(config: Config) -> bool:
    """Embedded, one machine has all there is: once its capture log holds no stream, nothing can be under way."""
    if config.store.url is not None:
        return False
    try:
        return not list_streams(Path(config.capture.dir))
    except NotADirectoryError:
        return True
