"""The end of what waits for a person: a hold, a remediation that needs a human, a version that is known bad."""

from daemon.domain.event import Severity
from daemon.domain.person import Done, Refused, Who
from daemon.domain.remediation import Remediation, Remedy, Standing, State, VersionVerdict
from daemon.domain.restraint import RestraintKind
from daemon.remediate.moves import move
from daemon.remediate.people import record, restrain
from daemon.store import remediations, restraints, verdicts
from daemon.store.engine import Tx


def end_holds(tx: Tx, endpoint: str, who: Who) -> Done:
    """Lift the holds of an endpoint, or (empty) the fleet's own; say what still needs a person there."""
    waiting = [r for r in remediations.opened(tx, endpoint or None) if r.state is State.NEEDS_HUMAN]
    needs = "; ".join(f"{r.remedy} {r.id} needs a person: `mlsteward release {r.id}`" for r in waiting)
    held = [r for r in restraints.unlifted(tx, who.now) if r.kind is RestraintKind.HOLD and r.endpoint == endpoint]
    if not held and needs:
        raise Refused(f"{restrain.place(endpoint)} is not held, but {needs}")
    done = restrain.lift(tx, [RestraintKind.HOLD], endpoint, who, verb="release", told=Severity.INFO)
    return Done(done.verb, f"{done.sentence}; {needs}" if needs else done.sentence, done.numbers)


def end(tx: Tx, one: Remediation, who: Who, *, to: State = State.CANCELLED) -> Done:
    """End a remediation that needs a person, the way that the person says it ended."""
    name = f"{one.remedy} {one.id} of {one.endpoint}"
    if one.state is not State.NEEDS_HUMAN:
        raise Refused(f"{name} is {one.state}: only what needs a human can be released")
    if move(tx, one, to, f"released by {who.by} as {to}: {who.reason}", now=who.now) is None:
        raise Refused(f"{name} was moved by somebody else a moment ago: look at it again")
    worse = to is State.SUCCEEDED and one.remedy is Remedy.ROLLBACK and one.from_version is not None
    if worse and one.from_version is not None:
        bad = VersionVerdict(one.endpoint, one.model, one.from_version, Standing.BAD, one.sentence, who.now)
        verdicts.set_standing(tx, bad)
    known = f", and version {one.from_version} is known bad" if worse else ""
    sentence = f"{name} is ended as {to}{known}: {one.endpoint} is looked after again{_held(tx, one, who)}"
    return record(tx, Done("release", sentence, {"remediation": one.id, "state": str(to)}), who, one.endpoint)


def pardon(tx: Tx, endpoint: str, version: int, who: Who) -> Done:
    """Forget that a version is known bad: remedies may go to it again, as soon as it has proved itself."""
    bad = [v.version for v in verdicts.record(tx, endpoint) if v.standing is Standing.BAD]
    if version not in bad:
        known = ", ".join(map(str, bad)) or "none"
        raise Refused(f"version {version} of {endpoint} is not known bad; known bad there: {known}")
    verdicts.clear(tx, endpoint, version)
    sentence = f"version {version} of {endpoint} is not known bad any more; it must serve well before it is known good"
    return record(tx, Done("pardon", sentence, {"version": version}), who, endpoint, told=Severity.INFO)


def _held(tx: Tx, one: Remediation, who: Who) -> str:
    stops = [r.words() for r in restraints.in_force(tx, who.now, one.endpoint) if r.kind.stops_what_runs]
    return f", but not during {'; '.join(stops)}" if stops else ""
