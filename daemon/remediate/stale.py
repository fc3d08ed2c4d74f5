"""Which versions are stale, and what housekeeping may do about them. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.config.remedies import Archive
from daemon.domain.registry import ModelVersion, Stage

MARKED = "mlsteward.stale_since"
"""Set when a version is marked. Whoever removes it, or sets it to `keep`, has objected."""
ARCHIVED = "mlsteward.archived"
KEEP = "keep"
NAMED = frozenset({Stage.STAGING, Stage.PRODUCTION})
"""A version in one of these is called by its stage, as another one is by an alias."""


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """What is due: versions to mark, versions to archive, or a reason to do nothing at all."""

    mark: tuple[int, ...] = ()
    archive: tuple[int, ...] = ()
    refused: str = ""


def due(versions: Sequence[ModelVersion], *, in_use: Collection[int], rules: Archive, now: datetime) -> Housekeeping:
    """Tell what is due.

    Never a version that serves anywhere, has an alias or a stage, is among the newest `keep`, is in an open
    remediation or is the last known good one (`in_use`). No version at all is an error of whoever asked, and more than
    `most` at once is a surprise: then nothing is done.
    """
    if not versions:
        return Housekeeping(refused="the registry shows no version of the model: nothing can be stale")
    newest = {v.version for v in sorted(versions, key=lambda v: v.version)[-rules.keep :]}
    candidates = [
        v
        for v in versions
        if v.version not in newest
        and not needed(v, in_use=in_use)
        and ARCHIVED not in v.tags
        and now - v.created_at >= rules.older_than
    ]
    if len(candidates) > rules.most:
        many = ", ".join(str(v.version) for v in candidates)
        return Housekeeping(
            refused=f"{len(candidates)} versions are stale ({many}), more than {rules.most}: look first"
        )
    ripe = [v for v in candidates if MARKED in v.tags and _marked_for(v, now) >= rules.wait]
    fresh = [v for v in candidates if MARKED not in v.tags]
    return Housekeeping(tuple(v.version for v in fresh), tuple(v.version for v in ripe))


def spared(
    chosen: Collection[int],
    versions: Sequence[ModelVersion],
    *,
    in_use: Collection[int],
    rules: Archive,
    now: datetime,
) -> str:
    """Say why versions whose turn had come are left alone after all; empty where every one of them is still due.

    They are held to the same rules again, but for the tag that they may have got in the meantime.
    """
    bare = [
        replace(v, tags={k: t for k, t in v.tags.items() if k != ARCHIVED or v.version not in chosen}) for v in versions
    ]
    found = due(bare, in_use=in_use, rules=rules, now=now)
    left = [v for v in chosen if v not in found.archive]
    if not left or found.refused:
        return found.refused
    known = next((v for v in bare if v.version == left[0]), None)
    if known is None:
        return f"version {left[0]} is gone from the registry"
    return needed(known, in_use=in_use) or f"version {left[0]} lost its mark, or is among the newest by now"


def needed(version: ModelVersion, *, in_use: Collection[int]) -> str:
    """Say who needs a version, empty where nobody does."""
    if version.version in in_use:
        return f"version {version.version} is in use"
    if version.aliases:
        return f"version {version.version} is called {', '.join(version.aliases)}"
    if version.stage in NAMED:
        return f"version {version.version} is in {version.stage}"
    if version.tags.get(MARKED) == KEEP:
        return f"version {version.version} is to be kept"
    return ""


def _marked_for(version: ModelVersion, now: datetime) -> timedelta:
    """Return how long ago the mark was set. A mark that is no time was set by a person, and never ripens."""
    try:
        return now - datetime.fromisoformat(version.tags[MARKED])
    except (ValueError, TypeError):
        return timedelta.min
