"""A profile in, findings about the data itself out: is it whole, of the right type, in range, once each? Pure.

Such findings page and are never trained on. What is no value, or a new one, is asked beside drift (`detect`).
"""

from collections.abc import Iterator

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline, BaselineColumn
from daemon.domain.finding import COLUMN, Check, Finding, Statistic
from daemon.domain.profile import Profile
from daemon.watch.decode.faults import OF_ANSWERS, Fault
from daemon.watch.judge import Measured, finding, nothing_to_measure, rise
from detectors.bins import CategoricalBins

CHECKS_PER_COLUMN = 3
"""Out of range, of the wrong type, missing."""
CHECKS = 3
"""New columns, duplicates, requests that cannot be read."""
Found = tuple[Check, Measured, float]
"""A check, what it measured, and the share that is tolerated."""


def quality(profile: Profile, baseline: Baseline | None, settings: EndpointSettings, *, alpha: float) -> list[Finding]:
    """Answer every check of the window's data; of a version without a baseline there is none that was decoded.

    Records of one request resemble each other, so they count for no more than the requests that brought them.
    """
    if baseline is None:
        return []
    asked = list(_whole(profile, settings, alpha))
    for name, column in sorted(baseline.columns.items()):
        # a segment's rows are among those of the whole column
        if column.within is None and name not in settings.drift.ignore:
            asked += _column(profile, name, column, settings, alpha)
    wanted = settings.health.requests
    return [finding(profile, check, found, threshold=most, rows_wanted=wanted) for check, found, most in asked]


def _whole(profile: Profile, settings: EndpointSettings, alpha: float) -> Iterator[Found]:
    rules, seen = settings.quality, profile.coverage
    yield Check(Statistic.NEW_COLUMN), _new_columns(profile, settings, alpha), rules.new_column
    logged = seen.requests + seen.copies
    yield Check(Statistic.DUPLICATES), _above(seen.copies, logged, logged, alpha), rules.duplicates
    unreadable = seen.sampled - seen.decoded + sum(seen.faults.get(fault, 0) for fault in OF_ANSWERS)
    yield Check(Statistic.UNREADABLE), _above(unreadable, seen.sampled, seen.sampled, alpha), rules.unreadable


def _new_columns(profile: Profile, settings: EndpointSettings, alpha: float) -> Measured:
    """Measure the column that most records have though the signature does not know it; the others are reported."""
    prefix, seen = Fault.EXTRA_COLUMN.of(""), profile.coverage
    named = {fault.removeprefix(prefix): n for fault, n in seen.faults.items() if fault.startswith(prefix)}
    counted = {name: n for name, n in named.items() if name not in settings.quality.ignore}
    most = max(counted.values(), default=0)
    measured = _above(most, seen.records, seen.decoded, alpha / max(len(counted), 1))
    told = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return Measured(
        measured.n,
        measured.value,
        measured.lower,
        tuple((f"{COLUMN}{name}", n / max(seen.records, n)) for name, n in told),
        measured.missing,
    )


def _column(
    profile: Profile, name: str, column: BaselineColumn, settings: EndpointSettings, alpha: float
) -> Iterator[Found]:
    rules, seen = settings.quality, profile.coverage
    now = profile.columns.get(name)
    rows = 0 if now is None else int(now.sum())
    if column.extremes is not None:
        outside = seen.out_of_range.get(name, 0)
        numbers = 0 if now is None else int(column.bins.without_missing(now).sum())
        before = int(column.bins.without_missing(column.counts).sum())
        measured = _above(outside, numbers, seen.decoded, alpha, before=(0, before))
        yield Check(Statistic.OUT_OF_RANGE, name), measured, rules.out_of_range
    wrong = seen.faults.get(Fault.WRONG_TYPE.of(name), 0)
    yield Check(Statistic.WRONG_TYPE, name), _above(wrong, rows, seen.decoded, alpha), rules.wrong_type
    lacking = seen.faults.get(Fault.MISSING_COLUMN.of(name), 0)
    # a baseline's null may have been a column that was left out
    measured = _above(lacking, rows, seen.decoded, alpha, before=_nulls(column))
    yield Check(Statistic.MISSING_COLUMN, name), measured, rules.missing_column


def _nulls(column: BaselineColumn) -> tuple[int, int]:
    place = -1 if isinstance(column.bins, CategoricalBins) else -2
    return int(column.counts[place]), int(column.counts.sum())


def _above(k: int, rows: int, requests: int, alpha: float, *, before: tuple[int, int] = (0, 0)) -> Measured:
    """Measure a share of rows against the most that it can have been, as certainly as the requests allow."""
    if not rows:
        return nothing_to_measure(0, 1)
    n = min(rows, requests)
    # rounded down: a part of a request is none
    return rise(min(k, rows) * n // rows, n, *before, alpha)
