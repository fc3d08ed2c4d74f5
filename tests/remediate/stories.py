"""One endpoint, the world around it, a watch loop that is only told of, and a clock that the test turns."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from daemon.config import settings as config
from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Archive, Gate, Modes, Promote, Retrain
from daemon.domain.finding import Against, Check, Finding, Reason, Statistic, Verdict
from daemon.domain.profile import Coverage, Health, Profile
from daemon.domain.remediation import (
    IN_FLIGHT,
    Mode,
    Remediation,
    Remedy,
    Standing,
    State,
    Step,
    VersionVerdict,
    new_id,
)
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.domain.trail import Phase, Trail
from daemon.domain.window import Window
from daemon.ports import PlatformError
from daemon.remediate import archive, cycle
from daemon.remediate.doors import Lately
from daemon.remediate.retrain import TAG
from daemon.remediate.stale import Housekeeping
from daemon.store import endpoints, findings, profiles, remediations, verdicts
from daemon.store.engine import Store, StoreError, Tx
from detectors.latency import BUCKETS
from tests.fakes import Crash, FakeJobs, FakeRegistry, FakeServing, Ledger
from tests.remediate.faults import FaultyStore

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
ENDPOINT, MODEL, JOB = "flights", "prod.ml.flight_delay", 7
EXAMPLE = {"dataframe_records": [{"distance": 1.0}]}
SIGNATURE = Signature((Column("distance", Kind.NUMERIC),), (Column("prediction", Kind.NUMERIC, role=Role.PREDICTION),))
ERRORS, DRIFT = Check(Statistic.ERRORS_4XX), Check(Statistic.KS, "distance")
AUTO = Modes(retrain=Mode.AUTO, promote=Mode.AUTO, rollback=Mode.AUTO, archive=Mode.AUTO)


class Story:
    """Version 1 serves, is the champion, and is known good; a training job makes version 2."""

    def __init__(self, folder: Path, *, ledger: Ledger | None = None, looks: int | None = 1, **rules: Any) -> None:
        self.folder, self.now = folder, START
        self.ledger = ledger or Ledger()
        self.serving = FakeServing(self.ledger, looks=looks)
        self.jobs = FakeJobs(self.ledger)
        self.registry = FakeRegistry(folder / "registry", self.ledger)
        self.settings = settings_of(folder, **rules)
        self.doors = cycle.Doors(
            self.serving, self.registry, self.jobs, folder / "scratch", fleet={ENDPOINT: Lately(6 * QUARTER)}
        )
        self.store = self._open()
        self.verdicts: dict[int, Verdict] = {}
        """How the watch loop judges a version's windows; healthy where nothing is said."""
        self.requests = 100
        """... that each version answers in a window, unless `answered` says otherwise."""
        self.answered: dict[int, int] = {}
        self.troubles: dict[tuple[int, Check], Against] = {}
        """Version and check of what fires on this endpoint, and goes on firing in each window, and against what."""
        self.registry.add(MODEL, aliases=("champion",), metrics={"auc": 0.7}, example=EXAMPLE, signature=SIGNATURE)
        self.serving.add(ENDPOINT, MODEL, {1: 100})
        self.jobs.add(JOB)
        self.jobs.on_success(JOB, lambda given: self.register(tags={TAG: given["remediation"]}))
        self.stands(1, Standing.GOOD)
        self.seen()

    @property
    def memory(self) -> Store:
        """The store as the watch loop has it: its writes are not the remediate loop's."""
        return self.store.undisturbed

    def register(self, **about: Any) -> int:
        """Register the next version, now."""
        plain = {"created_at": self.now, "metrics": {"auc": 0.8}, "example": EXAMPLE, "signature": SIGNATURE}
        return self.registry.add(MODEL, **{**plain, **about})

    def stands(self, version: int, standing: Standing, *, endpoint: str = ENDPOINT) -> None:
        with self.memory.begin() as tx:
            verdicts.set_standing(tx, VersionVerdict(endpoint, MODEL, version, standing, "so told", self.now))

    def seen(self) -> None:
        """Let the watch loop have seen traffic until now, and what fires in it."""
        with self.memory.begin() as tx:
            endpoints.save_watermark(tx, ENDPOINT, self.now)
            self._go_on_firing(tx, self.now)

    def fires(
        self,
        check: Check = ERRORS,
        *,
        version: int = 1,
        endpoint: str = ENDPOINT,
        against: Against = Against.BEFORE,
        **changes: Any,
    ) -> None:
        """Let a check fire: on this endpoint until it calms, on another one in the newest window."""
        trail = firing(check, endpoint=endpoint, version=version, end=self.now, against=against)
        with self.memory.begin() as tx:
            findings.save(tx, [replace(trail, **changes)])
        if endpoint == ENDPOINT:
            self.troubles[version, check] = against

    def calms(self) -> None:
        """Let every finding be over."""
        self.troubles.clear()
        with self.memory.begin() as tx:
            findings.close_others(tx, ENDPOINT, [])

    def propose(self, remedy: Remedy, *, to: int | None = None, **changes: Any) -> Remediation:
        one = replace(proposal(remedy, self.now), to_version=to, **changes)
        with self.memory.begin() as tx:
            assert remediations.propose(tx, one)
        return one

    def step(self) -> cycle.Stepped | None:
        return cycle.step(self.settings, self.doors, self.store, now=self.now)

    def housekeep(self) -> Housekeeping:
        return archive.housekeep(self.settings, self.serving, self.registry, self.store, now=self.now)

    def tick(self) -> None:
        """Let five minutes pass; at each quarter of an hour every version that serves leaves a judged window behind."""
        self.now += 5 * MINUTE
        if (self.now - START) % QUARTER == timedelta():
            self.window(Window(self.now - QUARTER, self.now))

    def window(self, window: Window) -> None:
        serve = self.serving.serving_anywhere(MODEL) if self.requests else ()
        with self.memory.begin() as tx:
            profiles.save(tx, [self._profile(v, window) for v in serve])
            endpoints.save_watermark(tx, ENDPOINT, window.end)
            if self.requests:
                self._go_on_firing(tx, window.end)

    def _profile(self, version: int, window: Window) -> Profile:
        return profile(version, window, self.verdicts.get(version), self.answered.get(version, self.requests))

    def attempt(self, work: Callable[[], object]) -> None:
        """Do what a loop does. What fails is left for later; what crashes is started again on the same file."""
        try:
            work()
        except Crash:
            self.restart()
        except PlatformError as error:
            assert not error.permanent, error
        except StoreError as error:
            assert error.transient, error

    def live(self, *, until: State | None = None, most: int = 150) -> "Story":
        """Tick and step until nothing is open, or only a person can go on, or the newest remediation is so far."""
        for _ in range(most):
            self.tick()
            self.attempt(self.step)
            opened = self.opened()
            assert sum(r.state in IN_FLIGHT for r in opened) <= 1, "more than one in flight"
            if not [r for r in opened if r.state is not State.NEEDS_HUMAN]:
                return self
            if until and self.newest().state is until:
                return self
        raise AssertionError(f"still open after {most} ticks: {[(r.remedy, r.state, r.outcome) for r in opened]}")

    def restart(self) -> None:
        self.store.close()
        faults = self.store.faults
        self.store = self._open()
        self.store.faults = faults

    def opened(self) -> list[Remediation]:
        with self.memory.read() as tx:
            return remediations.opened(tx)

    def history(self) -> list[Remediation]:
        """Return all remediations, oldest first."""
        with self.memory.read() as tx:
            return remediations.history(tx, limit=100)[::-1]

    def newest(self) -> Remediation:
        return self.history()[-1]

    def steps(self, one: Remediation | None = None) -> list[Step]:
        with self.memory.read() as tx:
            return remediations.steps(tx, (one or self.newest()).id)

    def ends(self) -> list[tuple[Remedy, State]]:
        return [(r.remedy, r.state) for r in self.history()]

    def traffic(self) -> Mapping[int, int]:
        return {e.version: e.percent for e in self.serving.state(ENDPOINT).served}

    def champion(self) -> int | None:
        return self.registry.alias(MODEL, "champion")

    def known(self) -> dict[int, Standing]:
        with self.memory.read() as tx:
            return {v.version: v.standing for v in verdicts.record(tx, ENDPOINT)}

    def done(self) -> list[tuple[str, str]]:
        """Return what was done to the world, in order."""
        return [(e.call, told(e.detail)) for e in self.ledger.effects]

    def close(self) -> None:
        self.store.close()

    def _go_on_firing(self, tx: Tx, end: datetime) -> None:
        trails = [
            firing(check, endpoint=ENDPOINT, version=version, end=end, against=against)
            for (version, check), against in self.troubles.items()
        ]
        findings.save(tx, trails)

    def _open(self) -> FaultyStore:
        return FaultyStore.open(config.Store(url=f"sqlite:///{self.folder / 'mlsteward.db'}"))


