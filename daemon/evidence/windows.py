"""What a finding on windows rests on: two distributions, and the check asked again of every window."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Against, Cause, Check, Finding, Statistic, Verdict
from daemon.domain.person import Unknown
from daemon.domain.profile import Health, Profile
from daemon.evidence.words import MEASURES, merged, own, sentence
from daemon.picture import bars
from daemon.picture.scene import Bars, Point, Scene
from daemon.store import baselines, endpoints, histories, profiles, verdicts
from daemon.store.engine import Tx
from daemon.watch.beside import errors_beside
from daemon.watch.detect import Reference, detect
from daemon.watch.memory import GOOD_WINDOWS
from daemon.watch.merged import merged as merged_of
from daemon.watch.past import Past
from daemon.watch.profile import merge
from daemon.watch.quality import quality
from daemon.watch.scales import confidence, every_scale, level_of

WINDOWS = 288
"""Windows that are looked back over: three days of a quarter of an hour."""


def scene_of_windows(tx: Tx, endpoint: EndpointSettings, finding: Finding) -> Scene:
    """Return what there is to see. Raise Unknown where the baseline that it was counted by is gone."""
    baseline = baselines.current(tx, finding.endpoint, finding.version)
    until, length, windows = finding.window.end, endpoint.watch.window, merged(finding)
    # before the first point lie those that it is merged with
    since = until - (WINDOWS + every_scale(endpoint)[-1]) * length
    kept = profiles.load(tx, finding.endpoint, finding.version, since=since, until=until, baseline=baseline)
    against = _reference(tx, finding)
    now = [p for p in kept if p.window.start >= until - windows * length]
    past = Past(kept, histories.of(tx, baseline) if baseline else None)
    hours = _of_these_hours(past, baseline, endpoint, finding)
    names = (
        "these hours before" if hours else "the baseline" if finding.against is Against.BASELINE else _named(finding),
        "the window" if windows == 1 else f"the last {windows} windows",
    )
    drawn, rows = _bars(finding, hours or baseline, against.health, merge(now) if now else None)
    shown = [p for p in kept if p.window.end > until - WINDOWS * length]
    if finding.check.statistic is Statistic.ERRORS_BESIDE:
        found = _beside(tx, endpoint, shown, finding)
    else:
        found = _again(shown, past, baseline, against, endpoint, finding.check)
    return Scene(
        id=finding.id,
        sentence=sentence(finding),
        measures=MEASURES[finding.check.statistic],
        names=names,
        rows=rows,
        bars=drawn,
        points=points(found, length),
        threshold=finding.threshold,
    )


def _of_these_hours(
    past: Past, baseline: Baseline | None, endpoint: EndpointSettings, finding: Finding
) -> Baseline | None:
    """Return the baseline as the hours of the windows lead to expect; None where it knows no hours."""
    known = baseline.columns.get(finding.check.column) if baseline else None
    if baseline is None or known is None or finding.check.cause is not Cause.DRIFT:
        return None
    if past.history is None or past.history.phases is None or not past.windows:
        return None
    level = level_of(endpoint, known.column)
    now = merged_of(past.windows, baseline, past.history, endpoint, level, [finding.check.column])
    if now.expected.ndim < 3 or merged(finding) not in now.scales:
        return None
    values = known.bins.without_missing(known.counts).size
    expected = np.rint(now.expected_at(now.scales.index(merged(finding)))[0, :values]).astype(np.int64)
    counts = np.concatenate([expected, np.zeros(known.counts.size - values, np.int64)])
    return replace(baseline, columns={finding.check.column: replace(known, counts=counts)})


def points(found: Iterable[Finding], length: timedelta) -> tuple[Point, ...]:
    """Return a point for each window, those included in which nothing was seen."""
    by_end = {f.window.end: Point(f.window.end, f.statistic, f.bound, f.verdict, own(f)) for f in found}
    if not by_end:
        return ()
    first, last = min(by_end), max(by_end)
    ends = sorted({*by_end, *(first + n * length for n in range((last - first) // length))})
    return tuple(by_end.get(end, Point(end, None, None, Verdict.NO_DATA)) for end in ends)


def _again(
    shown: Sequence[Profile],
    past: Past,
    baseline: Baseline | None,
    against: Reference,
    settings: EndpointSettings,
    check: Check,
) -> Iterable[Finding]:
    """Ask the check again of every window, by today's baseline, history, settings and comparison."""
    known = {name: one.column.name for name, one in baseline.columns.items()} if baseline else {}
    others = tuple({column for column in known.values() if column != known.get(check.column)})
    alone = settings.model_copy(update={"drift": settings.drift.model_copy(update={"ignore": others})})
    alpha = confidence(settings, len(baseline.columns) if baseline else 0)
    longest = every_scale(settings)[-1] * settings.watch.window
    for one in shown:
        # nothing older is merged with it
        before = [p for p in past.until(one) if p.window.start >= one.window.end - longest]
        asked = detect(before, baseline, past.history, against, alone)
        if check.cause is Cause.QUALITY and one.baseline_id == (baseline.id if baseline else None):
            asked += quality(one, baseline, settings, alpha=alpha)
        yield from (f for f in asked if f.check == check)


