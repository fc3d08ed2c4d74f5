"""The life of findings over windows: M of N valid windows in, K well below the threshold out. Pure.

inactive -> pending -> firing -> clearing -> resolved
   ^           |          ^         |
   +-----------+          +---------+  in breach again: a flap

Only windows with an answer move a trail, each of them once. Everything here is event time: no clock moves anything.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from daemon.config.detection import Decide
from daemon.domain.finding import Cause, Check, Finding, Verdict
from daemon.domain.trail import BELIEVED, PHASES, Phase, Trail

FLAP_WINDOWS = 21
"""Naemon's: enough to tell a habit from a bad hour."""
FLAPS_FROM, FLAPS_UNTIL = 0.5, 0.25
"""Shares of changes among them at which a check begins to flap, and below which it has ceased to."""


def follow(
    trails: Mapping[Check, Trail],
    findings: Iterable[Finding],
    rule: Decide,
    *,
    stale_after: timedelta,
    subject: Callable[[Check], str] = lambda _: "",
) -> dict[Check, Trail]:
    """Return the trails after the findings, oldest window first.

    A check that is no longer asked (its column is gone, or is ignored now) has no trail. One whose subject has changed
    begins anew, whether or not there is anything new to read.
    """
    found = sorted(findings, key=lambda f: f.window.end)
    asked = {f.check for f in found} or trails.keys()
    after = {check: _about(trail, subject(check)) for check, trail in trails.items() if check in asked}
    for finding in found:
        trail = after.get(finding.check) or Trail(last=finding, subject=subject(finding.check))
        after[finding.check] = step(trail, finding, rule, stale_after=stale_after)
    return after


def _about(trail: Trail, subject: str) -> Trail:
    """Begin anew where it was about something else. What an older daemon left behind does not say: it goes on."""
    if trail.subject in ("", subject):
        return replace(trail, subject=subject)
    return Trail(last=trail.last, newest=trail.newest, seen=trail.answered_until, subject=subject)


def step(trail: Trail, finding: Finding, rule: Decide, *, stale_after: timedelta) -> Trail:
    """Move a trail by one window.

    1. An answer counts once, and in order: a window that is read again because late rows came in moves nothing, unless
       it had no answer before.
    2. Inconclusive and no-data windows count for nothing: they neither start trouble nor end it.
    3. What is shown is the newest window as it was read last.
    """
    seen = trail.answered_until
    if finding.verdict is not Verdict.NO_DATA and (seen is None or finding.window.end > seen):
        trail = replace(trail, warned=(trail.warned or finding.window.start) if finding.warns else None)
    if finding.verdict.valid and (seen is None or finding.window.end > seen):
        trail = _counted(_rejoined(trail, finding.window.start, stale_after), finding, rule)
    if trail.newest is None or finding.window.end >= trail.newest:
        trail = replace(trail, last=finding, newest=finding.window.end)
    return trail


def _rejoined(trail: Trail, start: datetime, stale_after: timedelta) -> Trail:
    """After a gap in the data the counts begin anew: pending falls back, while what was believed stays believed."""
    if not trail.frozen(start, stale_after):
        return trail
    trail = replace(trail, recent=(), cleared=0)
    return _moved(trail, Phase.INACTIVE, start) if trail.phase is Phase.PENDING else trail


def _counted(trail: Trail, finding: Finding, rule: Decide) -> Trail:
    kept = max(rule.of, rule.clear, rule.good, FLAP_WINDOWS)
    recent = (*trail.recent, finding.verdict)[-kept:]
    trail = replace(
        trail,
        recent=recent,
        seen=finding.window.end,
        cleared=_cleared(trail, finding, rule),
        flapping=_flapping(recent, before=trail.flapping),
    )
    return _moved(trail, _next(trail, finding.verdict, rule), finding.window.start)


def _cleared(trail: Trail, finding: Finding, rule: Decide) -> int:
    """Count the windows well below the threshold. One between that and the threshold neither counts nor starts over."""
    if trail.phase not in BELIEVED or finding.verdict is Verdict.BREACH:
        return 0
    return trail.cleared + ((finding.statistic or 0.0) <= rule.clear_below * finding.threshold)


def _flapping(recent: tuple[Verdict, ...], *, before: bool) -> bool:
    """Tell whether it comes and goes. Two thresholds, so that flapping does not flap; too few windows do not end it."""
    last = recent[-FLAP_WINDOWS:]
    share = sum(a is not b for a, b in pairwise(last)) / (FLAP_WINDOWS - 1)
    return share >= FLAPS_FROM or (before and (share >= FLAPS_UNTIL or len(last) < FLAP_WINDOWS))


def _next(trail: Trail, verdict: Verdict, rule: Decide) -> Phase:
    """Return the phase that follows from what was counted.

    Out of trouble: `clear` windows well below the threshold, or, where it was never believed, `clear` healthy ones or
    no breach left among the last `of`. Into it: `breaches` of the last `of`, none of them from before such a calm.
    """
    if trail.phase in BELIEVED:
        if verdict is Verdict.BREACH:
            return Phase.FIRING
        if trail.cleared >= rule.clear:
            return Phase.RESOLVED
        return Phase.CLEARING if trail.cleared else trail.phase
    breaches = _since_calm(trail.recent, rule.clear)[-rule.of :].count(Verdict.BREACH)
    if not breaches:
        return Phase.INACTIVE if trail.phase is Phase.PENDING else trail.phase
    believed = verdict is Verdict.BREACH and breaches >= rule.breaches
    return Phase.FIRING if believed else Phase.PENDING


def _since_calm(recent: tuple[Verdict, ...], clear: int) -> tuple[Verdict, ...]:
    """Return the verdicts after the last run of `clear` healthy ones."""
    run = begin = 0
    for n, verdict in enumerate(recent, start=1):
        run = run + 1 if verdict is Verdict.HEALTHY else 0
        begin = n if run >= clear else begin
    return recent[begin:]


def _moved(trail: Trail, to: Phase, start: datetime) -> Trail:
    """Move along PHASES. Trouble begins with the window that begins at `start`, and ends with its last move."""
    if to is trail.phase:
        return trail
    assert to in PHASES[trail.phase], f"{trail.phase} -> {to} is no move"
    if not trail.phase.trouble:
        return replace(trail, phase=to, since=start, flaps=0)
    if not to.trouble:
        return replace(trail, phase=to, since=None)
    back = trail.phase is Phase.CLEARING and to is Phase.FIRING
    return replace(trail, phase=to, flaps=trail.flaps + back)


def healthy_run(recent: tuple[Verdict, ...]) -> int:
    """Count the healthy verdicts at the end."""
    run = 0
    for verdict in reversed(recent):
        if verdict is not Verdict.HEALTHY:
            break
        run += 1
    return run


def proven(trails: Iterable[Trail], rule: Decide) -> bool:
    """Tell whether a version has shown itself healthy.

    The error checks' last `good` valid windows were all healthy, and no health check is in trouble.
    """
    health = [t for t in trails if t.last.check.cause is Cause.HEALTH]
    errors = [t for t in health if t.last.check.name.startswith("error_rate")]
    return (
        bool(errors)
        and all(healthy_run(t.recent) >= rule.good for t in errors)
        and not any(t.phase.trouble for t in health)
    )
