"""What a configuration means for one endpoint, in words: which shift is certain, after how many records, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from daemon.cli.show import length
from daemon.config.detection import Level
from daemon.config.endpoint import EndpointSettings
from daemon.config.fields import SecretError
from daemon.config.settings import Settings
from daemon.store import baselines, histories, profiles
from daemon.store.engine import Store, StoreError, Tx
from daemon.watch.scales import confidence
from detectors import budget

ASSUMED_COLUMNS = 20
LATELY = timedelta(days=7)
STEPS = {Level.IMMEDIATE: timedelta(), Level.DAILY: timedelta(days=1), Level.WEEKLY: timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the store knows of what an endpoint was asked lately."""

    version: int
    """The one that answered most."""
    an_hour: float
    """Records that were counted of it."""
    columns: int
    varies: float
    """How much more single windows vary than independent records would: the median over the columns; nan: not known."""


def traffic_of(settings: Settings, *, now: datetime) -> dict[str, Traffic]:
    """Return the traffic of every endpoint of which any is known. A store that is not there yet knows of none."""
    try:
        store = Store.open(settings.store, migrate=False)
    except (StoreError, SecretError):
        # a credential is there for the service alone
        return {}
    try:
        with store.read() as tx:
            found = {e.name: _traffic(tx, e.name, now) for e in settings.endpoints}
    finally:
        store.close()
    return {name: one for name, one in found.items() if one is not None}


def _traffic(tx: Tx, endpoint: str, now: datetime) -> Traffic | None:
    counted = profiles.records(tx, endpoint, since=now - LATELY)
    if not counted:
        return None
    version, (records, since) = max(counted.items(), key=lambda one: one[1][0])
    baseline = baselines.current(tx, endpoint, version)
    if not records or baseline is None:
        return None
    history = histories.of(tx, baseline)
    phi = [effect.phi[0] for (_, kind), effect in history.effects.items() if kind is None] if history else []
    varies = float(np.median(phi)) if phi else float("nan")
    return Traffic(version, records / ((now - since) / timedelta(hours=1)), len(baseline.columns), varies)


def means(endpoint: EndpointSettings, traffic: Traffic | None) -> str:
    """Say what the tolerance and the budget ask of the traffic."""
    rules, rows = endpoint.drift, rows_wanted(endpoint, traffic)
    columns = f"{traffic.columns} columns" if traffic else f"say {ASSUMED_COLUMNS} columns"
    alarms = f"{rules.false_alarms_per_year:g} false alarm{'s' if rules.false_alarms_per_year != 1 else ''} a year"
    told = [f"a shift of {_shift(endpoint):.2g} is certain after about {rows:,} records ({columns}, at most {alarms})"]
    if traffic is not None:
        took, more = time_wanted(endpoint, traffic), (endpoint.decide.breaches - 1) * endpoint.watch.window
        told.append(
            f"version {traffic.version} gives {traffic.an_hour:,.0f} an hour to count: that takes about {length(took)}"
            + (f", and {length(more)} more until {endpoint.decide.breaches} windows have said so" if more else "")
        )
    if rules.design_effect is None and (traffic is None or np.isnan(traffic.varies)):
        told.append("it takes more where its windows vary by themselves, which is learnt while it is watched")
    return "; ".join(told)


def _shift(endpoint: EndpointSettings) -> float:
    return min(1.0, 2 * endpoint.drift.tolerance)


def rows_wanted(endpoint: EndpointSettings, traffic: Traffic | None) -> int:
    """Return the records that certify a shift of twice the tolerance, were the baseline endless.

    It must exceed the tolerance (G1), and what its own windows do by themselves (G2): `phi / 4` as many for this shift.
    """
    tolerance, alpha = endpoint.drift.tolerance, confidence(endpoint, traffic.columns if traffic else ASSUMED_COLUMNS)
    rows = budget.rows_to_certify(_shift(endpoint), tolerance, alpha)
    stated = endpoint.drift.design_effect
    varies = stated if stated is not None else traffic.varies if traffic else 1.0
    return int(np.ceil(rows * max(1.0, varies / 4))) if np.isfinite(varies) else rows


def time_wanted(endpoint: EndpointSettings, traffic: Traffic) -> timedelta:
    """Return after how long so many records have come: whole windows, and no less than the level's shortest stretch."""
    window, hours = endpoint.watch.window, rows_wanted(endpoint, traffic) / traffic.an_hour
    step = max(window, STEPS[endpoint.sensitivity.feature])
    return step * int(np.ceil(timedelta(hours=hours) / step))
