"""`shadowbench serve`: the proxy, the recorder and the store on this machine."""

from pathlib import Path

import click

from cli.settings import DEFAULT_SAMPLE, Loaded, Overrides, from_file, from_options

ROLES = ("proxy", "recorder", "store", "judge", "dashboard")


@click.command()
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="Configuration [./shadowbench.yaml].")
@click.option("--primary", metavar="URL", help="Instead of a file: the upstream whose answers clients get.")
@click.option(
    "--candidate",
    "candidates",
    metavar="NAME=URL[,model=M][,sample=F]",
    multiple=True,
    help=f"Instead of a file: an upstream that gets copies of a share F of the requests [sample={DEFAULT_SAMPLE}]. "
    "May be given several times.",
)
@click.option("--listen", metavar="[HOST:]PORT", help="Where clients connect [0.0.0.0:8080]; port 0 takes a free one.")
@click.option("--admin", metavar="[HOST:]PORT", help="Probes and metrics [127.0.0.1:8081]; port 0 takes a free one.")
@click.option("--dashboard", metavar="[HOST:]PORT", help="Pages for people [127.0.0.1:8082]; port 0 takes a free one.")
@click.option("--role", type=click.Choice(ROLES), help="Run this role alone; a recorder needs the proxy's disk.")
def serve(
    *,
    file: Path | None,
    primary: str | None,
    candidates: tuple[str, ...],
    listen: str | None,
    admin: str | None,
    dashboard: str | None,
    role: str | None,
) -> int:
    """Serves every request from the primary and copies a share of them to the candidates.

    Stops on Ctrl-C or SIGTERM: requests under way are finished first; a second signal hurries. SIGHUP reads the file
    again: a good one is taken up without disturbing requests under way, of a bad one every fault is named.

    \b
    Example:
      shadowbench serve --primary http://gateway:4000 --candidate llama=http://vllm:8000,model=llama-70b,sample=5%
      shadowbench serve -c shadowbench.yaml
      shadowbench serve -c shadowbench.yaml --role recorder --admin 8083
    """
    overrides = Overrides(listen, admin, dashboard)

    def load() -> Loaded:
        loaded = _loaded(file, primary, candidates, overrides)
        if role in {None, "judge"} and loaded.config.judge is not None:
            # Imported late: who has no judge does not wait for what judging needs.
            from cli.judges import require_able_judge  # noqa: PLC0415

            require_able_judge(loaded)
        return loaded.usable() if role in {None, "proxy"} else loaded

    loaded = load()
    if role == "judge" and loaded.config.judge is None:
        raise click.UsageError("the configuration has no `judge`, so there is nobody to judge")
    if role == "store" and loaded.config.store.url is not None:
        raise click.UsageError("store.url names your own server, so there is no store to run here")
    # Imported late: a wrong option is answered without it.
    from cli.supervisor.place import PlaceError  # noqa: PLC0415
    from cli.supervisor.serve import serve_until_stopped  # noqa: PLC0415
    from cli.supervisor.sockets import ListenError  # noqa: PLC0415

    try:
        return serve_until_stopped(loaded, None if primary else load, role)
    except (ListenError, PlaceError) as error:
        raise click.UsageError(str(error), click.get_current_context()) from None


def _loaded(file: Path | None, primary: str | None, candidates: tuple[str, ...], overrides: Overrides) -> Loaded:
    if primary is None and not candidates:
        return from_file(file, overrides)
    if file is not None:
        raise click.UsageError("say either -c FILE, or --primary and --candidate; the file already names both")
    if primary is None:
        raise click.UsageError("--candidate needs --primary URL, the upstream whose answers clients get")
    return from_options(primary, candidates, overrides)
