"""Trails in, decisions out. Pure: why the daemon acts, or does not, is decided on this page and nowhere else.

Causes point to remedies. Drift of the input hits every version alike, so going back cannot cure it: retrain. Errors or
latency that got worse with a version, beside another or after another, are that version's: roll back. The same trouble
on several endpoints at once is the platform's: page, and stand still. Broken data is nobody's to train on: page. Where
what became true no longer is what was predicted, there is something to learn: retrain.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.decision import Action, Because, Decision
from daemon.domain.finding import COLUMN, ERRORS, Against, Cause, Finding, Verdict
from daemon.domain.remediation import Remedy, Standing, VersionVerdict
from daemon.domain.trail import BELIEVED, Phase, Trail
from daemon.domain.window import EPOCH
from daemon.watch.silence import Silence


@dataclass(frozen=True, slots=True)
class View:
    """All that a decision about an endpoint may rest on."""

    endpoint: str
    main: int | None
    """The version with the most traffic."""
    trails: Sequence[Trail]
    """Of the versions that have traffic now."""
    record: Sequence[VersionVerdict]
    ill_elsewhere: Mapping[str, datetime]
    """Other endpoints with health trouble in the same stretch of time -> how far they were read."""
    serves_since: datetime
    """When the endpoint was first seen to serve what it serves now."""
    behind: bool = False
    """Windows are left to read, or were read only just now, after a pause."""
    unattributed: int = 0
    """Requests of which nobody can tell which version answered."""
    labels_stale_after: timedelta = timedelta()
    """How long an answer on a cohort speaks for the present: its labels came late."""
    silence: Silence | None = None
    """No request comes, and that is hardly chance."""

    @property
    def newest(self) -> datetime | None:
        """End of the newest window that one of the versions was judged on."""
        return max((t.newest for t in self.trails if t.newest), default=None)


def decide(view: View, *, stale_after: timedelta, now: datetime) -> Decision:
    """Decide what is to be done.

    1. What has not been seen lately is not acted upon; nor is anything while the past is still being read. Where it is
       silent and its record says that it should not be, somebody is called.
    2. Health comes before drift: a failing version is rolled back before anybody trains.
    3. Broken data is told. A fall of performance, then drift, wait while health or data may be wrong: that may be their
       cause.
    4. Only what fires acts, and only while its newest window shows it; what is pending or clearing waits.
    5. What comes and goes is not acted upon, nor is what had no answer for long: of that, people are told.
    """
    if view.behind:
        return Decision(Action.NOTHING, Because.BEHIND, "catching up: nothing is acted upon before all is read")
    if view.newest is not None and view.newest > now:
        return _set_back(view.newest, now)
    if view.silence is not None:
        return _silent(view.silence)
    if view.newest is None or now - view.newest > stale_after:
        return _unseen(view, stale_after, now)
    lasts = {cause: view.labels_stale_after if cause is Cause.CONCEPT else stale_after for cause in Cause}
    stale = [t for t in view.trails if t.frozen(now, lasts[t.last.check.cause])]
    frozen = [t for t in stale if t.phase in BELIEVED]
    seen = [t for t in view.trails if t.phase.trouble and t not in stale]
    ill = [*frozen, *seen]
    certain = [t for t in seen if t.phase is Phase.FIRING and _shown(t)]
    doubtful = any(t.last.check.cause not in CURED_BY_TRAINING for t in ill)
    for cause, rule in RULES.items():
        trouble = [t for t in certain if t.last.check.cause is cause and not t.flapping]
        if trouble and not (cause in CURED_BY_TRAINING and doubtful):
            return rule(view, sorted(trouble, key=lambda t: -_excess(t.last)))
    if frozen:
        return _unanswered(frozen)
    if any(t.flapping for t in certain):
        return Decision(Action.NOTHING, Because.FLAPPING, f"{flapping(certain)}: that is not acted upon")
    if ill:
        return Decision(Action.NOTHING, Because.NOT_YET, "something is off, but too little is certain to act upon it")
    return Decision(Action.NOTHING, Because.ALL_WELL, "all well")


def _set_back(newest: datetime, now: datetime) -> Decision:
    """Nothing new is read until the clock has caught up with what was seen: that would look fresh all the while."""
    sentence = f"the clock says {now:%F %T} UTC, and what came in until {newest:%F %T} has been seen: it was set back"
    return Decision(Action.NOTHING, Because.BLIND, f"{sentence}. Nothing is acted upon before then", since=newest)


def _silent(silence: Silence) -> Decision:
    """Say how unlikely it is. Whatever keeps the callers away, nothing that could be done to a version brings them."""
    sentence = (
        f"no request has been logged since {silence.since:%F %T} UTC: {silence.windows} windows in a row, of which by "
        f"its own record {silence.usual:.2g} are empty; that is chance once in 1e{math.floor(silence.magnitude)} times"
    )
    return Decision(Action.PAGE, Because.SILENT, sentence, since=silence.since)


def _unseen(view: View, stale_after: timedelta, now: datetime) -> Decision:
    """Silence is no health: it is told once it has lasted."""
    since = view.newest or view.serves_since
    if now - since <= stale_after:
        return Decision(Action.NOTHING, Because.NOT_YET, "what it serves now has not been seen to answer yet")
    unknown = f"; nobody can tell which version answered {view.unattributed} requests" if view.unattributed else ""
    sentence = f"nothing of what it serves has been seen since {since:%F %T} UTC, so nothing is acted upon{unknown}"
    return Decision(Action.NOTHING, Because.BLIND, sentence, since=since)


def _unanswered(trouble: Sequence[Trail]) -> Decision:
    """Trouble that can no longer be measured is neither over nor certain."""
    since = min(t.answered_until or EPOCH for t in trouble)
    names = ", ".join(sorted({f"{t.last.check.name} of version {t.last.version}" for t in trouble}))
    sentence = f"{names}: in trouble, and without an answer since {since:%F %T} UTC, so nothing is concluded from it"
    return Decision(Action.NOTHING, Because.BLIND, sentence, since=since)


def flapping(trails: Iterable[Trail]) -> str:
    """Say which checks come and go."""
    names = sorted({f"{t.last.check.name} of version {t.last.version}" for t in trails if t.flapping})
    return f"{', '.join(names)} comes and goes"


def _shown(trail: Trail) -> bool:
    return trail.last.verdict is Verdict.BREACH


def _health(view: View, trouble: Sequence[Trail]) -> Decision:
    """Whose fault is it? Several endpoints: the platform's. Worse than a good version: this one's. Else: unknown."""
    if view.ill_elsewhere:
        where = ", ".join(sorted({view.endpoint, *view.ill_elsewhere}))
        sentence = f"{where} are ill at once: that is not one version's fault, nothing is changed"
        return _page(view, Because.UPSTREAM, sentence, trouble)
    blamed = [t for t in trouble if t.last.against.attributable]
    seen = f"version {trouble[0].last.version}: {named(trouble)}"
    if not blamed and any(t.last.against is Against.ITSELF for t in trouble):
        sentence = f"{seen}. It has served well before: going back is no cure"
        return _page(view, Because.NOT_THE_VERSION, sentence, trouble)
    if shared := [t for t in blamed if _shared(view, t)]:
        sentence = f"{seen}. Version {shared[0].last.against_version} fails beside it: what they share is ill"
        return _page(view, Because.NOT_THE_VERSION, sentence, trouble)
    version = blamed[0].last.version if blamed else trouble[0].last.version
    target = last_known_good(view.record, but=version)
    if not blamed or target is None:
        sentence = f"{seen}. There is no known good version to go back to"
        return _page(view, Because.NO_GOOD_VERSION, sentence, trouble)
    its = [t for t in trouble if t.last.version == version]
    return Decision(
        Action.REMEDIATE,
        Because.VERSION_GOT_WORSE,
        f"version {version}: {named(its)}; version {blamed[0].last.against_version} does better: "
        f"roll back to version {target}",
        evidence=_evidence(its),
        remedy=Remedy.ROLLBACK,
        version=version,
        target=target,
        since=_since(its),
        until=view.newest,
    )


def _shared(view: View, blamed: Trail) -> bool:
    """Tell whether errors are those of the version beside it as well: then what both need is ill, upstream of them."""
    last = blamed.last
    if last.against is not Against.BESIDE or last.check.statistic not in ERRORS:
        return False
    beside = [t for t in view.trails if t.last.version == last.against_version and t.last.window == last.window]
    return any(t.last.check.statistic in ERRORS and _shown(t) for t in beside)


def _quality(view: View, trouble: Sequence[Trail]) -> Decision:
    """Training on broken data would teach the fault."""
    sentence = f"the data that reaches version {trouble[0].last.version} is broken: {named(trouble)}"
    return _page(view, Because.DATA_BROKEN, sentence, trouble)


def _drift(view: View, trouble: Sequence[Trail]) -> Decision:
    mine = [t for t in trouble if t.last.version == view.main]
    sentence = f"traffic has drifted from what version {view.main} was trained on: {named(mine)}"
    return _retrain(view, mine, Because.DRIFT, sentence, until=view.newest)


def _concept(view: View, trouble: Sequence[Trail]) -> Decision:
    """What became true since is what there is to learn."""
    mine = [t for t in trouble if t.last.version == view.main]
    sentence = f"version {view.main} predicts worse than it did, by the labels that have come: {_falls(mine)}"
    until = max((t.last.window.end for t in mine), default=None)
    return _retrain(view, mine, Because.PERFORMANCE_FELL, sentence, until=until)


def _retrain(view: View, mine: Sequence[Trail], because: Because, sentence: str, *, until: datetime | None) -> Decision:
    """Only the version in charge is retrained: what is found of a challenger is the promotion's to judge."""
    if not mine:
        return Decision(Action.NOTHING, Because.NOT_YET, "what was found is of a version that is not in charge")
    return Decision(
        Action.REMEDIATE,
        because,
        sentence,
        evidence=_evidence(mine),
        remedy=Remedy.RETRAIN,
        version=view.main,
        since=_since(mine),
        until=until,
    )


