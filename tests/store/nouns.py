"""Nouns to put into a store, with everything said that a test does not care about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from daemon.domain.baseline import Baseline, BaselineColumn, BaselineKind
from daemon.domain.cohort import SCORE_BINS, Cohort, Truth
from daemon.domain.event import Event, Severity
from daemon.domain.finding import Against, Check, Finding, Reason, Statistic, Verdict
from daemon.domain.profile import Coverage, Health, Profile
from daemon.domain.remediation import Remediation, Remedy, State, Step, StepState
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.domain.trail import Phase, Trail
from daemon.domain.window import Window
from detectors.bins import CategoricalBins, NumericBins
from detectors.bounded_mean import Sums
from detectors.classification import Confusion
from detectors.latency import BUCKETS

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def window(n: int) -> Window:
    """Return the n-th quarter of an hour after T0."""
    return Window(T0 + n * QUARTER, T0 + (n + 1) * QUARTER)


def baseline(**changes: Any) -> Baseline:
    columns = {
        "distance": BaselineColumn(
            Column("distance", Kind.NUMERIC), NumericBins((0.1, 2.5)), np.array([7, 8, 5, 1, 0])
        ),
        "carrier": BaselineColumn(
            Column("carrier", Kind.CATEGORICAL, Role.PREDICTION, required=False),
            CategoricalBins(("AA", "UA"), frozenset({"HA", "B6"}), complete=True),
            np.array([10, 9, 2, 0, 0]),
        ),
    }
    known = [column.column for column in columns.values()]
    signature = Signature((known[0], Column("tail", Kind.CATEGORICAL)), (known[1],))
    plain = Baseline("flights", 3, BaselineKind.TRAINING, "dataset of run 7", 21, T0, columns, signature)
    return replace(plain, **changes)


def profile(n: int = 0, *, requests: int = 4, **changes: Any) -> Profile:
    """Return what the n-th window left behind: as many requests, all of them in latency bucket 5."""
    buckets = np.zeros(BUCKETS, np.int64)
    buckets[5] = requests
    health = Health(requests, 1, 0, buckets) if requests else Health()
    coverage = Coverage(requests, requests, requests, 2 * requests, {"broken_json": 1})
    plain = Profile("flights", 3, window(n), health, coverage, None, {}, Verdict.HEALTHY, Verdict.INCONCLUSIVE)
    return replace(plain, **changes)


def trail(
    n: int = 0, *, endpoint: str = "flights", version: int = 3, column: str = "distance", **changes: Any
) -> Trail:
    finding = Finding(
        endpoint=endpoint,
        version=version,
        check=Check(Statistic.KS, column),
        window=window(n),
        verdict=Verdict.BREACH,
        reason=Reason.CERTAINLY_BEYOND,
        n=2000,
        statistic=0.31,
        bound=0.27,
        threshold=0.1,
        against=Against.BEFORE,
        against_version=2,
        reported=(("p", 1e-300), ("js", 0.125)),
    )
    recent = (Verdict.HEALTHY, Verdict.BREACH)
    plain = Trail(finding, Phase.PENDING, window(n).start, recent, window(n).end)
    return replace(plain, **changes)


def health_trail(n: int = 0, **changes: Any) -> Trail:
    """Return a trail about errors, which no column has."""
    plain = trail(n, column="", **changes)
    return replace(plain, last=replace(plain.last, check=Check(Statistic.ERRORS_5XX)))


def remediation(name: str = "r1", **changes: Any) -> Remediation:
    plain = Remediation(
        id=name,
        endpoint="flights",
        remedy=Remedy.ROLLBACK,
        state=State.PROPOSED,
        reason="version_got_worse",
        sentence="flights fails more with version 3 than with 2",
        evidence={"error_rate_5xx": {"bound": 0.08}},
        model="main.models.flights",
        from_version=3,
        to_version=2,
        plan={"traffic": {"2": 100}},
        created_at=T0,
        updated_at=T0,
        deadline_at=T0 + timedelta(hours=2),
    )
    return replace(plain, **changes)


def step(n: int = 1, *, of: str = "r1", **changes: Any) -> Step:
    plain = Step(of, n, "set traffic", StepState.INTENT, f"token of {of}, {n}", {"config_version": 4})
    return replace(plain, **changes)


def event(key: str = "", *, at: datetime = T0, **changes: Any) -> Event:
    plain = Event(
        kind="remediation.succeeded",
        severity=Severity.INFO,
        sentence="flights is back on version 2",
        at=at,
        endpoint="flights",
        numbers={"seconds": 92.5},
        dedup_key=key,
    )
    return replace(plain, **changes)


def cohort(n: int = 0, *, rows: int = 10, **changes: Any) -> Cohort:
    """Return the n-th quarter of an hour after T0: so many rows, one of which was predicted wrong."""
    scores = np.zeros((2, SCORE_BINS), np.int64)
    scores[1, 999] = rows - 1
    sums = {"log_loss": Sums(rows, 1.5, 2.5, 13.8), "kpi/margin": Sums(rows, 3.0, 4.0, 40.0)}
    truth = Truth(rows, rows - 1, Confusion(rows - 1, 0, 1, 0), sums, scores)
    plain = Cohort("flights", 3, window(n), 2 * rows, rows, truth, Sums(rows, 8.0, 7.5, 1.0), True, False, T0, "s")
    return replace(plain, **changes)
