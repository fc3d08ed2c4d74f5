"""What happened, put into the throw-away database as the virtual clock comes by: baselines, verdicts, restraints."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Verdict
from daemon.domain.profile import Profile
from daemon.domain.remediation import Standing, VersionVerdict
from daemon.replay.past import Past
from daemon.store import baselines, endpoints, profiles, restraints, verdicts
from daemon.store.engine import Store, Tx


class Facts:
    def __init__(self, settings: EndpointSettings, past: Past, store: Store) -> None:
        self._settings, self._past, self._store = settings, past, store
        self._copies: dict[int, Baseline] = {}
        self._imposed: set[int | None] = set()
        self._now: datetime | None = None

    def begin(self, start: datetime) -> None:
        """Remember what was before: windows to be merged with, and which versions had proved good or bad."""
        before = [p for window, held in self._past.profiles.items() if window.end <= start for p in held]
        copied = self.copied(before)
        with self._store.begin() as tx:
            profiles.save(tx, copied)
            for verdict in (*_proven(self._settings, before), *self._bad(None, start)):
                verdicts.set_standing(tx, verdict)
            if before:
                endpoints.save_watermark(tx, self._settings.name, max(p.window.end for p in before))
        self._now = start

    def advance(self, now: datetime) -> None:
        """Let happen what is on record until then."""
        with self._store.begin() as tx:
            for verdict in self._bad(self._now, now):
                verdicts.set_standing(tx, verdict)
            self._restrain(tx, now)
        self._now = now

    def copied(self, held: Sequence[Profile]) -> list[Profile]:
        """Return profiles of the record as they are called here."""
        named = {p.baseline_id: self.baseline(p.baseline_id) for p in held}
        return [replace(p, baseline_id=known.id if (known := named[p.baseline_id]) else None) for p in held]

    def baseline(self, recorded: int | None) -> Baseline | None:
        """Return the copy of a baseline of the record; one that comes up for the first time is made."""
        known = self._past.baselines.get(recorded) if recorded is not None else None
        if known is None or recorded is None:
            return None
        if recorded not in self._copies:
            with self._store.begin() as tx:
                self._copies[recorded] = baselines.save(tx, known)
        return self._copies[recorded]

    def newest_baselines(self) -> None:
        """Copy the newest baseline of each version: what is read from the inference table is counted in these."""
        for recorded in {b.version: b.id for b in self._past.baselines.values()}.values():
            self.baseline(recorded)

    def _bad(self, after: datetime | None, until: datetime) -> Iterator[VersionVerdict]:
        for verdict in self._past.verdicts:
            if (
                verdict.standing is Standing.BAD
                and (after is None or verdict.set_at > after)
                and verdict.set_at <= until
            ):
                yield verdict

    def _restrain(self, tx: Tx, now: datetime) -> None:
        for one in self._past.restraints:
            if one.since <= now and one.id not in self._imposed:
                restraints.impose(tx, replace(one, id=None, lifted_at=None, lifted_by=""))
                self._imposed.add(one.id)
            if one.lifted_at is not None and (self._now or now) < one.lifted_at <= now:
                restraints.lift(tx, [one.kind], one.endpoint, by=one.lifted_by, now=now)


def _proven(settings: EndpointSettings, before: Iterable[Profile]) -> Iterator[VersionVerdict]:
    """Say which versions had served well, by what was written down of each window."""
    by_version: dict[int, list[Profile]] = {}
    for one in before:
        if one.healthy.valid:
            by_version.setdefault(one.version, []).append(one)
    for version, held in by_version.items():
        wanted, run = settings.decide.good, 0
        until = None
        for one in held:
            run = run + 1 if one.healthy is Verdict.HEALTHY else 0
            until = one.window.end if run >= wanted else until
        if until is not None:
            yield VersionVerdict(
                settings.name, settings.model, version, Standing.GOOD, f"{wanted} healthy windows in a row", until
            )
