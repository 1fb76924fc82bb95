"""A role that behaves as the test asks: `python role.py --role R --name N --link-fd F BEHAVIOUR...`.

Behaviours: `serve` (answers every connection with its pid), `fail REASON`, `die CODE` (once ready), `deaf` (does not
drain), `stubborn` (does not mind SIGTERM either), `mute` (never ready), `late SECONDS` (drains that long).
"""

import argparse
import asyncio
import os
import signal
import socket
import sys

from runtime.link import Link, Order, Pause, Reload


async def _answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(f"{os.getpid()}\n".encode())
    await writer.drain()
    writer.close()


def _obey(order: Order, link: Link) -> None:
    """Says on the metrics page what it was told."""
    match order:
        case Reload():
            link.report({"fake_config_version": order.config_version, "fake_drain_s": order.configuration().drain})
            link.reloaded(order.config_version)
        case Pause(candidates):
            link.report({f'fake_paused{{candidates="{",".join(candidates)}"}}': 1})


async def _run(fd: int, name: str, behaviour: str, value: str) -> int:
    link = await Link.open(fd)
    start = await link.start()
    listening = asyncio.get_running_loop().create_task(link.listen())
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if behaviour == "fail":
        link.failed(value)
        await link.close()
        return 3
    if behaviour != "deaf":
        link.obey(lambda order: _obey(order, link))
    servers = [await asyncio.start_server(_answer, sock=socket.socket(fileno=n)) for n in start.listen_fds]
    if behaviour != "mute":
        link.ready(f"{name} of {start.role} pid {os.getpid()}")
    told = {"fake_started_with": start.config_version, "fake_started_paused": len(start.paused)}
    link.report({**told, "fake_figure": 1.5, 'fake_events_total{kind="a b"}': 2})
    if behaviour == "die":
        await link.close()
        return int(value)
    await link.stop.wait()
    for server in servers:
        server.close()
    if behaviour in {"deaf", "stubborn"}:
        await asyncio.sleep(3600)
    if behaviour == "late":
        await asyncio.sleep(float(value))
    listening.cancel()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    for option in ("--role", "--name", "--link-fd"):
        parser.add_argument(option, required=True)
    parser.add_argument("behaviour")
    parser.add_argument("value", nargs="?", default="")
    arguments = parser.parse_args()
    return asyncio.run(_run(int(arguments.link_fd), arguments.name, arguments.behaviour, arguments.value))


if __name__ == "__main__":
    sys.exit(main())
