"""One endpoint of the fleet and what is true about it: who serves, how well, and what reached it, slice by slice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from daemon.config.endpoint import EndpointSettings
from daemon.domain.registry import RunState
from daemon.domain.window import Window
from daemon.remediate.retrain import TAG
from tests.fakes import FakeInferenceLog, FakeJobs, FakeRegistry, FakeServing
from tests.watch.traffic import QUARTER, SIGNATURE, START, entity, requests, trained_on

SLICE = timedelta(minutes=5)
RATE = 30
"""Requests in a slice."""
SHIFT = 80.0
"""Added to a distance that lies between 0 and 100: certain drift on 100 rows."""
KEPT = timedelta(hours=30)
ROWS_KEPT = timedelta(hours=8)
EXAMPLE = {"dataframe_records": [{"distance": 1.0, "carrier": "AA"}]}


@dataclass(frozen=True, slots=True)
class Slice:
    """What one version really did in five minutes."""

    start: datetime
    version: int
    rows: int
    sick: bool
    drifted: bool


@dataclass
class Mood:
    """What reaches an endpoint."""

    shift: float = 0.0
    rate: int = RATE
    nulls: float = 0.0
    ill: bool = False
    """Every request fails, whichever version answers: nobody's fault here."""


@dataclass
class Site:
    settings: EndpointSettings
    serving: FakeServing
    registry: FakeRegistry
    jobs: FakeJobs
    log: FakeInferenceLog
    folder: Path
    mood: Mood = field(default_factory=Mood)
    sick: set[int] = field(default_factory=set)
    """Versions that fail half of what they are asked."""
    shifts: dict[int, float] = field(default_factory=dict)
    """The shift of the data that each version was trained on."""
    past: list[Slice] = field(default_factory=list)
    trains: str = "well"
    """What the next training brings forth: `well`, `sick`, `nothing`, `failure` or `hangs`."""

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def model(self) -> str:
        return self.settings.model

    def open(self, now: datetime) -> None:
        """Serve version 1, the champion, and have a job that trains on what comes in."""
        self.register(now, aliases=("champion",))
        self.serving.add(self.name, self.model, {1: 100})
        self.training("well")
        self.jobs.on_success(self.job, self._trained)

    def register(self, now: datetime, *, sick: bool = False, **about: object) -> int:
        """Register a version that was trained on what comes in now."""
        plain = {
            "created_at": now,
            "metrics": {"auc": 0.8},
            "signature": SIGNATURE,
            "example": EXAMPLE,
            "training": _training(self.folder, self.mood.shift),
        }
        version = self.registry.add(self.model, **{**plain, **about})  # type: ignore[arg-type]
        self.shifts[version] = self.mood.shift
        self.log.serve(entity(version), self.model, version)
        if sick:
            self.sick.add(version)
        return version

    def serve(self, at: datetime) -> None:
        """Let five minutes of traffic come in, split as it is served at their start."""
        n = (at - START) / QUARTER
        for version, percent in self.serving.serves(self.name).items():
            count = self.mood.rate * percent // 100
            if not count:
                continue
            sick = self.mood.ill or version in self.sick
            about = {"refused": 0.5 if sick else 0.0, "shift": self.mood.shift, "nulls": self.mood.nulls}
            self.log.write(requests(n, version, count=count, length=SLICE, **about))  # type: ignore[arg-type]
            drifted = self.mood.shift != self.shifts.get(version)
            self.past.append(Slice(at, version, count, sick, drifted))
        if at.minute == 0:
            self._forget(at - KEPT)

    def windows(self, version: int, since: datetime, until: datetime) -> list[tuple[Window, list[Slice]]]:
        """Return the version's own quarters of an hour within a time, oldest first, and what they were made of."""
        inside = [s for s in self.past if s.version == version and since <= s.start < until]
        by_window: dict[datetime, list[Slice]] = {}
        for one in inside:
            by_window.setdefault(one.start - (one.start - START) % QUARTER, []).append(one)
        return [(Window(start, start + QUARTER), slices) for start, slices in sorted(by_window.items())]

    def training(self, how: str) -> None:
        """Say what the next training brings forth."""
        self.trains = how
        scripts = {"failure": (RunState.RUNNING, RunState.FAILED), "hangs": (RunState.RUNNING,)}
        self.jobs.add(self.job, *scripts.get(how, (RunState.RUNNING, RunState.SUCCEEDED)))

    @property
    def job(self) -> int:
        assert self.settings.retrain.job_id is not None
        return self.settings.retrain.job_id

    def _trained(self, given: Mapping[str, str]) -> None:
        if self.trains != "nothing":
            self.register(self.past[-1].start + SLICE, sick=self.trains == "sick", tags={TAG: given["remediation"]})
        self.training("well")

    def _forget(self, before: datetime) -> None:
        # every window was read long ago: what is gone from the table changes no profile
        self.log.rows = [row for row in self.log.rows if row.at >= before + KEPT - ROWS_KEPT]
        self.past = [one for one in self.past if one.start >= before]


def sick(slices: Iterable[Slice]) -> bool:
    return any(s.sick for s in slices)


def rows(slices: Iterable[Slice]) -> int:
    return sum(s.rows for s in slices)


def _training(folder: Path, shift: float) -> Path:
    path = folder / f"training-{shift:g}.parquet"
    if path.exists():
        return path
    query = (
        f"SELECT (i % 1000 + 0.5) / 10 + {shift} AS distance, ['AA', 'B6', 'DL', 'UA'][i % 4 + 1] AS carrier, "
        f"((i % 1000 + 0.5) / 10 + {shift}) / 100 AS prediction FROM range(4000) t(i)"
    )
    return trained_on(path, query)
