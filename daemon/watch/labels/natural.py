"""How much a version's performance varies from cohort to cohort by itself: weekends, mixes of customers. Pure.

Bounds hold for rows drawn alike. Days are not alike, so what is certain must also lie outside what days do.
"""

import math
from collections.abc import Sequence
from statistics import stdev

from daemon.config.labels import Labels
from daemon.domain.cohort import Cohort
from daemon.domain.finding import Check
from daemon.watch.labels.measure import measure

DEVIATIONS = 3.0
"""NannyML's: of what peers do, it held up best on real data."""


def variation(check: Check, calm: Sequence[Cohort], rules: Labels) -> float:
    """Return the fall that cohorts may show by themselves; infinite where too few of those before are known.

    It is not taken to shrink where cohorts are merged, as if what a cohort's rows have in common never averaged out.
    """
    if not rules.calm_cohorts:
        return 0.0
    found = [measure(check, one.truth, rules, alpha=0.05) for one in calm]
    values = [one.value for one in found if one is not None]
    return DEVIATIONS * stdev(values) if len(values) >= rules.calm_cohorts else math.inf
