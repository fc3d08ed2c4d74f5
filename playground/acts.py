"""The four acts of the demo. Each does something to the world, waits for the daemon, and checks its answer."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from daemon.config.load import load
from daemon.config.settings import Store as StoreSettings
from daemon.domain.event import Event, Severity
from daemon.domain.finding import Verdict
from daemon.domain.remediation import Remediation, Remedy, Standing, State
from daemon.domain.trail import Phase
from daemon.store import endpoints, events, findings, profiles, remediations, verdicts
from daemon.store.engine import Store
from playground.cases import CASES
from playground.experiments import checksums, files
from playground.flights import kilometres
from playground.stage import Stage
from playground.timeline import Timeline
from playground.traffic import Response

FLIGHT_DELAY, AIR_TIME = "flight-delay", "air-time"
LOOK_S = 0.4


class NotInTimeError(Exception):
    """The daemon did not do in time what the act waited for."""


class Play:
    """The acts, on one stage."""

    def __init__(
        self, stage: Stage, timeline: Timeline, progress: Callable[[str], None], *, standby: bool = True
    ) -> None:
        self._stage, self._timeline, self._progress, self._standby = stage, timeline, progress, standby
        self._heard = 0
        self._store: Store | None = None

    def drift(self) -> None:
        """Act 1: traffic drifts; the model is retrained, gated, canaried, promoted, verified."""
        line = self._timeline
        line.deed("act 1, drift: version 1, trained on the winter, serves held-out flights of January and February")
        self.wait(
            "calm windows", lambda: self._good(FLIGHT_DELAY, 1) and self._good(AIR_TIME, 1) and self._windows(6), 60
        )
        line.check("winter traffic raises nothing", self._quiet(), windows=self._windows_seen())
        self._stage.traffic[FLIGHT_DELAY].change(months=(6, 7, 8))
        line.deed("the callers of flight-delay send the flights of June to August")
        self.wait("summer traffic", lambda: False, 8, must=False)
        drifted_at = datetime.now(UTC)
        self._stage.traffic[FLIGHT_DELAY].change(transform=kilometres)
        line.deed("one of their systems now sends kilometres where miles were")
        retrained = self.ended(FLIGHT_DELAY, Remedy.RETRAIN, since=line.began, within=75)
        promoted = self.ended(FLIGHT_DELAY, Remedy.PROMOTE, since=line.began, within=90)
        # what serves is known to the record as of the newest look
        self.wait("version 1 to be put away", lambda: self._serves(FLIGHT_DELAY) == {2: 100}, 20, must=False)
        line.check(
            "drift was certified and led to a retraining", retrained.state is State.SUCCEEDED, outcome=retrained.outcome
        )
        line.check(
            "the challenger passed gates and canary and is champion, verified",
            promoted.state is State.SUCCEEDED and self._serves(FLIGHT_DELAY) == {2: 100},
            seconds_from_drift=_seconds(drifted_at, promoted.updated_at),
            outcome=promoted.outcome,
        )

    def bad_release(self) -> None:
        """Act 2: somebody deploys a version that fails and is slow; it is rolled back."""
        line = self._timeline
        self.wait("version 2 to prove itself", lambda: self._good(FLIGHT_DELAY, 2), 40)
        line.deed("act 2, bad release: somebody registers a hotfix and deploys it by hand, untested")
        began = datetime.now(UTC)
        bad = self._deploy_hotfix()
        kept = "version 2 is kept ready at 0 %, as careful people do" if self._standby else "version 2 is gone"
        line.deed(f"version {bad} serves everything; {kept}")
        rolled_back = self.ended(FLIGHT_DELAY, Remedy.ROLLBACK, since=began, within=75)
        self.wait("the record to know of it", lambda: self._serves(FLIGHT_DELAY) == {2: 100}, 20, must=False)
        line.check(
            "rolled back to the last known good version, and verified",
            rolled_back.state is State.SUCCEEDED and self._serves(FLIGHT_DELAY) == {2: 100},
            outcome=rolled_back.outcome,
        )
        self._check_restored([r for r in self._stage.traffic[FLIGHT_DELAY].responses if r.at >= began])

    def _deploy_hotfix(self) -> int:
        """Register the bad release and give it all traffic; return its version."""
        keep = ("--keep", "2") if self._standby else ()
        options = ("--root", str(self._stage.root), "--wrapped-version", "2", "--deploy", *keep)
        return int(self._stage.run("playground.bad_release", *options).split()[-1])

    def _check_restored(self, answers: Sequence[Response]) -> None:
        """Hold what the callers got against what is promised where a good version is kept ready."""
        failed = [r.at for r in answers if not r.ok]
        first_bad = failed[0] if failed else None
        well = self._first_well(FLIGHT_DELAY, 2, after=first_bad) if first_bad else None
        self._timeline.check(
            "traffic is served well again",
            well is not None,
            seconds_from_first_bad_response_to_first_good_window=_seconds(first_bad, well),
            failed_requests=len(failed),
        )
        interval = load(self._stage.config).endpoints[0].watch.interval
        promised = 2 * interval.total_seconds() + 5
        took = _seconds(first_bad, restored(answers, "flight_delay-2"))
        self._timeline.check(
            f"traffic is restored within two watch intervals and 5 s, {promised:.0f} s"
            if self._standby
            else "traffic is restored",
            took is not None and (took <= promised or not self._standby),
            seconds_from_first_bad_response_to_traffic_restored=took,
        )

    def upstream(self) -> None:
        """Act 3: what both endpoints depend on is away for a while; nothing is remediated."""
        line = self._timeline
        self.wait("calm", lambda: self._good(FLIGHT_DELAY, 2) and not self._troubled(), 40)
        # a window that is ill in part may be certain for the one and not for the other, which is then told of alone
        window = load(self._stage.config).endpoints[0].watch.window.total_seconds()
        self.wait("a window to begin", lambda: time.time() % window < 2 * LOOK_S, 2 * window)
        line.deed("act 3, upstream trouble: the feature store behind both endpoints is down")
        began = datetime.now(UTC)
        self._stage.control.outage(True)
        self.wait("the incident to be told", lambda: bool(self._events("incident.upstream", began)), 45)
        self.wait("the outage to go on", lambda: False, 6, must=False)
        self._stage.control.outage(False)
        line.deed("the feature store is back")
        self.wait("both endpoints to be well again", lambda: not self._troubled(), 45)
        told = [e for e in self._events("", began) if e.severity is Severity.PAGE]
        line.check(
            "one event says why nothing is done",
            len(told) == 1,
            events=len(told),
            says=told[0].sentence if told else "",
        )
        line.check("no remediation was even proposed", not self._remediations(since=began))

    def housekeeping(self) -> None:
        """Act 4: stale versions are marked, archived, removed; one is put back and compared bit for bit."""
        line = self._timeline
        line.deed("act 4, housekeeping: three experiments of air-time were registered and never deployed")
        began = datetime.now(UTC)
        registered = json.loads(
            self._stage.run("playground.experiments", "--root", str(self._stage.root)).splitlines()[-1]
        )
        versions = sorted(int(v) for v in registered)
        stale, mlflow_uri = versions[0], self._stage.address.mlflow
        before = registered[str(stale)]
        model = CASES[AIR_TIME].registered_model
        archive = self._stage.root / "archive" / model
        self.wait("marks and archives", lambda: self._archived(began) and len(list(archive.glob("*.tar.zst"))) == 2, 60)
        self.wait("housekeeping to come to rest", lambda: not self._open(), 20)
        kept = sorted(p.name for p in archive.glob("*.tar.zst"))
        line.check(
            "stale versions were marked and archived, the newest and the serving ones left alone",
            kept == [f"{v}.tar.zst" for v in versions[:-1]],
            archives=", ".join(kept),
        )
        if self._stage.profile.removes:
            line.check("the archived artifacts are gone from the registry", not files(mlflow_uri, stale))
            said = self._restore(model, stale, "--back")
            after = files(mlflow_uri, stale)
        else:
            line.check(
                "nothing was removed: in Unity Catalog files go only with their version", bool(files(mlflow_uri, stale))
            )
            said = self._restore(model, stale, "--to", str(self._stage.root / "restored"))
            after = checksums(self._stage.root / "restored")
        differ = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        line.check(
            "one is restored, identical bit for bit",
            bool(before) and not differ,
            says=said.strip(),
            files_that_differ=differ or "none",
        )

    def _restore(self, model: str, version: int, *where: str) -> str:
        return self._stage.run("daemon", "restore", model, str(version), *where, "--config", str(self._stage.config))

    def wait(self, what: str, done: Callable[[], bool], seconds: float, *, must: bool = True) -> None:
        """Watch the daemon until something is so; print what it tells meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.listen()
            self._stage.check_alive()
            if done():
                return
            self._progress(f"waiting for {what}")
            time.sleep(LOOK_S)
        if must:
            raise NotInTimeError(f"waited {seconds:.0f} s for {what}")

    def listen(self) -> None:
        """Print the notifications that have arrived since."""
        messages = self._stage.webhook.messages
        for message in messages[self._heard :]:
            self._timeline.told(message.at, _sentences(message.body))
        self._heard = len(messages)

    def ended(self, endpoint: str, remedy: Remedy, *, since: datetime, within: float) -> Remediation:
        """Wait until a remediation has come to its end."""
        found: list[Remediation] = []

        def done() -> bool:
            found[:] = [r for r in self._remediations(since) if (r.endpoint, r.remedy) == (endpoint, remedy)]
            ends = {State.SUCCEEDED, State.FAILED, State.SUPERSEDED, State.EXPIRED, State.NEEDS_HUMAN, State.SHADOWED}
            return any(r.state in ends for r in found)

        self.wait(f"{remedy} of {endpoint}", done, within)
        return found[0]

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = Store.open(StoreSettings(url=f"sqlite:///{self._stage.root / 'mlsteward.db'}"), migrate=False)
        return self._store

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def _good(self, endpoint: str, version: int) -> bool:
        with self.store.read() as tx:
            record = verdicts.record(tx, endpoint)
        return any(v.version == version and v.standing is Standing.GOOD for v in record)

    def _windows(self, count: int) -> bool:
        return self._windows_seen() >= count

    def _windows_seen(self) -> int:
        with self.store.read() as tx:
            return len(profiles.requests(tx, FLIGHT_DELAY, self._timeline.began))

    def _quiet(self) -> bool:
        with self.store.read() as tx:
            loud = [e for e in events.history(tx, limit=100) if e.severity is not Severity.INFO]
            raised = [t for name in (FLIGHT_DELAY, AIR_TIME) for t in findings.recent(tx, name)]
        calm = all(t.phase is Phase.INACTIVE and Verdict.BREACH not in t.recent for t in raised)
        return calm and not loud and not self._remediations(self._timeline.began)

    def _troubled(self) -> bool:
        with self.store.read() as tx:
            raised = [t for name in (FLIGHT_DELAY, AIR_TIME) for t in findings.recent(tx, name)]
        return any(t.phase.trouble for t in raised)

    def _serves(self, endpoint: str) -> dict[int, int]:
        with self.store.read() as tx:
            state = endpoints.last_state(tx, endpoint)
        return {e.version: e.percent for e in state.served} if state else {}

    def _first_well(self, endpoint: str, version: int, *, after: datetime) -> datetime | None:
        with self.store.read() as tx:
            judged = profiles.judged(tx, endpoint, version, after)
        return next((window.end for window, verdict, _ in judged if verdict is Verdict.HEALTHY), None)

    def _remediations(self, since: datetime) -> list[Remediation]:
        with self.store.read() as tx:
            return [r for r in remediations.history(tx, limit=100) if r.created_at >= since]

    def _events(self, kind: str, since: datetime) -> list[Event]:
        with self.store.read() as tx:
            return [e for e in events.history(tx, limit=200) if e.at >= since and e.kind.startswith(kind)]

    def _open(self) -> bool:
        with self.store.read() as tx:
            return bool(remediations.opened(tx))

    def _archived(self, since: datetime) -> bool:
        done = [r for r in self._remediations(since) if r.remedy is Remedy.ARCHIVE and r.reason == "stale_archive"]
        return any(r.state is State.SUCCEEDED for r in done)


def _sentences(body: str) -> str:
    """Return the sentence of each event of a message; the numbers below it are for those who look twice."""
    return " | ".join(paragraph.split("\n")[0] for paragraph in body.split("\n\n"))


def restored(answers: Sequence[Response], served: str) -> datetime | None:
    """Return when an entity first gave a good answer, with no bad one of anybody's after it."""
    last_bad = max((n for n, r in enumerate(answers) if not r.ok), default=-1)
    return next((r.at for r in answers[last_bad + 1 :] if r.served == served), None)


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 1) if start and end else None