def told(detail: Mapping[str, Any]) -> str:
    """Return what makes two effects the same: not a time, nor an id that holds one."""
    return " ".join(str(detail[name]) for name in ("traffic", "alias", "key") if name in detail)


def settings_of(folder: Path, **rules: Any) -> EndpointSettings:
    plain = {
        "promote": Promote(gates=(Gate(metric="auc", min=0.6),), canary=(10, 50)),
        "retrain": Retrain(job_id=JOB),
        "archive": Archive(folder=folder / "vault", keep=2, remove=True),
        "mode": AUTO,
    }
    return EndpointSettings(name=ENDPOINT, table="/tables/flights", model=MODEL, **{**plain, **rules})


def proposal(remedy: Remedy, now: datetime) -> Remediation:
    return Remediation(
        id=new_id(ENDPOINT, remedy, now),
        endpoint=ENDPOINT,
        remedy=remedy,
        state=State.PROPOSED,
        reason="so told",
        sentence=f"{remedy}, because the story says so",
        evidence={"since": now.isoformat()},
        model=MODEL,
        from_version=1,
        to_version=None,
        plan={},
        created_at=now,
        updated_at=now,
        deadline_at=now + timedelta(hours=24),
    )


def firing(check: Check, *, endpoint: str, version: int, end: datetime, against: Against = Against.BEFORE) -> Trail:
    found = Finding(
        endpoint,
        version,
        check,
        Window(end - QUARTER, end),
        Verdict.BREACH,
        Reason.CERTAINLY_BEYOND,
        1000,
        0.3,
        0.2,
        0.1,
        against,
    )
    return Trail(found, Phase.FIRING, end - QUARTER, (Verdict.BREACH,) * 3, end, end)


def profile(version: int, window: Window, verdict: Verdict | None, requests: int) -> Profile:
    health = Health(requests, 0, 0, np.zeros(BUCKETS, np.int64))
    return Profile(
        ENDPOINT, version, window, health, Coverage(), None, {}, Verdict.HEALTHY if verdict is None else verdict
    )
