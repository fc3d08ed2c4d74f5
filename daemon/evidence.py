"""What a finding rests on: stored counts in, its numbers and a picture out. It only reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from daemon.config.endpoint import EndpointSettings
from daemon.config.settings import Settings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Against, Cause, Check, Finding, Reason, Statistic, Verdict
from daemon.domain.person import Unknown
from daemon.domain.profile import Health, Profile
from daemon.domain.remediation import Remediation
from daemon.domain.trail import Trail
from daemon.domain.window import Window
from daemon.picture import bars
from daemon.picture.scene import Bars, Point, Scene
from daemon.store import baselines, endpoints, findings, histories, profiles, verdicts
from daemon.store.engine import Tx
from daemon.watch.detect import Reference, detect
from daemon.watch.memory import GOOD_WINDOWS
from daemon.watch.past import Past
from daemon.watch.profile import merge
from daemon.watch.scales import every_scale

WINDOWS = 288
"""Windows that are looked back over: three days of a quarter of an hour."""

MEASURES = {
    Statistic.KS: "largest difference of the distribution functions (KS)",
    Statistic.PSI: "population stability index (PSI)",
    Statistic.LINF: "largest change of a category's share (L-infinity)",
    Statistic.NULLS: "change of the share of nulls",
    Statistic.UNSEEN: "change of the share of values never seen before",
    Statistic.NON_FINITE: "change of the share of values that are not finite",
    Statistic.ERRORS_4XX: "rise of the share of requests refused (4xx)",
    Statistic.ERRORS_5XX: "rise of the share of requests failed (5xx)",
    Statistic.LATENCY_P50: "share of requests slower than the tolerated p50",
    Statistic.LATENCY_P95: "share of requests slower than the tolerated p95",
    Statistic.LATENCY_P99: "share of requests slower than the tolerated p99",
}
"""What each statistic is, for a person."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finding as it stands, and what there is to see of it."""

    finding: Finding
    scene: Scene
    phase: str = ""
    """How its trail stands; empty where it was drawn for a remediation."""
    since: datetime | None = None

    def document(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        told = {"id": self.finding.id, "endpoint": self.finding.endpoint, **self.finding.numbers()}
        return {**told, "phase": self.phase, "since": self.since, "picture": self.scene.document()}


def of_finding(tx: Tx, settings: Settings, asked: str) -> Evidence:
    """Return the evidence of a check as it stands now. Raise Unknown, which says what there is."""
    trail = _found(tx, settings, asked)
    shown = _shown(tx, settings, trail.last)
    return replace(shown, phase=str(trail.phase), since=trail.since)


def of_remediation(tx: Tx, settings: Settings, one: Remediation, *, most: int = 1) -> list[Evidence]:
    """Return the evidence of the findings that a remediation rests on, as it was then, the worst ones first.

    What is no longer kept (its endpoint, baseline or profiles) or cannot be read is left out: whoever is asked for a
    word shall be able to give it, picture or not.
    """
    written = one.evidence.get("findings")
    shown = []
    for numbers in written if isinstance(written, list) else []:
        try:
            evidence = _shown(tx, settings, _read(one.endpoint, numbers))
        except (Unknown, KeyError, TypeError, ValueError):
            continue
        shown += [evidence] if evidence.scene.points else []
        if len(shown) == most:
            break
    return shown


def names_a_finding(asked: str) -> bool:
    """Tell the id of a finding from that of a remediation."""
    return ":" in asked or "/" in asked


def _found(tx: Tx, settings: Settings, asked: str) -> Trail:
    """Find `ENDPOINT:VERSION:CHECK`; without a version, that with the most traffic."""
    known: list[Trail] = []
    for name in (e.name for e in settings.endpoints if asked.startswith((f"{e.name}:", f"{e.name}/"))):
        trails, state = findings.recent(tx, name), endpoints.last_state(tx, name)
        exact = [t for t in trails if t.last.id == asked]
        main = state.main.version if state and state.main else None
        short = [t for t in trails if asked[len(name) + 1 :] == t.last.check.name]
        found = exact or sorted(short, key=lambda t: (t.last.version == main, t.last.version))
        if found:
            return found[-1]
        known += trails
    ids = [t.last.id for t in sorted(known, key=lambda t: not t.phase.trouble)]
    there = f"there are {', '.join(ids[:6])}{', ...' if len(ids) > 6 else ''}" if ids else "none of it is kept"
    raise Unknown(f"no finding {asked!r}: write ENDPOINT:VERSION:CHECK; {there}")


def _shown(tx: Tx, settings: Settings, finding: Finding) -> Evidence:
    endpoint = settings.endpoint(finding.endpoint)
    if endpoint is None:
        raise Unknown(f"no endpoint {finding.endpoint!r} is configured any more")
    if finding.check.statistic not in MEASURES:
        raise Unknown(f"there is no picture of {finding.check.statistic}: `mlsteward status` has its numbers")
    baseline = baselines.current(tx, finding.endpoint, finding.version)
    until, length, merged = finding.window.end, endpoint.watch.window, _merged(finding)
    # before the first point lie those that it is merged with
    since = until - (WINDOWS + every_scale(endpoint)[-1]) * length
    kept = profiles.load(tx, finding.endpoint, finding.version, since=since, until=until, baseline=baseline)
    against = _reference(tx, finding)
    now = [p for p in kept if p.window.start >= until - merged * length]
    names = (
        "the baseline" if finding.against is Against.BASELINE else _named(finding),
        "the window" if merged == 1 else f"the last {merged} windows",
    )
    drawn, rows = _bars(finding.check, baseline, against.health, merge(now) if now else None)
    past = Past(kept, histories.of(tx, baseline) if baseline else None)
    shown = [p for p in kept if p.window.end > until - WINDOWS * length]
    points = _points(_again(shown, past, baseline, against, endpoint, finding.check), length)
    scene = Scene(
        id=finding.id,
        sentence=_sentence(finding),
        measures=MEASURES[finding.check.statistic],
        names=names,
        rows=rows,
        bars=drawn,
        points=points,
        threshold=finding.threshold,
    )
    return Evidence(finding, scene)


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
    longest = every_scale(settings)[-1] * settings.watch.window
    for one in shown:
        # nothing older is merged with it
        before = [p for p in past.until(one) if p.window.start >= one.window.end - longest]
        yield from (f for f in detect(before, baseline, past.history, against, alone) if f.check == check)


def _points(found: Iterable[Finding], length: timedelta) -> tuple[Point, ...]:
    """Return a point for each window, those included in which nothing was seen."""
    by_end = {f.window.end: Point(f.window.end, f.statistic, f.bound, f.verdict, _own(f)) for f in found}
    if not by_end:
        return ()
    first, last = min(by_end), max(by_end)
    ends = sorted({*by_end, *(first + n * length for n in range((last - first) // length))})
    return tuple(by_end.get(end, Point(end, None, None, Verdict.NO_DATA)) for end in ends)


def _own(finding: Finding) -> float | None:
    # of PSI, it is D that has to exceed it
    known = dict(finding.reported).get("own_history")
    return None if finding.check.statistic is Statistic.PSI else known


def _merged(finding: Finding) -> int:
    """Return how many windows the answer rests on."""
    return int(dict(finding.reported).get("windows", 1))


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


def _bars(check: Check, baseline: Baseline | None, before: Health, now: Profile | None) -> tuple[Bars, tuple[int, int]]:
    """Return the two distributions that the check compares, and the rows of each."""
    health = now.health if now else Health()
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


def _sentence(finding: Finding) -> str:
    about, merged = f"{finding.verdict}, {finding.reason.replace('_', ' ')}", _merged(finding)
    start = finding.window.end - merged * finding.window.length
    stretch = f"{start:%F %H:%M} to {finding.window.end:%F %H:%M} UTC" + (f", {merged} windows" if merged > 1 else "")
    if finding.statistic is None or finding.bound is None:
        return f"{about}; {stretch}"
    own = f", by itself it goes as far as {_own(finding):.3g}" if _own(finding) is not None else ""
    return (
        f"{about}: {finding.statistic:.3g} was seen, above {finding.bound:.3g} is certain, {finding.threshold:.3g} is "
        f"tolerated{own}; {finding.n:,} rows, {stretch}"
    )


def _read(endpoint: str, numbers: dict[str, Any]) -> Finding:
    """Read a finding as it was written down with a remediation."""
    column, _, statistic = numbers["check"].rpartition("/")
    start, end = (datetime.fromisoformat(moment) for moment in numbers["window"])
    return Finding(
        endpoint=endpoint,
        version=numbers["version"],
        check=Check(Statistic(statistic), column),
        window=Window(start, end),
        verdict=Verdict(numbers["verdict"]),
        reason=Reason(numbers["reason"]),
        n=numbers["n"],
        statistic=numbers["statistic"],
        bound=numbers["bound"],
        threshold=numbers["threshold"],
        against=Against(numbers["against"]),
        against_version=numbers["against_version"],
        reported=tuple((name, float(numbers[name])) for name in ("windows", "own_history") if name in numbers),
    )