CURED_BY_TRAINING = frozenset({Cause.CONCEPT, Cause.DRIFT})
RULES = {Cause.HEALTH: _health, Cause.QUALITY: _quality, Cause.CONCEPT: _concept, Cause.DRIFT: _drift}
"""Who is asked first."""


def last_known_good(record: Sequence[VersionVerdict], *, but: int) -> int | None:
    """Return the version that served well most recently, by the record; never `but`, never one known bad."""
    good = [v for v in record if v.standing is Standing.GOOD and v.version != but]
    return max(good, key=lambda v: (v.set_at, v.version)).version if good else None


def _page(view: View, because: Because, sentence: str, trouble: Sequence[Trail]) -> Decision:
    reached = [view.newest, *(view.ill_elsewhere.values() if because is Because.UPSTREAM else ())]
    return Decision(
        Action.PAGE,
        because,
        sentence,
        evidence=_evidence(trouble),
        version=trouble[0].last.version,
        since=_since(trouble),
        until=max(moment for moment in reached if moment),
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


def warned(trails: Sequence[Trail], most: int = 3) -> str:
    """Say what is certain enough for a warning."""
    words = [f"{t.last.check.name} {t.last.statistic:.3g}, tolerated {t.last.threshold:.3g}" for t in trails[:most]]
    return "; ".join(words) + (f" and {len(trails) - most} more" if len(trails) > most else "")


def _falls(trouble: Sequence[Trail], most: int = 3) -> str:
    """Name the worst falls from what was to what is."""
    words = []
    for trail in trouble[:most]:
        last, told = trail.last, dict(trail.last.reported)
        were = f"{told['before']:.4g} -> {told['now']:.4g}" if {"before", "now"} <= told.keys() else ""
        certain = f"certainly by more than {last.bound or 0.0:.3g}, tolerated {last.threshold:.3g}, n {last.n}"
        words.append(f"{last.check.name} {were} ({certain})")
    return "; ".join(words) + (f" and {len(trouble) - most} more" if len(trouble) > most else "")


def _words(finding: Finding) -> str:
    columns = [label.removeprefix(COLUMN) for label, _ in finding.reported if label.startswith(COLUMN)]
    name = f"{finding.check.name} ({', '.join(columns[:3])})" if columns else finding.check.name
    if finding.statistic is None or finding.bound is None:
        return name
    merged = dict(finding.reported).get("windows", 1)
    return (
        f"{name} {finding.statistic:.3g} (certainly above {finding.bound:.3g}, "
        f"tolerated {finding.threshold:.3g}, n {finding.n}{f' in {merged:g} windows' if merged > 1 else ''})"
    )
