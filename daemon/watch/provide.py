"""A baseline for every version that serves: the one in the store, else one made now and stored."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Cause, Phase
from daemon.domain.sample import Part
from daemon.domain.serving import EndpointState
from daemon.domain.window import closed_windows
from daemon.ports import PlatformError
from daemon.store import baselines
from daemon.store.engine import Store
from daemon.watch.baseline import from_batches, from_file
from daemon.watch.decode import decode
from daemon.watch.memory import Memory
from daemon.watch.sample import MOST_WINDOWS

if TYPE_CHECKING:
    from daemon.watch.cycle import Doors


def provide(
    settings: EndpointSettings,
    doors: "Doors",
    known: Memory,
    state: EndpointState,
    versions: Mapping[str, int],
    store: Store,
    *,
    now: datetime,
    scratch: Path,
) -> tuple[dict[int, Baseline], list[str]]:
    """Return the baselines of the versions that serve, and what kept others from having one.

    A version without a baseline is still watched for its health; only its drift cannot be told.
    """
    found, notes = dict(known.baselines), []
    for version in sorted({e.version for e in state.served if e.model == settings.model} - found.keys()):
        try:
            made = _training(settings, doors, version, now=now, scratch=scratch)
            if made is None:
                made = _first(settings, doors, known, version, versions, now=now)
        except (PlatformError, ValueError) as error:
            notes.append(f"version {version} has no baseline: {error}")
            continue
        if made is None:
            notes.append(f"version {version} has no baseline yet")
            continue
        with store.begin() as tx:
            found[version] = baselines.save(tx, made)
        notes.append(f"baseline of version {version} made from {made.source}: {made.rows} rows")
    return found, notes


def _training(
    settings: EndpointSettings, doors: "Doors", version: int, *, now: datetime, scratch: Path
) -> Baseline | None:
    """Make a baseline of the data that the version was trained on; None where the settings or the run name none."""
    rules = settings.baseline
    if rules.kind != "training":
        return None
    signature = doors.registry.signature(settings.model, version)
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
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _training_file(settings: EndpointSettings, doors: "Doors", version: int, folder: Path) -> tuple[Path | None, str]:
    if settings.baseline.path is not None:
        return Path(settings.baseline.path), settings.baseline.path
    run_id = doors.registry.version(settings.model, version).run_id
    folder.mkdir(parents=True, exist_ok=True)
    return (doors.registry.training_data(run_id, folder) if run_id else None), f"the training data of run {run_id}"


def _first(
    settings: EndpointSettings,
    doors: "Doors",
    known: Memory,
    version: int,
    versions: Mapping[str, int],
    *,
    now: datetime,
) -> Baseline | None:
    """Make a baseline of the first rows that the version served, once there are enough and while it is in good health.

    Nothing is kept between looks: until there are enough rows, every look counts them anew, without their payloads.
    """
    trails = known.trails.get(version, {}).values()
    if any(t.last.check.cause is Cause.HEALTH and t.phase in (Phase.PENDING, Phase.FIRING) for t in trails):
        return None
    parts, requests = _first_parts(settings, doors, known, version, versions, now=now)
    if requests < settings.baseline.rows:
        return None
    signature = doors.registry.signature(settings.model, version)
    batch = decode(doors.log.sample(parts, salt=settings.name), signature)
    return from_batches(
        [batch],
        signature,
        endpoint=settings.name,
        version=version,
        source=f"the first requests it served, from {parts[0].window.start:%F %T} UTC",
        rows=settings.baseline.rows,
        now=now,
    )


def _first_parts(
    settings: EndpointSettings,
    doors: "Doors",
    known: Memory,
    version: int,
    versions: Mapping[str, int],
    *,
    now: datetime,
) -> tuple[Sequence[Part], int]:
    """Return the version's first windows, up to as many requests as are wanted."""
    watch = settings.watch
    end = now - watch.settle
    start = max(known.changed_at or end, end - MOST_WINDOWS * watch.window)
    mine = [
        c
        for c in doors.log.health(list(closed_windows(start, end, watch.window)))
        if versions.get(c.entity_id) == version
    ]
    parts, requests = [], 0
    for count in sorted(mine, key=lambda c: (c.window, c.entity_id)):
        if requests < settings.baseline.rows:
            parts.append(Part(count.window, count.entity_id, 1.0))
            requests += count.requests
    return parts, requests
