"""The entry point: finds the command, and turns every error into one line and an exit code."""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from config.source import ConfigError
from runtime.version import version
from store.errors import StoreError

USAGE = 64
INTERNAL = 70
INTERRUPTED = 130
BROKEN_PIPE = 141
_TRACEBACK = "SHADOWBENCH_TRACEBACK"

_COMMANDS = {
    "serve": "The proxy, the recorder and the store on this machine.",
    "pause": "Stops copies to one candidate, or to all.",
    "resume": "Lets copies go on.",
    "check": "Validates a configuration and says what it would copy.",
    "demo": "Simulated providers and traffic, the real pipeline, a verdict.",
    "watch": "The live comparison in the terminal.",
    "report": "Compares each candidate with the primary.",
    "gate": "Go or no-go for CI, by the policy.",
    "judge": "Judges a window once more, or compares judges with people.",
    "labels": "What people say of pairs, into the store and out of it.",
    "import": "Brings pairs of a file into the store.",
    "export": "Writes pairs to a file.",
    "audit": "Shows that every received request ended in one counted state.",
    "sql": "Runs one SELECT on the tables.",
    "erase": "Takes requests out of the store, for people who ask for that.",
}
"""In the order of `--help`."""
_MODULES = {"import": "import_pairs"}
"""`cli.commands.NAME` holds the command `NAME`, where the language takes it for a name."""


class _Lazy(click.Group):
    """Imports a command when it is asked for, so that `serve` does not wait for what reports need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in _COMMANDS:
            return None
        name = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = getattr(importlib.import_module(f"cli.commands.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click calls it
    if wanted and not ctx.resilient_parsing:
        click.echo(f"shadowbench {version()}")
        ctx.exit()


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Version.")
def shadowbench() -> None:
    """Mirrors LLM traffic to candidate models and says which is better.

    \b
    Example:
      shadowbench serve --primary http://gateway:4000 --candidate llama=http://vllm:8000,model=llama-70b
      shadowbench report --since 1h
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs a command and exits."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Runs a command.

    Returns:
        Its exit code: 64 wrong usage or configuration, 70 internal error, else what the command says.
    """
    try:
        with shadowbench.make_context("shadowbench", list(arguments)) as context:
            code = shadowbench.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except (click.ClickException, ConfigError) as error:
        return _say(error)
    except StoreError as error:
        print(f"shadowbench: {error}", file=sys.stderr)
        return INTERNAL
    except BrokenPipeError:
        return _pipe_closed()
    except Exception as error:  # noqa: BLE001 - the last border: whatever happened becomes one line
        return _internal(error)
    return code if isinstance(code, int) else 0


def _say(error: click.ClickException | ConfigError) -> int:
    if isinstance(error, ConfigError):
        print(error, file=sys.stderr)
        return USAGE
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        print(error.format_message(), file=sys.stderr)
        return USAGE
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "shadowbench"
    text = error.format_message().rstrip(".?")
    if isinstance(error, click.UsageError):
        print(f"{path}: {text} (see `{path} --help`)", file=sys.stderr)
        return USAGE
    print(f"{path}: {text}", file=sys.stderr)
    # click's own default is 1, which a gate uses for "fail".
    return error.exit_code if error.exit_code not in {1, 2} else INTERNAL


def _internal(error: Exception) -> int:
    if os.environ.get(_TRACEBACK):
        traceback.print_exception(error)
    detail = str(error).partition("\n")[0]
    hint = "" if os.environ.get(_TRACEBACK) else f" ({_TRACEBACK}=1 shows where)"
    print(f"shadowbench: internal error: {type(error).__name__}: {detail}{hint}", file=sys.stderr)
    return INTERNAL


def _pipe_closed() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains at its end
    return BROKEN_PIPE


if __name__ == "__main__":
    main()
