"""What a measurement answers: the statistic with its evidence."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statistic:
    """A distance between a current window and its baseline.

    Attributes
    ----------
    name : str
        Which statistic: ``"ks"``, ``"psi"``, ``"linf"``, ...
    value : float
        The point estimate, in the unit of the statistic.
    lower : float or None
        Lower confidence bound of the true distance, never above `value`.
        None where the statistic is only reported and must not decide.
    n, m : int
        Rows counted in the current window and in the baseline.
    p_value : float or None
        Probability of a value at least as large without any drift; reported,
        never decides. None where it is not known.

    Examples
    --------
    >>> Statistic("ks", value=0.21, lower=0.12, n=2_000, m=50_000)
    Statistic(name='ks', value=0.21, lower=0.12, n=2000, m=50000, p_value=None)
    """

    name: str
    value: float
    lower: float | None
    n: int
    m: int
    p_value: float | None = None
