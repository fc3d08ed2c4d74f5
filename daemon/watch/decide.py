"""Trails in, decisions out. Pure: why the daemon acts, or does not, is decided on this page and nowhere else.

Causes point to remedies. Drift of the input hits every version alike, so going back cannot cure it: retrain. Errors or
latency that got worse with a version, beside another or after another, are that version's: roll back. The same trouble
on several endpoints at once is the platform's: page, and stand still. Broken data is nobody's to train on: page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.decision import Action, Because, Decision
from daemon.domain.finding import Cause, Finding, Phase, Trail
from daemon.domain.remediation import Remedy, Standing, VersionVerdict


@dataclass(frozen=True, slots=True)
class View:
    """All that a decision about an endpoint may rest on."""

    endpoint: str
    main: int | None
    """The version with the most traffic."""
    trails: Sequence[Trail]
    """Of the versions that serve now."""
    record: Sequence[VersionVerdict]
    ill_elsewhere: Sequence[str]
    """Other endpoints with health trouble, pending or firing, in the same stretch of time."""
    newest: datetime | None
    """End of the newest window with rows."""


def decide(view: View, *, stale_after: timedelta, now: datetime) -> Decision:
    """Decide what is to be done.

    1. What has not been seen lately is not acted upon.
    2. Health comes before drift: a failing version is rolled back before anybody trains.
    3. Broken data is told, and keeps drift from retraining on it.
    4. Only what fires acts; what is pending waits.
    """
    if view.newest is None or now - view.newest > stale_after:
        return Decision(Action.NOTHING, Because.BLIND, "no traffic has been seen lately, so nothing is concluded")
    firing = [t for t in view.trails if t.phase is Phase.FIRING]
    for cause, rule in ((Cause.HEALTH, _health), (Cause.QUALITY, _quality), (Cause.DRIFT, _drift)):
        trouble = [t for t in firing if t.last.check.cause is cause]
        if trouble:
            return rule(view, sorted(trouble, key=lambda t: -_excess(t.last)))
    if any(t.phase is Phase.PENDING for t in view.trails):
        return Decision(Action.NOTHING, Because.NOT_YET, "something is off, but not for long enough to believe it")
    return Decision(Action.NOTHING, Because.ALL_WELL, "all well")


def _health(view: View, trouble: Sequence[Trail]) -> Decision:
    """Whose fault is it? Several endpoints: the platform's. Worse than a good version: this one's. Else: unknown."""
    version = trouble[0].last.version
    seen = f"version {version}: {named(trouble)}"
    if view.ill_elsewhere:
        where = ", ".join(sorted({view.endpoint, *view.ill_elsewhere}))
        return _page(
            Because.UPSTREAM, f"{where} are ill at once: that is not one version's fault, nothing is changed", trouble
        )
    blamed = [t.last for t in trouble if t.last.against.attributable]
    if not blamed:
        return _page(Because.NOT_THE_VERSION, f"{seen}. It has served well before: going back is no cure", trouble)
    target = last_known_good(view.record, but=version)
    if target is None:
        return _page(Because.NO_GOOD_VERSION, f"{seen}. There is no known good version to go back to", trouble)
    return Decision(
        Action.REMEDIATE,
        Because.VERSION_GOT_WORSE,
        f"{seen}; version {blamed[0].against_version} does better: roll back to version {target}",
        evidence=_evidence(trouble),
        remedy=Remedy.ROLLBACK,
        version=version,
        target=target,
        since=_since(trouble),
    )


def _quality(view: View, trouble: Sequence[Trail]) -> Decision:
    """Training on broken data would teach the fault."""
    version = trouble[0].last.version
    return _page(Because.DATA_BROKEN, f"the data that reaches version {version} is broken: {named(trouble)}", trouble)


def _drift(view: View, trouble: Sequence[Trail]) -> Decision:
    """Only the version in charge is retrained: a challenger's drift is the promotion's to judge."""
    mine = [t for t in trouble if t.last.version == view.main]
    if not mine:
        return Decision(Action.NOTHING, Because.NOT_YET, "the drift is of a version that is not in charge")
    return Decision(
        Action.REMEDIATE,
        Because.DRIFT,
        f"traffic has drifted from what version {view.main} was trained on: {named(mine)}",
        evidence=_evidence(mine),
        remedy=Remedy.RETRAIN,
        version=view.main,
        since=_since(mine),
    )


def last_known_good(record: Sequence[VersionVerdict], *, but: int) -> int | None:
    """Return the version that served well most recently, by the record; never `but`, never one known bad."""
    good = [v for v in record if v.standing is Standing.GOOD and v.version != but]
    return max(good, key=lambda v: (v.set_at, v.version)).version if good else None


def _page(because: Because, sentence: str, trouble: Sequence[Trail]) -> Decision:
    return Decision(
        Action.PAGE,
        because,
        sentence,
        evidence=_evidence(trouble),
        version=trouble[0].last.version,
        since=_since(trouble),
    )


def _evidence(trouble: Sequence[Trail]) -> tuple[Finding, ...]:
    return tuple(t.last for t in trouble)


def _since(trouble: Sequence[Trail]) -> datetime | None:
    return min((t.since for t in trouble if t.since), default=None)


def _excess(finding: Finding) -> float:
    return (finding.bound or 0.0) / finding.threshold if finding.threshold else 0.0


def named(trouble: Sequence[Trail], most: int = 3) -> str:
    """Name the worst checks with their numbers, for a sentence."""
    words = [_words(t.last) for t in trouble[:most]]
    return "; ".join(words) + (f" and {len(trouble) - most} more" if len(trouble) > most else "")


def _words(finding: Finding) -> str:
    if finding.statistic is None or finding.bound is None:
        return finding.check.name
    return (
        f"{finding.check.name} {finding.statistic:.3g} (certainly above {finding.bound:.3g}, "
        f"tolerated {finding.threshold:.3g}, n {finding.n})"
    )
