"""Guards that ask whether the evidence still stands, and whom it speaks against."""

from collections.abc import Sequence
from datetime import timedelta

from daemon.domain.finding import Verdict
from daemon.domain.remediation import Remediation, Remedy
from daemon.domain.restraint import RestraintKind
from daemon.domain.trail import Phase, Trail
from daemon.remediate.guards.circumstances import Circumstances

LEAST_ILL = 1
"""One other endpoint in trouble at the same time is enough to doubt that this one's version is to blame."""
FROM_FINDINGS = (Remedy.RETRAIN, Remedy.ROLLBACK)


def fresh(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """What the remedy rests on was seen lately: its own findings where it has any, else any window."""
    if r.remedy is Remedy.ARCHIVE:
        return True, "needs no traffic"
    grounds = _grounds(r, c)
    seen = max((t.seen for t in grounds if t.seen), default=None) if grounds else c.newest
    if seen is None:
        return False, "no traffic has been seen"
    lag = c.now - seen
    if lag < timedelta():
        return False, f"windows up to {seen:%F %T} UTC have been seen: the clock was set back"
    return lag <= c.stale_after, f"newest window ended {lag.total_seconds():.0f} s ago"


def still_firing(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    if r.remedy not in FROM_FINDINGS:
        return True, "is not about a finding"
    flapping = [t.last.check.name for t in c.trouble if t.flapping]
    steady = [t for t in c.trouble if not t.flapping]
    clearing = sum(t.phase is Phase.CLEARING for t in steady)
    more = f", {clearing} of them healthy again but not for long enough" if clearing else ""
    more += f"; {', '.join(flapping)} comes and goes" if flapping else ""
    return bool(steady), f"{len(steady)} checks of version {r.from_version} fire{more}"


def enough_rows(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """The newest window itself shows it, on enough rows: a verdict of too little is no evidence, nor is the past."""
    grounds = _grounds(r, c)
    if not grounds:
        return True, "is not about a finding"
    shown = max((t.last.n for t in grounds if t.last.verdict is Verdict.BREACH), default=0)
    return shown >= c.requests, f"{shown} rows of the newest window show it, {c.requests} are asked for"


def attributable(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """Going back helps only where the version itself is worse than another one was, or is in the same minutes."""
    if r.remedy is not Remedy.ROLLBACK:
        return True, "does not blame a version"
    blamed = [t for t in _grounds(r, c) if t.last.against.attributable]
    worst = ", ".join(_against(t) for t in blamed)
    return bool(blamed), worst or f"nothing shows that version {r.from_version} is worse than another"


def sound_data(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """Training on broken data would teach the fault."""
    if r.remedy is not Remedy.RETRAIN:
        return True, "trains on nothing"
    return not c.broken, f"broken: {', '.join(c.broken)}" if c.broken else "the data is whole"


def new_rows(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    if r.remedy is not Remedy.RETRAIN:
        return True, "trains on nothing"
    if c.new_rows is None:
        return True, "the first training from here"
    return c.new_rows >= c.rows_wanted, f"{c.new_rows} requests since the last training, {c.rows_wanted} asked for"


def alone(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    if r.remedy is Remedy.ARCHIVE:
        return True, "does not touch traffic"
    where = ", ".join(c.ill_elsewhere)
    return len(c.ill_elsewhere) < LEAST_ILL, f"also ill: {where}" if where else "no other endpoint is ill"


def storm(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    """Many at once: what they share is ill, and nothing that is done to one of them will help."""
    fleet = c.fleet
    told = f"{len(fleet.ill)} of {fleet.size} endpoints are ill or under treatment; {fleet.many} are a storm"
    if len(fleet.ill) >= fleet.many:
        return False, told
    storms = [one for one in c.restraints if one.kind is RestraintKind.STORM]
    return not storms, storms[0].words() if storms else told


def _grounds(r: Remediation, c: Circumstances) -> Sequence[Trail]:
    """Return the findings that the remedy rests on: steady ones, and for a rollback those that blame the version.

    Where there are none of these, the others: that there are none is for the guards to say that ask for them.
    """
    if r.remedy not in FROM_FINDINGS:
        return ()
    steady = [t for t in c.trouble if not t.flapping] or c.trouble
    blamed = [t for t in steady if t.last.against.attributable] if r.remedy is Remedy.ROLLBACK else []
    return blamed or steady


def _against(trail: Trail) -> str:
    last = trail.last
    return f"{last.check.name} against {last.against.replace('_', ' ')} ({last.against_version})"