def _beside(tx: Tx, endpoint: EndpointSettings, shown: Sequence[Profile], finding: Finding) -> Iterable[Finding]:
    """Ask of every window whether its errors were the version's own, held against the other one's."""
    if not shown or finding.against_version is None:
        return
    since, sharing = shown[0].window.start, {finding.version, finding.against_version}
    answered = profiles.answered(tx, finding.endpoint, since, length=endpoint.watch.window)
    record = verdicts.record(tx, finding.endpoint)
    divided = endpoints.changed_at(tx, finding.endpoint) or since
    baseline = baselines.current(tx, finding.endpoint, finding.version)
    alpha = confidence(endpoint, len(baseline.columns) if baseline else 0)
    for one in shown:
        yield from errors_beside(one, sharing, answered, record, endpoint, since=divided, alpha=alpha)


def _reference(tx: Tx, finding: Finding) -> Reference:
    """Return what a health check compares with: the good windows of that version, or those beside it."""
    version = finding.against_version
    if version is None:
        return Reference(Health(), finding.against)
    if finding.against is Against.BESIDE:
        beside = profiles.load(
            tx, finding.endpoint, version, since=finding.window.start, until=finding.window.end, baseline=None
        )
        health = sum((p.health for p in beside), Health())
    else:
        good = [v.set_at for v in verdicts.record(tx, finding.endpoint) if v.version == version]
        until = good[0] if good else finding.window.start
        known = profiles.health_before(tx, finding.endpoint, version, until=until, windows=GOOD_WINDOWS)
        health = known or Health()
    return Reference(health, finding.against, version)


def _named(finding: Finding) -> str:
    if finding.against is Against.NOTHING:
        return "nothing to compare with"
    words = {
        Against.BESIDE: "at the same time",
        Against.BEFORE: "in its good windows",
        Against.ITSELF: "when it was good",
    }
    return f"version {finding.against_version} {words[finding.against]}"


def _bars(
    finding: Finding, baseline: Baseline | None, before: Health, now: Profile | None
) -> tuple[Bars, tuple[int, int]]:
    """Return the two distributions that the check compares, and the rows of each."""
    check, health = finding.check, now.health if now else Health()
    if check.statistic is Statistic.ERRORS_BESIDE:
        return _errors("failed", (before.errors, before.requests), (health.errors, health.requests))
    if check.statistic in bars.BROKEN:
        share = finding.statistic or 0.0
        counted = (round(share * finding.n), finding.n)
        return bars.of_share(bars.BROKEN[check.statistic], "as they should be", (0, 0), counted), (0, finding.n)
    match check.statistic:
        case Statistic.LATENCY_P50 | Statistic.LATENCY_P95 | Statistic.LATENCY_P99:
            rows = int(before.latency.sum()), int(health.latency.sum())
            return bars.of_latency(before.latency, health.latency), rows
        case Statistic.ERRORS_4XX:
            return _errors("refused", (before.errors_4xx, before.requests), (health.errors_4xx, health.requests))
        case Statistic.ERRORS_5XX:
            return _errors("failed", (before.errors_5xx, before.requests), (health.errors_5xx, health.requests))
    known = baseline.columns.get(check.column) if baseline else None
    if known is None:
        raise Unknown(f"no baseline of {check.column} is kept")
    counts = now.columns.get(check.column) if now else None
    counts = np.zeros_like(known.counts) if counts is None else counts
    if check.cause is Cause.DRIFT:
        before_rows, now_rows = (int(known.bins.without_missing(c).sum()) for c in (known.counts, counts))
        return bars.of_column(check.column, known.bins, known.counts, counts), (before_rows, now_rows)
    place = bars.missing_bin(known.bins, check.statistic)
    pairs = [(int(c[place]), int(c.sum())) for c in (known.counts, counts)]
    return bars.of_share(bars.MISSING[check.statistic], "any other value", *pairs), (pairs[0][1], pairs[1][1])


def _errors(what: str, before: tuple[int, int], now: tuple[int, int]) -> tuple[Bars, tuple[int, int]]:
    return bars.of_share(what, f"not {what}", before, now), (before[1], now[1])
