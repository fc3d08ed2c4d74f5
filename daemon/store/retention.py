"""What is too old to keep goes, in portions: one huge DELETE would keep every other writer waiting."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Table, delete, exists, select, tuple_

from daemon.domain.remediation import OPEN
from daemon.store.engine import Tx
from daemon.store.tables import baseline, cohort, event, profile, remediation, restraint


@dataclass(frozen=True, slots=True)
class Pruned:
    """Rows removed. More may be left where a number equals the portion: prune again."""

    profiles: int
    events: int
    remediations: int
    baselines: int
    cohorts: int = 0
    restraints: int = 0

    @property
    def rows(self) -> int:
        return self.profiles + self.events + self.remediations + self.baselines + self.cohorts + self.restraints


def prune(tx: Tx, *, profiles_before: datetime, events_before: datetime, portion: int = 20_000) -> Pruned:
    """Remove at most a portion of each kind of what ended before.

    Kept whatever their age: events not yet delivered, open remediations, baselines that a profile is counted in, and
    the newest baseline of each version; and the cohorts that a version is compared with, as long as it has newer ones.
    """
    return Pruned(
        profiles=_remove(tx, profile, profile.c.window_end < profiles_before, portion=portion),
        events=_remove(tx, event, _told(before=events_before), portion=portion),
        remediations=_remove(tx, remediation, _ended(before=events_before), portion=portion),
        baselines=_remove(tx, baseline, _replaced(before=profiles_before), portion=portion),
        cohorts=_remove(tx, cohort, _outlived(before=profiles_before), portion=portion),
        restraints=_remove(tx, restraint, _over(before=events_before), portion=portion),
    )


def _told(*, before: datetime) -> ColumnElement[bool]:
    return (event.c.at < before) & (event.c.delivered_at.is_not(None) | (event.c.dedup_key == ""))


def _ended(*, before: datetime) -> ColumnElement[bool]:
    return remediation.c.state.not_in(OPEN) & (remediation.c.updated_at < before)


def _over(*, before: datetime) -> ColumnElement[bool]:
    return (restraint.c.lifted_at < before) | (restraint.c.until < before)


def _replaced(*, before: datetime) -> ColumnElement[bool]:
    newer = baseline.alias()
    same = (newer.c.endpoint == baseline.c.endpoint) & (newer.c.version == baseline.c.version)
    counted = exists().where(profile.c.baseline_id == baseline.c.id)
    return (baseline.c.created_at < before) & ~counted & exists().where(same, newer.c.id > baseline.c.id)


def _outlived(*, before: datetime) -> ColumnElement[bool]:
    newer = cohort.alias()
    same = (newer.c.endpoint == cohort.c.endpoint) & (newer.c.version == cohort.c.version)
    needed = cohort.c.reference & exists().where(same, newer.c.window_end >= before)
    return (cohort.c.window_end < before) & ~needed


def _remove(tx: Tx, table: Table, old: ColumnElement[bool], *, portion: int) -> int:
    key = tuple_(*table.primary_key)
    return tx.execute(delete(table).where(key.in_(select(*table.primary_key).where(old).limit(portion)))).rowcount
