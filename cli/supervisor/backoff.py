"""How long a role that died waits for its next start."""

FIRST_S = 0.25
LONGEST_S = 30.0
STABLE_S = 10.0
"""A role that ran this long is healthy; its next death counts as the first."""


class Backoff:
    """None after the first death, then 0.25 s, doubling up to 30 s, until the role runs for 10 s."""

    def __init__(self) -> None:
        self.deaths = 0
        """In a row, none of them after a stable run."""

    def after(self, ran_s: float) -> float:
        """Seconds to wait, for a role that ran `ran_s` seconds before it died."""
        if ran_s >= STABLE_S:
            self.deaths = 0
        self.deaths += 1
        if self.deaths == 1:
            return 0.0
        return float(min(FIRST_S * 2 ** min(self.deaths - 2, 16), LONGEST_S))
