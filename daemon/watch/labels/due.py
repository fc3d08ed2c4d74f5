"""Which cohorts are to be counted now: new ones, and those whose labels are still awaited. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.config.labels import Labels
from daemon.domain.finding import Verdict
from daemon.domain.window import EPOCH, Window, floor

MOST = 32
"""Cohorts that one look counts: what is left waits for the next."""
ILL_SHARE = 0.1
"""A cohort with more of its requests in windows of ill health is no measure for others."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of a cohort that was counted before."""

    final: bool
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    version: int
    window: Window
    requests: int
    well: bool


def subject(rules: Labels) -> str:
    """Return a name for what is counted, and how. Not in it: what judges the counts."""
    names = ("table", "id", "label", "time", "kind", "prediction", "score", "threshold", "positive", "range", "cohort")
    about = rules.model_dump(mode="json", include=set(names))
    kpis = [(kpi.name, kpi.sql, kpi.better, kpi.range) for kpi in rules.kpis]
    told = json.dumps([about, rules.error_limit, kpis], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def needed_since(counted: Mapping[Window, Counted], rules: Labels, *, now: datetime) -> datetime:
    """Return from when on the version's windows have to be known to tell what is due."""
    again = [w.start for w, one in counted.items() if _again(one, rules, now=now)]
    return min([*again, max((w.end for w in counted), default=EPOCH)])


def due(
    version: int,
    windows: Sequence[tuple[Window, Verdict, int]],
    counted: Mapping[Window, Counted],
    settings: EndpointSettings,
    *,
    read_until: datetime | None,
    now: datetime,
) -> list[Due]:
    """Return the cohorts of a version that are over and to be counted, oldest first.

    `windows` are those of the version with their health and requests. A cohort is over once the traffic was read to its
    end, or no more of it is awaited. It is counted as soon as it is over, again every
    `every` while labels are awaited, and once more when none are: after that, never.
    """
    rules = settings.labels
    requests: dict[Window, int] = {}
    ill: dict[Window, int] = {}
    for window, health, n in windows:
        start = floor(window.start, rules.cohort)
        cohort = Window(start, start + rules.cohort)
        over = (read_until is not None and cohort.end <= read_until) or cohort.end + settings.watch.overlap <= now
        if over and cohort.end <= now:
            requests[cohort] = requests.get(cohort, 0) + n
            ill[cohort] = ill.get(cohort, 0) + (n if health is Verdict.BREACH else 0)
    return [
        Due(version, cohort, n, ill[cohort] <= ILL_SHARE * n)
        for cohort, n in sorted(requests.items())
        if n and (cohort not in counted or _again(counted[cohort], rules, now=now))
    ]


def _again(one: Counted, rules: Labels, *, now: datetime) -> bool:
    return not one.final and now - one.counted_at >= rules.every
