"""The operator hears of each change once, and is not flooded."""

from proxy.upstream.reachability import QUIET_S, Reachability


class Told:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.now_s = 0.0
        self.reachability = Reachability("gpu", lambda name, why: self.lines.append((name, why)), lambda: self.now_s)

    def note(self, reason: str, after_s: float = QUIET_S) -> None:
        self.now_s += after_s
        self.reachability.note(reason)


def test_one_line_per_change_of_reason() -> None:
    told = Told()
    for reason in ["", "", "refused", "refused", "refused", "no TLS", "no TLS", "", "", "refused"]:
        told.note(reason)
    assert told.lines == [("gpu", "refused"), ("gpu", "no TLS"), ("gpu", ""), ("gpu", "refused")]


def test_an_upstream_that_fails_now_and_then_does_not_fill_the_log() -> None:
    told = Told()
    for _ in range(1000):
        told.note("refused", after_s=0.001)
        told.note("", after_s=0.001)
    assert told.lines == [("gpu", "refused")]
    told.note("", after_s=QUIET_S)
    assert told.lines == [("gpu", "refused"), ("gpu", "")]
