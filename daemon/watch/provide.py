"""A baseline for every version that serves: the one in the store, else one made now and stored."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Cause, Verdict
from daemon.domain.sample import Part
from daemon.domain.window import EPOCH, Window
from daemon.ports import PlatformError
from daemon.store import baselines, profiles
from daemon.store.engine import Store
from daemon.watch.baseline import from_batches, from_file, from_rows
from daemon.watch.decode import decode
from daemon.watch.memory import Memory
from daemon.watch.segments import words

if TYPE_CHECKING:
    from daemon.watch.cycle import Doors


def provide(
    settings: EndpointSettings,
    doors: "Doors",
    store: Store,
    known: Memory,
    entities: Mapping[int, Sequence[str]],
    *,
    now: datetime,
    scratch: Path,
) -> tuple[dict[int, Baseline], list[str]]:
    """Return the baselines of the versions whose entities are given, and what kept others from having one.

    A version without a baseline is still watched for its health; only its drift cannot be told. One that serves no
    longer gets no new one.
    """
    with store.read() as tx:
        stored = {v: baselines.current(tx, settings.name, v) for v in entities}
    found = {v: b for v, b in stored.items() if b is not None}
    wanted = tuple(sorted(settings.segments.columns))
    whole = {v for v, b in found.items() if b.segmented_by == wanted}
    notes = []
    for version in sorted(known.trails.keys() & entities.keys() - whole):
        try:
            made = _training(settings, doors, version, now=now, scratch=scratch)
            if made is None:
                made = _first(settings, doors, store, known, version, entities[version], now=now)
        except (PlatformError, ValueError, OSError) as error:
            notes.append(f"version {version} has {_lacks(version, found)}: {error}")
            continue
        if made is None:
            notes.append(f"version {version} has {_lacks(version, found)} yet")
            continue
        with store.begin() as tx:
            found[version] = baselines.save(tx, made)
        notes.append(_told(made))
    return found, notes


def _lacks(version: int, found: Mapping[int, Baseline]) -> str:
    return "no baseline by these segments" if version in found else "no baseline"


def _told(made: Baseline) -> str:
    """Say what a baseline is of, and which of the columns that segments were asked of have none."""
    told = f"baseline of version {made.version} made from {made.source}: {made.rows} rows"
    if made.segments:
        told += f"; segments: {words(made.segments)}"
    if lacking := sorted({*made.segmented_by} - {one.column for one in made.segments}):
        told += f"; no value of {', '.join(lacking)} is frequent enough for a segment"
    return told


def _training(
    settings: EndpointSettings, doors: "Doors", version: int, *, now: datetime, scratch: Path
) -> Baseline | None:
    """Make a baseline of the data that the version was trained on; None where the settings or the run name none."""
    rules = settings.baseline
    if rules.kind == "first":
        return None
    signature = doors.registry.signature(settings.model, version)
    if rules.path is not None and _is_table(rules.path):
        rows = doors.tables.rows(rules.path)
        return from_rows(
            rows,
            signature,
            endpoint=settings.name,
            version=version,
            source=rules.path,
            rows=rules.rows,
            now=now,
            segments=settings.segments,
        )
    folder = scratch / f"baseline-{settings.name}-{version}"
    try:
        path, source = _training_file(settings, doors, version, folder)
        if path is None:
            if rules.or_first:
                return None
            raise ValueError("its run logged no dataset with context `training`; set baseline.path or or_first")
        return from_file(
            path,
            signature,
            endpoint=settings.name,
            version=version,
            source=source,
            rows=rules.rows,
            now=now,
            segments=settings.segments,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_table(path: str) -> bool:
    return "://" in path or (Path(path) / "_delta_log").exists()


def _training_file(settings: EndpointSettings, doors: "Doors", version: int, folder: Path) -> tuple[Path | None, str]:
    if settings.baseline.path is not None:
        return Path(settings.baseline.path), settings.baseline.path
    run_id = doors.registry.version(settings.model, version).run_id
    folder.mkdir(parents=True, exist_ok=True)
    return (doors.registry.training_data(run_id, folder) if run_id else None), f"the training data of run {run_id}"


def _first(
    settings: EndpointSettings,
    doors: "Doors",
    store: Store,
    known: Memory,
    version: int,
    entities: Sequence[str],
    *,
    now: datetime,
) -> Baseline | None:
    """Make a baseline of the first rows that the version served, once there are enough and while it is in good health.

    Windows in breach are left out. What was served until now is known from the profiles; no row is read before there
    are enough.
    """
    health = [t for t in known.trails[version].values() if t.last.check.cause is Cause.HEALTH]
    if any(t.phase.trouble for t in health):
        return None
    with store.read() as tx:
        judged = profiles.judged(tx, settings.name, version, EPOCH)
    wanted = settings.baseline.rows
    served = [(window, requests) for window, verdict, requests in judged if verdict is not Verdict.BREACH]
    if sum(requests for _, requests in served) < wanted:
        return None
    signature = doors.registry.signature(settings.model, version)
    parts = [Part(window, entity, rate) for window, rate in _first_windows(served, wanted) for entity in entities]
    return from_batches(
        [decode(doors.log.sample(parts, salt=settings.name), signature)],
        signature,
        endpoint=settings.name,
        version=version,
        source=f"the first requests it served, from {served[0][0].start:%F %T} UTC",
        rows=wanted,
        now=now,
        segments=settings.segments,
    )


def _first_windows(served: Sequence[tuple[Window, int]], wanted: int) -> Iterator[tuple[Window, float]]:
    """Yield the first windows until there are enough requests, with the share of each that is wanted."""
    for window, requests in served:
        if wanted > 0 and requests:
            yield window, min(1.0, wanted / requests)
            wanted -= requests
