"""Count the cohorts that are due: read their predictions and the labels that have come, and judge what that says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from daemon.config.endpoint import EndpointSettings
from daemon.domain.cohort import Cohort
from daemon.domain.finding import Finding
from daemon.domain.sample import Part
from daemon.domain.schema import Signature
from daemon.domain.window import Window
from daemon.ports import Labels, PlatformError
from daemon.store import cohorts, endpoints, profiles
from daemon.store.engine import Store
from daemon.watch.labels.count import confidence, truth
from daemon.watch.labels.due import MOST, Counted, Due, due, needed_since, subject
from daemon.watch.labels.findings import SCALES, findings, reference, scales
from daemon.watch.labels.predictions import predictions

if TYPE_CHECKING:
    from daemon.watch.cycle import Doors


@dataclass(frozen=True, slots=True)
class Labelled:
    """What came of the labels at one look."""

    cohorts: Sequence[Cohort] = ()
    """Counted now, to be stored."""
    findings: Sequence[Finding] = ()
    notes: Sequence[str] = ()
    lost: str = ""
    """Why no labels are to be had; empty where some came, or where that is not known."""


def count_labels(
    settings: EndpointSettings,
    doors: "Doors",
    store: Store,
    entities: Mapping[int, Sequence[str]],
    *,
    now: datetime,
) -> Labelled:
    """Count what is due of the versions whose entities are given, oldest first, and answer for those that changed.

    What cannot be read is noted and tried again at the next look: labels hold up nothing else.
    """
    if settings.labels.table is None or doors.labels is None:
        return Labelled()
    counted: list[Cohort] = []
    found: list[Finding] = []
    notes: list[str] = []
    lost = ""
    left = MOST
    for version in sorted(entities):
        wanted = _due(settings, store, version, now=now)[:left]
        left -= len(wanted)
        try:
            mine, failed = _count(settings, doors, doors.labels, wanted, entities[version], now=now)
            if failed is not None:
                notes.append(f"labels of version {version} cannot be read: {failed}")
                lost = str(failed) if failed.permanent or failed.missing else lost
            if mine:
                logged = _logged(settings, doors, version) if settings.labels.baseline == "run" else None
                mine, said = judge_cohorts(settings, store, version, mine, logged)
                counted += mine
                found += said
        except PlatformError as error:
            notes.append(f"labels of version {version} cannot be judged: {error}")
        except ValueError as error:
            lost = str(error)
            notes.append(f"labels of version {version}: {error}")
    return Labelled(counted, found, notes, lost or _none_came(counted))


def _none_came(counted: Sequence[Cohort]) -> str:
    """Say so where predictions were left without a single label: a table that nobody fills fails without a word."""
    empty = [one for one in counted if one.final and one.predicted and not one.truth.labelled]
    if not empty:
        return ""
    newest = max(empty, key=lambda one: one.window)
    return f"none has come for the {newest.predicted} predictions of {newest.window.start:%F %T} UTC and after"


def _due(settings: EndpointSettings, store: Store, version: int, *, now: datetime) -> list[Due]:
    rules = settings.labels
    with store.read() as tx:
        stored = cohorts.counted(tx, settings.name, version, subject(rules))
        known = {window: Counted(*one) for window, one in stored.items()}
        windows = profiles.judged(tx, settings.name, version, needed_since(known, rules, now=now))
        read_until = endpoints.watermark(tx, settings.name)
    return due(version, windows, known, settings, read_until=read_until, now=now)


def _count(
    settings: EndpointSettings,
    doors: "Doors",
    labels: Labels,
    wanted: Sequence[Due],
    entities: Sequence[str],
    *,
    now: datetime,
) -> tuple[list[Cohort], PlatformError | None]:
    """Count one after the other until something fails. What was counted before stays counted."""
    counted: list[Cohort] = []
    if not wanted:
        return counted, None
    signature = doors.registry.signature(settings.model, wanted[0].version)
    for one in wanted:
        try:
            counted.append(_cohort(settings, doors, labels, signature, one, entities, now=now))
        except PlatformError as error:
            return counted, error
    return counted, None


def _cohort(
    settings: EndpointSettings,
    doors: "Doors",
    labels: Labels,
    signature: Signature,
    one: Due,
    entities: Sequence[str],
    *,
    now: datetime,
) -> Cohort:
    """Sample by the hash of the request id: the same requests at every count, whichever labels have come."""
    rules = settings.labels
    rate = min(1.0, rules.rows / one.requests)
    sample = doors.log.sample([Part(one.window, entity, rate) for entity in entities], salt=settings.name)
    made = predictions(sample, signature, rules)
    known = labels.of(made.ids, one.window.start)
    true = truth(made, known, rules)
    all_there = len(made.ids) > 0 and true.labelled == len(made.ids) and now >= one.window.end + settings.watch.overlap
    return Cohort(
        endpoint=settings.name,
        version=one.version,
        window=one.window,
        requests=one.requests,
        predicted=len(made.ids),
        truth=true,
        confidence=confidence(made),
        well=one.well,
        final=all_there or now >= one.window.end + rules.delay,
        counted_at=now,
        subject=subject(rules),
    )


def judge_cohorts(
    settings: EndpointSettings,
    store: Store,
    version: int,
    counted: Sequence[Cohort],
    logged: Mapping[str, float] | None,
) -> tuple[list[Cohort], list[Finding]]:
    """Lay what was counted over what is known, choose what to compare with where that can be, and answer.

    `logged` are the metrics of the version's training run, where it is compared with these. Returned are the cohorts to
    be stored, and what all of them say.
    """
    rules = settings.labels
    since = min(one.window.start for one in counted) - 2 * max(SCALES[-1], scales(settings)[-1]) * rules.cohort
    with store.read() as tx:
        before = cohorts.load(tx, settings.name, version, subject(rules), since=since)
    laid: dict[Window, Cohort] = {one.window: one for one in (*before, *counted)}
    compared = reference(list(laid.values()), rules)
    chosen = [one for one in compared if not laid[one.window].reference]
    laid |= {one.window: one for one in chosen}
    changed = {one.window: laid[one.window] for one in (*counted, *chosen)}
    return list(changed.values()), findings(list(laid.values()), logged, settings)


def _logged(settings: EndpointSettings, doors: "Doors", version: int) -> Mapping[str, float]:
    run_id = doors.registry.version(settings.model, version).run_id
    return doors.registry.metrics(run_id) if run_id else {}
