"""The life of findings over windows: M of N valid windows in, K healthy ones out. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from daemon.config.detection import Decide
from daemon.domain.finding import Cause, Check, Finding, Verdict
from daemon.domain.trail import Phase, Trail


def follow(trails: Mapping[Check, Trail], findings: Iterable[Finding], rule: Decide) -> dict[Check, Trail]:
    """Return the trails after the findings, oldest window first.

    A window counts once: one that is read again because late rows came in moves nothing. A check that is no longer
    asked (its column is gone, or is ignored now) has no trail.
    """
    found = sorted(findings, key=lambda f: f.window.end)
    asked = {f.check for f in found} or trails.keys()
    after = {check: trail for check, trail in trails.items() if check in asked}
    for finding in found:
        trail = after.get(finding.check) or Trail(last=finding)
        if trail.newest is None or finding.window.end > trail.newest:
            after[finding.check] = step(trail, finding, rule)
    return after


def step(trail: Trail, finding: Finding, rule: Decide) -> Trail:
    """Move a trail by one window.

    Inconclusive and no-data windows move nothing but the clock: they neither start trouble nor end it. Trouble fires
    at `breaches` of the last `of` valid windows, and is resolved by `clear` healthy ones in a row.
    """
    trail = replace(trail, last=finding, newest=finding.window.end)
    if not finding.verdict.valid:
        return trail
    kept = max(rule.of, rule.clear, rule.good)
    recent = (*trail.recent, finding.verdict)[-kept:]
    trail = replace(trail, recent=recent, seen=finding.window.end)
    breaches = recent[-rule.of :].count(Verdict.BREACH)
    over = healthy_run(recent) >= rule.clear
    if trail.phase is Phase.FIRING:
        return replace(trail, phase=Phase.RESOLVED, since=None) if over else trail
    if not breaches or over:
        quiet = Phase.RESOLVED if trail.phase is Phase.RESOLVED else Phase.INACTIVE
        return replace(trail, phase=quiet, since=None)
    phase = Phase.FIRING if breaches >= rule.breaches else Phase.PENDING
    return replace(trail, phase=phase, since=trail.since or finding.window.start)


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
        and all(t.phase not in (Phase.PENDING, Phase.FIRING) for t in health)
    )
