"""Standard errors that stay right when pairs of one group depend on each other.

For a mean (Liang and Zeger 1986; Bell and McCaffrey 2002), with r_g the sum of influence values in group g:

    CR1  SE^2 = G/(G-1) sum r_g^2 / n^2,                    G - 1 degrees of freedom
    CR2  SE^2 = sum r_g^2 / (1 - n_g/n) / n^2,              Satterthwaite degrees of freedom

CR1 is too small when groups are few or unequal; CR2 is unbiased when pairs are independent. Both assume that groups
do not depend on each other, which is false first for short time blocks: see `blocks`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analyzer.stats.influence import Influence
from analyzer.stats.moments import FloatArray

MANY_GROUPS = 60
"""From here on CR1 with G - 1 degrees of freedom is as good as CR2, and cheaper."""


@dataclass(frozen=True, slots=True)
class StandardError:
    """An error and how well it is known."""

    value: float
    degrees: float
    """Degrees of freedom of the t distribution."""
    groups: int
    kind: str
    """CR1 or CR2."""

    def margin(self, level: float) -> float:
        """Half the width of the two-sided interval."""
        return self.value * float(stats.t.ppf(0.5 + level / 2, self.degrees))


def robust_error(influence: Influence) -> StandardError | None:
    """CR2 below 60 groups, CR1 from there on; None below two groups."""
    if influence.groups < 2:
        return None
    return cr2(influence) if influence.groups < MANY_GROUPS else cr1(influence)


def cr1(influence: Influence) -> StandardError:
    """With the factor G/(G-1); at least two groups."""
    groups = influence.groups
    total = float(influence.n.sum())
    variance = groups / (groups - 1) * float(influence.sums @ influence.sums) / total**2
    return StandardError(float(np.sqrt(variance)), float(groups - 1), groups, "CR1")


def cr2(influence: Influence) -> StandardError:
    """Exact for a mean; for a ratio the same correction, as if all pairs had the same denominator.

    At least two groups.
    """
    total = float(influence.n.sum())
    free = 1.0 - influence.n / total
    variance = float(influence.sums**2 @ (1.0 / free)) / total**2
    return StandardError(float(np.sqrt(variance)), satterthwaite(influence.n), influence.groups, "CR2")


def satterthwaite(n: FloatArray) -> float:
    """Degrees of freedom (tr B)^2 / tr(B^2) of the CR2 variance of a mean, in closed form.

    With B = D^(1/2) (diag(n_g) - n_g n_h / n) D^(1/2) / n^2 and D = diag(1 / (1 - n_g/n)), tr B = 1/n and
    tr(B^2) = (sum n_g^2 + (sum a)^2 - sum a^2) / n^4 with a_g = n_g^2 / (n - n_g). Equal groups give G - 1.
    """
    total = float(n.sum())
    a = n**2 / (total - n)
    return total**2 / float(n @ n + a.sum() ** 2 - a @ a)
