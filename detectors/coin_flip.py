"""Evidence that accumulates: counts of rare events look by look in, an alarm with a bound on false ones a year out.

Whose error is the next one? Between two versions in the same minutes each error is a coin flip, whose odds are those
of their traffic; an incident upstream makes more flips and leaves the odds alone.
"""

import math
from dataclasses import dataclass

RATIOS = (2.0, 4.0, 8.0, 20.0)
"""How many times the usual odds are watched for, each by a recursion of its own."""
_SILENCE = 1e-3
"""How far looks without an event may raise a level, in alarms: a year of them must not add up to one."""
_HIGHEST = 1e300
_NOTHING = (0.0,) * len(RATIOS)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was gathered so far.

    Attributes
    ----------
    levels : tuple of float, at least 0
        A Shiryaev-Roberts statistic for each of `RATIOS`, in alarms. It begins
        with nothing, and is to begin again after an alarm, an action or
        another pair of versions.

    Examples
    --------
    >>> Evidence().certain, Evidence((0.1, 4.2, 0.0, 0.0)).certain
    (False, True)
    """

    levels: tuple[float, ...] = _NOTHING

    @property
    def certain(self) -> bool:
        """True if the levels are one alarm each in the mean.

        While nothing is wrong, a level less the rates of the looks so far is a
        supermartingale. So false alarms are, in expectation, no more than the
        rates add up to, whatever depends on what and however often one looks.
        """
        return sum(self.levels) >= len(self.levels)


def versions(
    evidence: Evidence,
    *,
    errors: int,
    requests: int,
    errors_beside: int,
    requests_beside: int,
    rate: float,
    tolerated: float = 1.5,
    phi: float = 1.0,
) -> Evidence:
    """Add a look at the errors of a version and of the one beside it in the same minutes.

    Parameters
    ----------
    evidence : Evidence
        Of the looks before.
    errors, requests : int, 0 <= errors <= requests
        Of the version in question.
    errors_beside, requests_beside : int, 0 <= errors_beside <= requests_beside
        Of the version beside it.
    rate : float, above 0
        False alarms a year that are allowed, over looks a year.
    tolerated : float, at least 1, below 2
        Odds ratio of an error that is still accepted.
    phi : float, at least 1
        Design effect of errors: how many of them come at once.

    Returns
    -------
    Evidence

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    Given how many errors both have together, those of the version are at most
    binomial with ``theta = tolerated * requests / (tolerated * requests +
    requests_beside)``, whatever the common rate is; where errors are frequent
    they vary less than that, which errs on the safe side. A look without an
    error of the version's own raises no level above a thousandth of an alarm;
    one without traffic on one side changes nothing.

    References
    ----------
    Shin, Ramdas & Rinaldo (2024), New England J. Statist. Data Sci. 2(2):229-260.
    Przyborowski & Wilenski (1940), Biometrika 31(3/4):313-323.

    Examples
    --------
    A canary with a fifth of the traffic has 20 errors of 21:

    >>> seen = {"requests": 500, "requests_beside": 2_000, "rate": 1 / 525_600}
    >>> versions(Evidence(), errors=20, errors_beside=1, **seen).certain
    True

    An incident hits both, and makes a hundred times as many errors:

    >>> versions(Evidence(), errors=300, errors_beside=1_200, **seen).certain
    False
    """
    _require_events(errors, requests)
    _require_events(errors_beside, requests_beside)
    if not (requests and requests_beside):
        return evidence
    odds = requests / requests_beside
    return _observed(evidence, errors, errors + errors_beside, odds, rate, tolerated, phi)


def absolute(
    evidence: Evidence,
    *,
    events: int,
    requests: int,
    usual: float,
    rate: float,
    tolerated: float = 1.5,
    phi: float = 1.0,
) -> Evidence:
    """Add a look at events whose usual share is known: errors against the baseline of the phase.

    Parameters
    ----------
    evidence : Evidence
        Of the looks before.
    events, requests : int, 0 <= events <= requests
    usual : float, 0 < usual < 1
        The share that a baseline expects in this phase: an upper bound of it,
        such as `share.upper_bound`, which is above 0 even where it held none.
    rate : float, above 0
        False alarms a year that are allowed, over looks a year.
    tolerated : float, at least 1, below 2
        Odds ratio that is still accepted.
    phi : float, at least 1
        Design effect of the events.

    Returns
    -------
    Evidence

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    It cannot tell a bad version from trouble upstream: where two versions are
    served, `versions` decides. A look without an event raises no level above
    a thousandth of an alarm; one without a request changes nothing.

    Examples
    --------
    Ten errors where one is usual, and again at the next look:

    >>> one = absolute(Evidence(), events=10, requests=1_000, usual=0.001, rate=1 / 525_600)
    >>> one.certain, absolute(one, events=10, requests=1_000, usual=0.001, rate=1 / 525_600).certain
    (False, True)
    """
    _require_events(events, requests)
    if not 0 < usual < 1:
        raise ValueError(f"a usual share lies between 0 and 1, not at {usual}")
    if not requests:
        return evidence
    return _observed(evidence, events, requests, usual / (1 - usual), rate, tolerated, phi)


def exceedances(
    evidence: Evidence, *, slow: int, requests: int, allowed: float, rate: float, phi: float = 1.0
) -> Evidence:
    """Add a look at the requests that were slower than a quantile of the baseline and its tolerance.

    Parameters
    ----------
    evidence : Evidence
        Of the looks before.
    slow, requests : int, 0 <= slow <= requests
        As `exceedance.measure` counts them, past its threshold.
    allowed : float, 0 < allowed < 1
        The share that may be: 0.05 for p95.
    rate : float, above 0
        False alarms a year that are allowed, over looks a year.
    phi : float, at least 1
        Design effect of slow requests. They come together, when load does:
        with 1 a load that wanders by a few per cent was seen to raise alarms.

    Returns
    -------
    Evidence

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    As `absolute`, with nothing more tolerated: the threshold has the tolerance
    in it.

    Examples
    --------
    A third of the requests lie past what one in twenty may exceed:

    >>> exceedances(Evidence(), slow=33, requests=100, allowed=0.05, rate=1 / 8_760).certain
    True
    """
    return absolute(evidence, events=slow, requests=requests, usual=allowed, rate=rate, tolerated=1.0, phi=phi)


def _require_events(events: int, requests: int) -> None:
    if not 0 <= events <= requests:
        raise ValueError(f"{events} of {requests} requests is no share")


def _observed(evidence: Evidence, k: int, n: int, odds: float, rate: float, tolerated: float, phi: float) -> Evidence:
    """Multiply each level by the likelihood ratio of k in n, at its own odds against the tolerated odds."""
    if not 1 <= tolerated < RATIOS[0]:
        raise ValueError(f"a tolerated ratio lies from 1 on below {RATIOS[0]}, not at {tolerated}")
    if not rate > 0:
        raise ValueError("a budget needs more than 0 false alarms and more than 0 looks a year")
    if not phi >= 1:
        raise ValueError(f"a design effect is at least 1, not {phi}")
    levels = []
    for level, ratio in zip(evidence.levels, RATIOS, strict=True):
        # with theta = odds / (1 + odds): the logarithms of (1 - theta_g) / (1 - theta_0) and of theta_g / theta_0
        miss = math.log1p(tolerated * odds) - math.log1p(ratio * odds)
        hit = math.log(ratio / tolerated) + miss
        log_level = math.log(rate + level) + (k * hit + (n - k) * miss) / phi
        risen = math.exp(min(log_level, math.log(_HIGHEST)))
        levels.append(risen if k else min(risen, max(level, _SILENCE)))
    return Evidence(tuple(levels))
