"""Where there is no terminal the demonstration speaks in plain lines."""

import io

from rich.console import Console

from cli.demo.screen import Screen


def lines_of(updates_s: list[float], total_s: float) -> list[str]:
    output = io.StringIO()
    with Screen(Console(file=output, force_terminal=False, width=80)).bar("traffic", total_s) as bar:
        for at_s in updates_s:
            bar.update(at_s, "n sent")
    return output.getvalue().splitlines()


def test_a_line_comes_every_five_seconds_and_one_at_the_end() -> None:
    updates = [0.2 * i for i in range(1, 60)] + [12.0, 12.0, 12.0]
    assert [line.split(",")[0] for line in lines_of(updates, 12.0)] == [
        "traffic: 5 s",
        "traffic: 10 s",
        "traffic: 12 s",
    ]


def test_a_stretch_shorter_than_five_seconds_ends_with_its_line() -> None:
    assert lines_of([0.5, 2.9, 3.0, 3.0], 3.0) == ["traffic: 3 s, n sent"]
