"""Where people are served: what is asked for, on the command line or over HTTP, becomes a deed or a document."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from daemon import evidence, hints, report
from daemon.asked import Asked, Held, Lifted, Maintained, Pardoned, Place, Released, Restrained, Word, read
from daemon.config.settings import Settings
from daemon.domain.event import Event, Severity
from daemon.domain.person import Done, Unknown, Who
from daemon.domain.restraint import RestraintKind
from daemon.domain.states import State
from daemon.picture.svg import svg
from daemon.remediate import switch
from daemon.remediate.people import answer, kill, release, restrain
from daemon.remediate.people.kill import Opened
from daemon.store import events, remediations, restraints
from daemon.store.engine import Tx
from daemon.telemetry import log
from daemon.web.desk import Credentials, Stranger

PICTURES = 1
"""The most on one page: each is drawn from days of windows, and whoever is to give his word shall not wait for it."""


class Desk:
    def __init__(self, settings: Callable[[], Settings], opened: Opened, now: Callable[[], datetime]) -> None:
        self._settings, self._opened, self._now = settings, opened, now
        self._log = log.get("daemon.web")
        self.credentials = Credentials()
        """Replaced as a whole at a reload."""
        self.url = ""
        """Where the listener is, once it is known."""
        self.hasten: Callable[[Sequence[str]], None] = lambda _endpoints: None
        """Has the loops of endpoints look now. Nothing to hasten where no daemon runs around the desk."""
        self._deeds: dict[str, Callable[[Mapping[str, object], str], Done]] = {
            "approve": self._deed(Word, lambda tx, asked, who: self._answer(tx, asked, who, granted=True)),
            "reject": self._deed(Word, lambda tx, asked, who: self._answer(tx, asked, who, granted=False)),
            "pause": self._deed(Restrained, self._pause),
            "silence": self._deed(Restrained, self._silence),
            "maintenance": self._deed(Maintained, self._maintain),
            "hold": self._deed(Held, self._hold),
            "resume": self._deed(Lifted, self._lift),
            "release": self._deed(Released, self._release),
            "pardon": self._deed(Pardoned, self._pardon),
            "kill": self._kill,
            "lift_kill": self._lift_kill,
        }

    def do(self, verb: str, written: Mapping[str, object], *, via: str) -> Done:
        """Do what is asked for. Raise Refused, with one sentence, where it cannot be done; then nothing was."""
        return self._deeds[verb](written, via)

    def status(self) -> dict[str, Any]:
        settings, now = self._settings(), self._now()
        with self._opened() as store, store.read() as tx:
            return report.status(tx, settings, stopped=switch.kill_switch(settings.safety.kill_file), now=now)

    def explain(self, short_id: str) -> dict[str, Any]:
        """Return all about a remediation. Raise Unknown where there is none."""
        with self._opened() as store, store.read() as tx:
            return report.explain(tx, answer.found(tx, short_id), self._settings())

    def finding(self, asked: str) -> dict[str, Any]:
        """Return a finding and what it rests on. Raise Unknown, which says what there is, where there is none."""
        with self._opened() as store, store.read() as tx:
            return evidence.of_finding(tx, self._settings(), asked).document()

    def pictures(self, asked: str) -> list[str]:
        """Return the picture of a finding, or those of a remediation's worst findings. Raise Unknown as above."""
        settings = self._settings()
        with self._opened() as store, store.read() as tx:
            if evidence.names_a_finding(asked):
                return [svg(evidence.of_finding(tx, settings, asked).scene)]
            shown = evidence.of_remediation(tx, settings, answer.found(tx, asked), most=PICTURES)
        return [svg(one.scene) for one in shown]

    def hints(self, event: Event) -> list[str]:
        """Say what a person can do about an event. What is signed for that is made now, and kept nowhere."""
        if event.kind not in hints.KINDS:
            return []
        settings, key = self._settings(), self.credentials.link_key
        base = settings.web.public_url or self.url
        with self._opened() as store, store.read() as tx:
            return hints.about(tx, event, settings, key=key if base else None, base=base)

    def hint(self, model: str) -> list[str]:
        """Have the loops of the model's endpoints look now, and return these endpoints. What they see decides."""
        names = [e.name for e in self._settings().endpoints if e.model == model]
        if names:
            self._log.info(f"the registry says that something of {model} is new", endpoints=",".join(names))
            self.hasten(names)
        return names

    def turned_away(self, stranger: Stranger) -> None:
        where = f"{stranger.address} was turned away: {stranger.method} {stranger.path}"
        self._record_stranger(where, asdict(stranger))

    def turned_away_many(self, strangers: int, last: Stranger) -> None:
        where = f"{strangers} more requests without credentials were turned away, the last of {last.address}"
        self._record_stranger(where, {"requests": strangers, **asdict(last)})

    def _record_stranger(self, sentence: str, numbers: Mapping[str, object]) -> None:
        """For the record only: whoever floods us must not flood people, too."""
        self._log.warning(sentence)
        with self._opened() as store, store.begin() as tx:
            events.append(tx, Event("web.refused", Severity.WARNING, sentence, self._now(), "", numbers))

    def _deed(
        self, kind: type[Any], deed: Callable[[Tx, Any, Who], Done]
    ) -> Callable[[Mapping[str, object], str], Done]:
        """Return the deed as it is done: read what was written, then all of it in one transaction."""

        def done(written: Mapping[str, object], via: str) -> Done:
            asked = read(kind, written)
            with self._opened() as store, store.begin() as tx:
                return deed(tx, asked, self._who(asked, via))

        return done

    def _answer(self, tx: Tx, asked: Word, who: Who, *, granted: bool) -> Done:
        one = answer.found(tx, asked.id)
        known = self._settings().endpoint(one.endpoint)
        within = known.approve.within if known else report.WITHIN
        return answer.answer(
            tx, one, who, granted=granted, within=within, gate=asked.gate, plan=asked.plan_hash.strip().lower()
        )

    def _pause(self, tx: Tx, asked: Restrained, who: Who) -> Done:
        return self._impose(tx, RestraintKind.PAUSE, asked, who, lasts=asked.for_)

    def _silence(self, tx: Tx, asked: Restrained, who: Who) -> Done:
        return self._impose(tx, RestraintKind.SILENCE, asked, who, lasts=asked.for_)

    def _hold(self, tx: Tx, asked: Held, who: Who) -> Done:
        return self._impose(tx, RestraintKind.HOLD, asked, who, lasts=asked.for_)

    def _maintain(self, tx: Tx, asked: Maintained, who: Who) -> Done:
        return self._impose(tx, RestraintKind.MAINTENANCE, asked, who, begins=asked.from_, lasts=asked.for_)

    def _impose(
        self,
        tx: Tx,
        kind: RestraintKind,
        asked: Place,
        who: Who,
        *,
        lasts: timedelta | None,
        begins: datetime | None = None,
    ) -> Done:
        until = (begins or who.now) + lasts if lasts else None
        return restrain.impose(tx, kind, self._place(asked.endpoint), who, since=begins, until=until)

    def _lift(self, tx: Tx, asked: Lifted, who: Who) -> Done:
        endpoint = self._place(asked.endpoint, tx)
        if asked.kind == "hold":
            return release.end_holds(tx, endpoint, who)
        kinds = [RestraintKind(asked.kind)] if asked.kind else restrain.RESUMED
        return restrain.lift(tx, kinds, endpoint, who, verb="resume", told=Severity.INFO)

    def _release(self, tx: Tx, asked: Released, who: Who) -> Done:
        if asked.target is None:
            return release.end_holds(tx, "", who)
        if asked.target in self._names(tx):
            return release.end_holds(tx, asked.target, who)
        if asked.target and (one := remediations.get(tx, asked.target)):
            return release.end(tx, one, who, to=asked.as_)
        needs = [r.id for r in remediations.opened(tx) if r.state is State.NEEDS_HUMAN]
        raise Unknown(
            f"no endpoint and no remediation {asked.target!r}; endpoints: {', '.join(self._names(tx))}; "
            f"remediations that need a human: {', '.join(needs) or 'none'}"
        )

    def _pardon(self, tx: Tx, asked: Pardoned, who: Who) -> Done:
        return release.pardon(tx, self._place(asked.endpoint), asked.version, who)

    def _kill(self, written: Mapping[str, object], via: str) -> Done:
        return kill.pull(self._opened, self._settings().safety.kill_file, self._who(read(Asked, written), via))

    def _lift_kill(self, written: Mapping[str, object], via: str) -> Done:
        return kill.put_back(self._opened, self._settings().safety.kill_file, self._who(read(Asked, written), via))

    def _who(self, asked: Asked, via: str) -> Who:
        return Who(asked.by, asked.reason, self._now(), via)

    def _place(self, endpoint: str | None, tx: Tx | None = None) -> str:
        """Return the endpoint's name, empty for the fleet. Raise Unknown, which says what there is."""
        if endpoint is None:
            return ""
        names = self._names(tx)
        if endpoint not in names:
            raise Unknown(f"no endpoint {endpoint!r} is configured; there are: {', '.join(names)}")
        return endpoint

    def _names(self, tx: Tx | None = None) -> Sequence[str]:
        """Return the endpoints that are looked after, and those that something is still forbidden of."""
        known = [e.name for e in self._settings().endpoints]
        left = {r.endpoint for r in restraints.unlifted(tx, self._now()) if r.endpoint} if tx is not None else set()
        return [*known, *sorted(left - set(known))]
